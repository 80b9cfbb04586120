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
const SECRETS: [&str; 12] = [
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
];

/// Words in the names of secrets, which are parts of other words too.
const SECRET_WORDS: [&str; 6] = ["sig", "pwd", "pw", "passphrase", "jwt", "otp"];

/// Words that end the names of secrets, and begin other names, such as `pass_rate`.
const LAST_WORDS: [&str; 3] = ["pass", "pin", "auth"];

/// Parts of the names of what looks secret and is none.
const NO_SECRETS: [&str; 5] = ["idempot", "dedup", "partition", "routing", "continuation"];

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
    let words = words(name);
    let is_word = words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
        || words.starts_with(&["x".to_owned(), "auth".to_owned()])
        || words.last().is_some_and(|last| LAST_WORDS.contains(&last.as_str()));
    let name = plain(name);
    (is_word || has(&name, &SECRETS)) && !has(&name, &NO_SECRETS)
}

/// True if the name of a parameter of a URL is that of a secret, such as the `code` of a function.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    plain(name) == "code" || is_secret(name)
}

/// True if the name of a header field or parameter is that of a secret, such as `x-functions-key`.
pub(super) fn is_secret_field(name: &str) -> bool {
    let is_own = is_secret(name);
    let name = plain(name);
    is_own || ((name.ends_with("key") || name.ends_with("auth")) && !has(&name, &NO_SECRETS))
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

/// Returns the words of a name, in small letters and without a number at their end. A capital begins
/// a word, as in `userPin` and `JWTAssertion`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut spaced = String::new();
    for (at, one) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let is_before_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let begins = match before {
            Some(before) if before.is_ascii_uppercase() => is_before_small,
            before => before.is_some(),
        };
        if one.is_ascii_uppercase() && begins {
            spaced.push(' ');
        }
        spaced.push(if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { ' ' });
    }
    let bare = |word: &str| word.trim_end_matches(|one: char| one.is_ascii_digit()).to_owned();
    spaced.split_whitespace().map(bare).collect()
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
        assert!(is_secret_field("X-Sentry-Auth") && !is_secret_field("X-Author"));
        for (name, secret) in [
            ("X-Api-Key", true),
            ("api_key", true),
            ("Authorization", true),
            ("access_token", true),
            ("Idempotency-Key", false),
            ("MessageDeduplicationId", false),
            ("partition_key", false),
            ("key", false),
            ("sig", true),
            ("pwd", true),
            ("pass", true),
            ("pw", true),
            ("userPin", true),
            ("auth", true),
            ("Access-Pass", true),
            ("X-Jwt", true),
            ("JWTAssertion", true),
            ("X-Auth-Hash", true),
            ("X-Author", false),
            ("sig2", true),
            ("code", false),
            ("passenger", false),
            ("pass_rate", false),
            ("author", false),
            ("compass", false),
            ("pinned", false),
            ("pinCount", false),
            ("signal", false),
            ("design", false),
        ] {
            assert_eq!(is_secret(name), secret, "{name}");
        }
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
        assert!(is_secret_parameter("code") && is_secret_parameter("sig"));
        assert!(!is_secret_parameter("country_code") && !is_secret_parameter("id"));
        assert!(is_secret_field("X-Jwt") && is_secret_field("Access-Pass"));
        assert!(is_secret_field("x-functions-key") && !is_secret_field("Idempotency-Key"));
    }
}
