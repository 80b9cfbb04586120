-- Each event once, whatever was sent how often. The key compares byte for byte (TEXT, BINARY collation).
CREATE TABLE processed_events (
    seq             INTEGER PRIMARY KEY,
    topic           TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    timestamp       TEXT NOT NULL,
    source          TEXT NOT NULL,
    payload         TEXT NOT NULL,
    processed_at_ms INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
    UNIQUE (topic, event_id)
) STRICT;

-- An index of a rowid table ends in the rowid, here seq: one topic reads back newest first at constant cost.
CREATE INDEX processed_events_by_topic ON processed_events (topic);

-- One row: SQLite has one writer at a time, so nobody waits for it.
CREATE TABLE counters (
    only_row          INTEGER PRIMARY KEY CHECK (only_row = 1),
    received          INTEGER NOT NULL,
    unique_processed  INTEGER NOT NULL,
    duplicate_dropped INTEGER NOT NULL
) STRICT;

INSERT INTO counters VALUES (1, 0, 0, 0);

CREATE VIEW stats AS
SELECT received, unique_processed, duplicate_dropped, 0 AS pending, 0 AS processing
FROM counters;
