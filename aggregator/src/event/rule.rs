//! Rules for the fields of an event. Pure functions of the decoded text.

use jiff::fmt::temporal::Pieces;

use super::fault::Reason;

/// Maximum for a topic or a source.
pub(super) const MAX_NAME_BYTES: usize = 255;
/// Together with a topic this stays far below the 2,704 bytes of the largest entry in a PostgreSQL
/// B-tree.
pub(super) const MAX_EVENT_ID_BYTES: usize = 1024;
/// The longest useful spelling has about 40 bytes.
const MAX_TIMESTAMP_BYTES: usize = 64;
/// Levels of arrays and objects in one event, the event itself being the first. Most parsers end at
/// 128.
const MAX_LEVELS: usize = 128;
/// Each one is kept until the event has been read: the name of one that is repeated is a fault.
pub(super) const MAX_UNKNOWN_FIELDS: usize = 1_000;

pub(super) const MISSING: Reason = Reason { kind: "missing", msg: "field required" };
pub(super) const REPEATED: Reason = Reason { kind: "repeated_field", msg: "must not occur more than once" };
pub(super) const NOT_TEXT: Reason = Reason { kind: "string_type", msg: "must be a string" };
pub(super) const NOT_AN_OBJECT: Reason = Reason { kind: "dict_type", msg: "must be an object" };
pub(super) const LONE_SURROGATE: Reason =
    Reason { kind: "string_unicode", msg: "must not hold a surrogate without its pair" };
pub(super) const TOO_DEEP: Reason =
    Reason { kind: "nesting", msg: "an event must not nest deeper than 128 levels" };
pub(super) const TOO_WIDE: Reason =
    Reason { kind: "too_many_fields", msg: "an event may have at most 1,000 unknown fields" };
const BLANK: Reason = Reason { kind: "blank", msg: "must not be blank" };
const NUL: Reason = Reason { kind: "nul_character", msg: "must not hold a NUL character" };
const LONG_NAME: Reason = Reason { kind: "string_too_long", msg: "must have at most 255 bytes" };
const LONG_EVENT_ID: Reason = Reason { kind: "string_too_long", msg: "must have at most 1024 bytes" };
const NO_TIMESTAMP: Reason =
    Reason { kind: "datetime_parsing", msg: "must be a date and time as RFC 3339 or ISO 8601 write it" };

/// Checks a topic or a source.
pub(super) fn name(text: &str) -> Result<(), Reason> {
    identifier(text, MAX_NAME_BYTES, LONG_NAME)
}

/// Checks an event's id. Ids are compared byte for byte and never trimmed or folded.
pub(super) fn event_id(text: &str) -> Result<(), Reason> {
    identifier(text, MAX_EVENT_ID_BYTES, LONG_EVENT_ID)
}

fn identifier(text: &str, max_bytes: usize, too_long: Reason) -> Result<(), Reason> {
    if text.trim().is_empty() {
        Err(BLANK)
    } else if text.len() > max_bytes {
        Err(too_long)
    } else if text.contains('\0') {
        Err(NUL)
    } else {
        Ok(())
    }
}

/// Checks a date and time. Without an offset it means UTC. A number of seconds is refused as text
/// too, because `20250101` could be a date or a number.
pub(super) fn timestamp(text: &str) -> Result<(), Reason> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let has_annotation = text.contains('[');
    if is_number || has_annotation || text.len() > MAX_TIMESTAMP_BYTES {
        return Err(NO_TIMESTAMP);
    }
    // Only its parts are checked: some clients write "never" as the last second of the year 9999,
    // which is no valid instant.
    if Pieces::parse(text).is_ok() { Ok(()) } else { Err(NO_TIMESTAMP) }
}

/// True if a field takes its event beyond [`MAX_LEVELS`]. The parser that splits the body has no
/// limit of its own: it takes a hundred thousand brackets.
pub(super) fn is_too_deep(json: &str) -> bool {
    if json.len() < MAX_LEVELS {
        return false;
    }
    let mut levels = 1;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                levels += 1;
                if levels > MAX_LEVELS {
                    return true;
                }
            }
            b']' | b'}' => levels -= 1,
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    false
}

fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_that_clients_write_are_accepted() {
        for text in [
            "2025-01-01T00:00:00Z",
            "2025-01-01t00:00:00z",
            "2025-01-01T00:00:00.123456789Z",
            "2025-01-01T00:00:00.123456+00:00",
            "2025-01-01T00:00:00+07:00",
            "2025-01-01T00:00:00-0700",
            "2025-01-01T00:00:00+07",
            "2025-01-01T00:00:00",
            "2025-01-01T00:00:00.123456",
            "2025-01-01 00:00:00",
            "2025-01-01 00:00:00+00:00",
            "2025-01-01T00:00",
            "2025-01-01T00:00Z",
            "2025-01-01",
            "20250101T000000Z",
            "2024-02-29T12:00:00Z",
            "2016-12-31T23:59:60Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(timestamp(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn invalid_timestamps_are_rejected() {
        for text in [
            "",
            " ",
            "not-a-timestamp",
            "1735689600",
            "1735689600.5",
            "-1735689600",
            "20250101",
            "2025-13-01T00:00:00Z",
            "2025-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2025-01-01T25:00:00Z",
            "2025-01-01T00:61:00Z",
            "2025-01-01T00:00:00+99:00",
            "2025-01-01T00:00:00Zulu",
            "2025-01-01T",
            "2025-01-01T00:00:00Z\0",
            " 2025-01-01T00:00:00Z",
            "2025-01-01T00:00:00Z ",
            "01/02/2025",
            "now",
            "2025-01-01T00:00:00+00:00[UTC]",
            "2025",
            "2025-01-01Z",
            "2025-01-01+07:00",
        ] {
            assert_eq!(timestamp(text), Err(NO_TIMESTAMP), "{text}");
        }
    }

    #[test]
    fn names_are_measured_in_bytes_and_kept_as_they_are() {
        assert_eq!(name(" a "), Ok(()));
        assert_eq!(name(&"é".repeat(127)), Ok(()));
        assert_eq!(name(&"é".repeat(128)), Err(LONG_NAME));
        assert_eq!(event_id(&"x".repeat(1024)), Ok(()));
        assert_eq!(event_id(&"x".repeat(1025)), Err(LONG_EVENT_ID));
        assert_eq!(name("\u{2003}\t"), Err(BLANK));
        assert_eq!(name("a\0b"), Err(NUL));
    }

    #[test]
    fn nesting_counts_brackets_outside_strings_only() {
        let levels = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n - 1), "]".repeat(n - 1));
        assert!(!is_too_deep(&levels(127)));
        assert!(is_too_deep(&levels(128)));
        assert!(!is_too_deep(&format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(500))));
        assert!(!is_too_deep(&format!("[{}]", ["{}"; 500].join(","))));
    }
}
