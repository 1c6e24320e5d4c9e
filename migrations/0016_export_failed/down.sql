DROP FUNCTION smd.fail_export;
