-- One row under a number, as other services of this contract show it.
CREATE OR REPLACE VIEW stats AS
SELECT coalesce(sum(received), 0)::bigint          AS received,
       coalesce(sum(unique_processed), 0)::bigint  AS unique_processed,
       coalesce(sum(duplicate_dropped), 0)::bigint AS duplicate_dropped,
       coalesce(sum(pending), 0)::bigint           AS pending,
       0::bigint                                   AS processing,
       1                                           AS id
FROM counter_deltas;
