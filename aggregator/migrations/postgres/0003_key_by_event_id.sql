-- The same key with the id first. Ids differ where topics do not, so that nearly every comparison ends with its first column.
ALTER TABLE processed_events ADD UNIQUE (event_id, topic);
ALTER TABLE processed_events DROP CONSTRAINT processed_events_topic_event_id_key;
