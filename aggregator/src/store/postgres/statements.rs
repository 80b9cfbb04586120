//! Statements for PostgreSQL.

/// Stores the new events of a group and counts all of it, in one statement and so in one
/// transaction.
///
/// If no row comes back for a key, the event is a duplicate and its first copy is durable. ON
/// CONFLICT DO NOTHING waits for another connection's uncommitted row of the same key, and inserts
/// if that transaction fails. The rows come sorted by key, so that statements wait for each other
/// in one order. `seq` is the number of a block, which no other statement gets, and the event's
/// position in the group. It gives the order of the rows, the listing's cursor, and each event's
/// place in the response.
pub(super) const STORE: &str = "
    WITH inserted AS (
        INSERT INTO processed_events (seq, topic, event_id, timestamp, source, payload)
        SELECT (SELECT nextval('event_blocks') << 16) + position, topic, event_id, timestamp, source, payload
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int4[])
             AS event (topic, event_id, timestamp, source, payload, position)
        ON CONFLICT (topic, event_id) DO NOTHING
        RETURNING (seq & 65535)::int4 AS position
    ), counted AS (
        INSERT INTO counter_deltas (received, unique_processed, duplicate_dropped)
        SELECT $7, count(*), $7 - count(*) FROM inserted
    )
    SELECT coalesce(array_agg(position), '{}') FROM inserted";

/// Puts events into the inbox, in the order of the requests, and counts them, in one statement.
pub(super) const ACCEPT: &str = "
    WITH accepted AS (
        INSERT INTO inbox (topic, event_id, timestamp, source, payload)
        SELECT topic, event_id, timestamp, source, payload
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
             WITH ORDINALITY AS event (topic, event_id, timestamp, source, payload, place)
        ORDER BY place
    )
    INSERT INTO counter_deltas (received, unique_processed, duplicate_dropped, pending) VALUES ($6, 0, 0, $6)";

/// Takes the oldest events that no other worker is storing, stores the new ones and counts all, in
/// one statement and so in one transaction. The lock of a row in the inbox is the lease, and ends
/// with the session that holds it.
///
/// Of each key the first event is tried, and keys in their order, as in [`STORE`].
pub(super) const DRAIN: &str = "
    WITH taken AS (
        DELETE FROM inbox
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM inbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
        RETURNING *
    ), placed AS (
        SELECT DISTINCT ON (event_id, topic) *, row_number() OVER (ORDER BY id) AS position
        FROM taken ORDER BY event_id, topic, id
    ), inserted AS (
        INSERT INTO processed_events (seq, topic, event_id, timestamp, source, payload)
        SELECT (SELECT nextval('event_blocks') << 16) + position, topic, event_id, timestamp, source, payload
        FROM placed ORDER BY event_id, topic
        ON CONFLICT (topic, event_id) DO NOTHING
        RETURNING 1
    ), counted AS (
        SELECT (SELECT count(*) FROM taken) AS taken, (SELECT count(*) FROM inserted) AS inserted
    ), deltas AS (
        INSERT INTO counter_deltas (received, unique_processed, duplicate_dropped, pending)
        SELECT 0, inserted, taken - inserted, -taken FROM counted WHERE taken > 0
    )
    SELECT taken, inserted FROM counted";

/// Replaces many rows of the counters by their sum, in one statement. Every snapshot sees either
/// the rows or the sum. Two statements that fold at the same time take different rows.
pub(super) const FOLD: &str = "
    WITH folded AS (
        DELETE FROM counter_deltas
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM counter_deltas LIMIT 10000 FOR UPDATE SKIP LOCKED))
        RETURNING received, unique_processed, duplicate_dropped, pending
    )
    INSERT INTO counter_deltas (received, unique_processed, duplicate_dropped, pending)
    SELECT sum(received), sum(unique_processed), sum(duplicate_dropped), sum(pending) FROM folded HAVING count(*) > 0";

/// Finds the topics by leaping from one to the next in the key's index: as many steps as there are
/// topics, for any number of events. The counters stand beside them, so that all is one statement
/// and one snapshot. $1 is the topic after which the list begins, $2 its length.
pub(super) const COUNTS: &str = "
    WITH RECURSIVE topics (topic) AS (
        SELECT min(topic) FROM processed_events
        UNION ALL
        SELECT (SELECT min(e.topic) FROM processed_events e WHERE e.topic > topics.topic)
        FROM topics WHERE topics.topic IS NOT NULL
    ), listed (topic, number) AS (
        SELECT min(topic), 1::bigint FROM processed_events WHERE topic > $1
        UNION ALL
        SELECT (SELECT min(e.topic) FROM processed_events e WHERE e.topic > listed.topic), number + 1
        FROM listed WHERE listed.topic IS NOT NULL AND number < $2
    )
    SELECT received, unique_processed, duplicate_dropped, pending, (SELECT count(topic) FROM topics),
           (SELECT coalesce(array_agg(topic), '{}') FROM listed WHERE topic IS NOT NULL)
    FROM stats";

pub(super) const PENDING: &str = "SELECT pending FROM stats";

/// A page: $1 is the topic, $2 the cursor, $3 the rows, $4 the bytes beyond which rows have no
/// content. A character of a name may need six bytes in a response.
macro_rules! page {
    ($condition:literal) => {
        concat!(
            "SELECT seq, size::bigint,
                    CASE WHEN before < $4 THEN topic END, CASE WHEN before < $4 THEN event_id END,
                    CASE WHEN before < $4 THEN timestamp END, CASE WHEN before < $4 THEN source END,
                    CASE WHEN before < $4 THEN payload END,
                    floor(extract(epoch FROM processed_at) * 1000)::bigint
             FROM (SELECT *, sum(size) OVER (ORDER BY seq DESC) - size AS before
                   FROM (SELECT *, octet_length(payload) + 200 + 6 *
                                   (octet_length(topic) + octet_length(event_id) + octet_length(source)) AS size
                         FROM processed_events WHERE ",
            $condition,
            " ORDER BY seq DESC LIMIT $3) AS page) AS measured
             ORDER BY seq DESC"
        )
    };
}
pub(super) const PAGE: &str = page!("$1::text IS NULL AND seq < $2");
pub(super) const PAGE_OF_TOPIC: &str = page!("topic = $1 AND seq < $2");

/// A part of a page: $1 is the topic, $2 the oldest place and $3 the newest.
macro_rules! rows {
    ($condition:literal) => {
        concat!(
            "SELECT seq, topic, event_id, timestamp, source, payload,
                    floor(extract(epoch FROM processed_at) * 1000)::bigint AS processed_at_ms
             FROM processed_events WHERE ",
            $condition,
            " AND seq BETWEEN $2 AND $3 ORDER BY seq DESC"
        )
    };
}
pub(super) const ROWS: &str = rows!("$1::text IS NULL");
pub(super) const ROWS_OF_TOPIC: &str = rows!("topic = $1");
