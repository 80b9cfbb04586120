-- What was accepted and is not stored yet, in the order in which it came. It leaves in the transaction that stores and counts it.
CREATE TABLE inbox (
    id        INTEGER PRIMARY KEY,
    topic     TEXT NOT NULL,
    event_id  TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    source    TEXT NOT NULL,
    payload   TEXT NOT NULL
) STRICT;

ALTER TABLE counters ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;

DROP VIEW stats;
CREATE VIEW stats AS
SELECT received, unique_processed, duplicate_dropped, pending, 0 AS processing
FROM counters;
