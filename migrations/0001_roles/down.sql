-- The roles stay: another database of the same cluster may need them.
SELECT 1;
