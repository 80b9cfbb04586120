-- What was accepted and is not stored yet. A worker deletes what it takes in the transaction that stores and counts it: the
-- row's lock is the lease, and a transaction that ends in any other way gives the row back.
CREATE TABLE inbox (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic     text COLLATE "C" NOT NULL,
    event_id  text COLLATE "C" NOT NULL,
    timestamp text NOT NULL,
    source    text NOT NULL,
    payload   text NOT NULL
) WITH (
    -- Rows come and go: what is dead is swept up long before a fifth of the table is.
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 10000
);

ALTER TABLE counter_deltas ADD COLUMN pending bigint NOT NULL DEFAULT 0;

CREATE OR REPLACE VIEW stats AS
SELECT coalesce(sum(received), 0)::bigint          AS received,
       coalesce(sum(unique_processed), 0)::bigint  AS unique_processed,
       coalesce(sum(duplicate_dropped), 0)::bigint AS duplicate_dropped,
       coalesce(sum(pending), 0)::bigint           AS pending,
       0::bigint                                   AS processing
FROM counter_deltas;
