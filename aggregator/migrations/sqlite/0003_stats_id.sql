-- One row under a number, as other services of this contract show it.
DROP VIEW stats;
CREATE VIEW stats AS
SELECT received, unique_processed, duplicate_dropped, pending, 0 AS processing, 1 AS id
FROM counters;
