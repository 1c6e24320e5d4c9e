DROP FUNCTION smd.budget_used();
