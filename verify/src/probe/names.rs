//! Names of values: how much each speaks for an id, a topic, a payload or a secret. Names only put
//! the candidates in order; experiments decide.

use super::class::Class;

/// Names of ids by which a target knows an event again.
const KEYS: [&str; 17] = [
    "idempotencykey",
    "xidempotencykey",
    "eventid",
    "messageid",
    "insertid",
    "deduplicationid",
    "messagededuplicationid",
    "dedupid",
    "dedupkey",
    "deduplicationkey",
    "transactionid",
    "uniqueid",
    "ceid",
    "msgid",
    "natsmsgid",
    "uuid",
    "webhookid",
];

/// Other names of ids of events.
const IDS: [&str; 8] = ["id", "recordid", "requestid", "xrequestid", "guid", "nonce", "ulid", "deliveryid"];

/// Names of ids of other things than the event.
const OTHERS: [&str; 18] = [
    "user",
    "anonymous",
    "distinct",
    "session",
    "account",
    "customer",
    "device",
    "tenant",
    "project",
    "org",
    "subscription",
    "group",
    "parent",
    "trace",
    "span",
    "partition",
    "client",
    "source",
];

/// Names of topics.
const TOPICS: [&str; 20] = [
    "topic",
    "eventtype",
    "eventname",
    "type",
    "cetype",
    "event",
    "channel",
    "stream",
    "index",
    "collection",
    "subject",
    "category",
    "code",
    "name",
    "measurement",
    "kind",
    "queue",
    "table",
    "messagegroupid",
    "action",
];

/// Names of payloads.
const PAYLOADS: [&str; 15] = [
    "payload",
    "properties",
    "messagebody",
    "data",
    "attributes",
    "body",
    "detail",
    "message",
    "fields",
    "value",
    "metadata",
    "content",
    "event",
    "description",
    "text",
];

/// Parts of the names of secrets.
const SECRETS: [&str; 13] = [
    "apikey",
    "token",
    "secret",
    "password",
    "passwd",
    "credential",
    "authorization",
    "accesskey",
    "privatekey",
    "writekey",
    "cookie",
    "signature",
    "xauth",
];

/// Parts of the names of what looks secret and is none.
const NO_SECRETS: [&str; 5] = ["idempot", "dedup", "partition", "routing", "continuation"];

/// Returns a name in small letters and digits alone.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_lowercase()).collect()
}

/// Weight of a value as the id of its event; below 40 it is no candidate.
pub(super) fn id_score(name: &str, class: Class) -> u32 {
    let name = plain(name);
    if matches!(class, Class::Time(_)) {
        return 0;
    }
    let own = if KEYS.contains(&name.as_str()) {
        100
    } else if OTHERS.iter().any(|other| name.contains(other)) {
        5
    } else if IDS.contains(&name.as_str()) {
        80
    } else if name.ends_with("id") || name.ends_with("key") || name.ends_with("uuid") {
        45
    } else {
        10
    };
    own + match class {
        class if class.is_unique() => 35,
        Class::Integer(digits) if digits >= 4 => 10,
        _ => 0,
    }
}

/// Weight of a text as the topic of its event; 0 if its name is none of a topic's.
pub(super) fn topic_score(name: &str) -> usize {
    let name = plain(name);
    TOPICS.iter().rev().position(|topic| *topic == name).map_or(0, |at| at + 1)
}

/// True if the segment of a path after this one names a topic, as in `/topics/orders`.
pub(super) fn holds_topics(name: &str) -> bool {
    const HOLDERS: [&str; 8] =
        ["topic", "channel", "stream", "collection", "queue", "table", "subject", "indice"];
    HOLDERS.contains(&plain(name).trim_end_matches('s'))
}

/// Weight of a value as the payload; 0 if its name is none of a payload's.
pub(super) fn payload_score(name: &str) -> usize {
    let name = plain(name);
    PAYLOADS.iter().rev().position(|payload| *payload == name).map_or(0, |at| at + 1)
}

/// True if the name is that of a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = plain(name);
    has(&name, &SECRETS) && !has(&name, &NO_SECRETS)
}

/// True if the name of a header field or parameter is that of a secret, such as `x-functions-key`.
pub(super) fn is_secret_field(name: &str) -> bool {
    let name = plain(name);
    is_secret(&name) || (name.ends_with("key") && !has(&name, &NO_SECRETS))
}

fn has(name: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_put_candidates_in_order() {
        let score = |name| id_score(name, Class::Uuid);
        assert!(score("messageId") > score("id") && score("id") > score("orderId"));
        assert!(score("orderId") > score("payload") && score("payload") > score("userId"));
        assert!(id_score("Idempotency-Key", Class::Text) >= 40 && id_score("userId", Class::Text) < 40);
        assert!(topic_score("event_type") > topic_score("name") && topic_score("amount") == 0);
        assert!(payload_score("properties") > payload_score("message"));
        for (name, secret) in [
            ("X-Api-Key", true),
            ("api_key", true),
            ("Authorization", true),
            ("access_token", true),
            ("Idempotency-Key", false),
            ("MessageDeduplicationId", false),
            ("partition_key", false),
            ("key", false),
        ] {
            assert_eq!(is_secret(name), secret, "{name}");
        }
        assert!(is_secret_field("x-functions-key") && !is_secret_field("Idempotency-Key"));
    }
}
