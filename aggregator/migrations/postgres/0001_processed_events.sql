-- Every statement that stores events takes one block; an event's seq is the block's number and its place in the block.
CREATE SEQUENCE event_blocks;

-- Each event once, whatever was sent how often. COLLATE "C" compares keys byte for byte, and is the fastest to index.
-- The payload is text and not jsonb, which would not keep key order, number spelling and repeated keys.
CREATE TABLE processed_events (
    seq          bigint PRIMARY KEY DEFAULT (nextval('event_blocks') << 16),
    topic        text COLLATE "C" NOT NULL,
    event_id     text COLLATE "C" NOT NULL,
    timestamp    text NOT NULL,
    source       text NOT NULL,
    payload      text NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (topic, event_id)
);

-- One topic reads back newest first at constant cost.
CREATE INDEX processed_events_by_topic ON processed_events (topic, seq);

-- The counters are the sum of this table: each statement appends its own row, so no two wait for one hot row.
-- The rows are folded into one from time to time.
CREATE TABLE counter_deltas (
    received          bigint NOT NULL,
    unique_processed  bigint NOT NULL,
    duplicate_dropped bigint NOT NULL
);

CREATE VIEW stats AS
SELECT coalesce(sum(received), 0)::bigint          AS received,
       coalesce(sum(unique_processed), 0)::bigint  AS unique_processed,
       coalesce(sum(duplicate_dropped), 0)::bigint AS duplicate_dropped,
       0::bigint                                   AS pending,
       0::bigint                                   AS processing
FROM counter_deltas;
