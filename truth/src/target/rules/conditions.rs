//! Conditions of a rule, and the values that they are compared with.

use std::borrow::Cow;

use serde_json::Value;

use super::written::Condition;

impl Condition {
    /// True if the condition holds for this JSON text; none stands for a place that is not there.
    pub(super) fn fits_json(&self, json: Option<&str>) -> bool {
        match self {
            Self::Exists(wanted) => json.is_some() == wanted.exists,
            Self::Has(part) => json.is_some_and(|json| match text_of(json) {
                Some(text) => text.contains(&part.has),
                None => json.contains(&part.has),
            }),
            Self::Is(value) => json.is_some_and(|json| is_value(json, value)),
        }
    }

    /// True if the condition holds for these bytes, which are a header or a whole body; none stands
    /// for a header that is not there.
    pub(super) fn fits_bytes(&self, bytes: Option<&[u8]>) -> bool {
        match self {
            Self::Exists(wanted) => bytes.is_some() == wanted.exists,
            Self::Has(part) => bytes.is_some_and(|bytes| contains(bytes, part.has.as_bytes())),
            Self::Is(value) => {
                let text = bytes.and_then(|bytes| std::str::from_utf8(bytes.trim_ascii()).ok());
                text.is_some_and(|text| match value {
                    Value::String(wanted) => text == wanted,
                    Value::Number(number) => is_same_number(text, &number.to_string()),
                    other => *text == *other.to_string(),
                })
            }
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

/// True if a JSON text is this value. A number in quotes is a number.
fn is_value(json: &str, value: &Value) -> bool {
    match value {
        Value::String(wanted) => match text_of(json) {
            Some(text) => text == wanted.as_str(),
            None => is_number(json) && is_same_number(json, wanted),
        },
        Value::Number(number) => {
            let text = text_of(json).unwrap_or(Cow::Borrowed(json));
            is_same_number(&text, &number.to_string())
        }
        other => *json == *other.to_string(),
    }
}

/// True if two texts are the same number.
fn is_same_number(one: &str, other: &str) -> bool {
    if !is_number(one) || !is_number(other) {
        return false;
    }
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.parse::<f64>().ok() == other.parse::<f64>().ok(),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit()) && text.parse::<f64>().is_ok()
}

/// Returns the content of a JSON text that is a text; none if it is something else.
pub(super) fn text_of(json: &str) -> Option<Cow<'_, str>> {
    let quoted = json.strip_prefix('"')?.strip_suffix('"')?;
    match quoted.contains('\\') {
        false => Some(Cow::Borrowed(quoted)),
        true => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
    }
}

/// Returns the content of a JSON text that is a text or a number; none if it is something else.
pub(super) fn text_or_number(json: &str) -> Option<Cow<'_, str>> {
    text_of(json).or_else(|| is_number(json).then_some(Cow::Borrowed(json)))
}

/// Returns a whole number that is not negative, also in quotes.
pub(super) fn count_of(json: &str) -> Option<u32> {
    let text = text_of(json).unwrap_or(Cow::Borrowed(json));
    let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::target::rules::written::{Containing, Existence};

    fn is(value: Value) -> Condition {
        Condition::Is(value)
    }

    fn has(text: &str) -> Condition {
        Condition::Has(Containing { has: text.to_owned() })
    }

    #[test]
    fn a_value_is_compared_by_its_kind_and_a_number_in_quotes_is_a_number() {
        for (json, value, fits) in [
            ("0", json!(0), true),
            ("\"0\"", json!(0), true),
            ("0.0", json!(0), true),
            ("00", json!(1), false),
            ("1e2", json!(100), true),
            ("9007199254740993", json!(9_007_199_254_740_992_u64), false),
            ("0", json!("0"), true),
            ("\"inf\"", json!(0), false),
            ("true", json!(true), true),
            ("\"true\"", json!(true), false),
            ("true", json!("true"), false),
            ("\"o\\u006b\"", json!("ok"), true),
            ("\"OK\"", json!("ok"), false),
            ("null", json!("null"), false),
            ("[0]", json!(0), false),
        ] {
            assert_eq!(is(value.clone()).fits_json(Some(json)), fits, "{json} is {value}");
        }
        assert!(!is(json!(0)).fits_json(None));
    }

    #[test]
    fn a_place_exists_also_if_it_holds_null() {
        let exists = |exists| Condition::Exists(Existence { exists });
        assert!(exists(true).fits_json(Some("null")) && exists(false).fits_json(None));
        assert!(!exists(true).fits_json(None) && !exists(false).fits_json(Some("0")));
        assert!(exists(true).fits_bytes(Some(b"")) && exists(false).fits_bytes(None));
    }

    #[test]
    fn a_text_contains_another_and_so_does_the_json_of_a_list() {
        assert!(has("partial write").fits_json(Some("\"a partial\\u0020write\"")));
        assert!(has("already").fits_json(Some("[\"value_already_exist\"]")));
        assert!(!has("already").fits_json(Some("[\"value_is_mandatory\"]")));
        assert!(!has("already").fits_json(None));
        assert!(has("<Error>").fits_bytes(Some(b"<a><Error></a>")));
        assert!(!has("<Error>").fits_bytes(Some(b"<Erro")));
        assert!(!has("<Error>").fits_bytes(None));
    }

    #[test]
    fn a_header_is_compared_as_text_or_as_a_number() {
        for (header, value, fits) in [
            ("true", json!("true"), true),
            ("true", json!(true), true),
            (" 7 ", json!(7), true),
            ("True", json!("true"), false),
            ("", json!("true"), false),
        ] {
            assert_eq!(is(value.clone()).fits_bytes(Some(header.as_bytes())), fits, "{header} is {value}");
        }
        assert!(!is(json!("\u{fffd}")).fits_bytes(Some(&[0xff])));
    }

    #[test]
    fn a_count_is_whole() {
        for (json, count) in [("0", Some(0)), ("\"12\"", Some(12)), ("4294967295", Some(u32::MAX))] {
            assert_eq!(count_of(json), count, "{json}");
        }
        for json in ["-1", "1.0", "1e3", "4294967296", "null", "true", "\"\"", "\"+1\"", "[1]", "\" 1\""] {
            assert_eq!(count_of(json), None, "{json}");
        }
    }
}
