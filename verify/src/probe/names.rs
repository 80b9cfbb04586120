//! Names of values: how much each speaks for an id, a topic or a payload. Names only put the
//! candidates in order; experiments decide.

use truth::names::words;
pub(super) use truth::names::{is_secret, is_secret_field, is_secret_parameter, plain};

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

/// Words in the names of header fields that say who asks, and in which version. They belong to every
/// request, as secrets do.
const ASKERS: [&str; 13] = [
    "user",
    "login",
    "account",
    "tenant",
    "org",
    "organization",
    "project",
    "client",
    "app",
    "workspace",
    "database",
    "namespace",
    "version",
];

/// Beginnings of the names of header fields that fit one request alone: its body, its conditions, and
/// what is asked of the response.
const OWN: [&str; 6] = ["content-", "if-", "accept", "range", "prefer", "expect"];

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

/// True if a header field of this name says who asks, so that every request has to have it.
pub(super) fn says_who_asks(name: &str) -> bool {
    words(name).iter().any(|word| ASKERS.contains(&word.as_str()))
}

/// True if a header field of this name fits the request that it was given for, and may change the
/// meaning of another one.
pub(super) fn is_of_one_request(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OWN.iter().any(|own| name.starts_with(own))
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
        for (name, is_shared, is_own) in [
            ("X-ClickHouse-User", true, false),
            ("X-Tenant", true, false),
            ("Stripe-Version", true, false),
            ("X-Amz-Target", false, false),
            ("If-None-Match", false, true),
            ("Prefer", false, true),
        ] {
            assert_eq!((says_who_asks(name), is_of_one_request(name)), (is_shared, is_own), "{name}");
        }
    }
}
