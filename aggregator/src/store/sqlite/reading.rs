//! Statements that read events and counters.

/// Finds the topics by leaping from one to the next in the key's index: as many steps as there are
/// topics, for any number of events. The counters stand beside them, so that all is one statement
/// and one snapshot. ?1 is the topic after which the list begins, ?2 its length.
pub(super) const COUNTS: &str = "
    WITH RECURSIVE topics (topic) AS (
        SELECT min(topic) FROM processed_events
        UNION ALL
        SELECT (SELECT min(topic) FROM processed_events WHERE topic > topics.topic) FROM topics WHERE topic IS NOT NULL
    ), listed (topic, number) AS (
        SELECT min(topic), 1 FROM processed_events WHERE topic > ?1
        UNION ALL
        SELECT (SELECT min(topic) FROM processed_events WHERE topic > listed.topic), number + 1
        FROM listed WHERE topic IS NOT NULL AND number < ?2
    )
    SELECT received, unique_processed, duplicate_dropped, pending, (SELECT count(topic) FROM topics),
           (SELECT json_group_array(topic) FROM listed WHERE topic IS NOT NULL)
    FROM stats";

/// A page: ?1 is the topic, ?2 the cursor, ?3 the rows, ?4 the bytes beyond which rows have no
/// content. A character of a name may need six bytes in a response. Contents are joined, because the
/// window's rows are copied.
macro_rules! page {
    ($condition:literal) => {
        concat!(
            "SELECT place.seq, size,
                    CASE WHEN before < ?4 THEN event.topic END, CASE WHEN before < ?4 THEN event_id END,
                    CASE WHEN before < ?4 THEN timestamp END, CASE WHEN before < ?4 THEN source END,
                    CASE WHEN before < ?4 THEN payload END, processed_at_ms
             FROM (SELECT seq, size, sum(size) OVER (ORDER BY seq DESC) - size AS before
                   FROM (SELECT seq, octet_length(payload) + 200 + 6 *
                                (octet_length(topic) + octet_length(event_id) + octet_length(source)) AS size
                         FROM processed_events WHERE ",
            $condition,
            " ORDER BY seq DESC LIMIT ?3)) AS place
             CROSS JOIN processed_events AS event ON event.seq = place.seq
             ORDER BY place.seq DESC"
        )
    };
}
pub(super) const PAGE: &str = page!("?1 IS NULL AND seq < ?2");
pub(super) const PAGE_OF_TOPIC: &str = page!("topic = ?1 AND seq < ?2");

/// A part of a page: ?1 is the topic, ?2 the oldest place and ?3 the newest.
macro_rules! rows {
    ($condition:literal) => {
        concat!(
            "SELECT seq, topic, event_id, timestamp, source, payload, processed_at_ms FROM processed_events
             WHERE ",
            $condition,
            " AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC"
        )
    };
}
pub(super) const ROWS: &str = rows!("?1 IS NULL");
pub(super) const ROWS_OF_TOPIC: &str = rows!("topic = ?1");
