//! Names and values in a body that is text with holes: members of JSON, and fields of a form. The
//! holes keep it from being JSON, so it is read by its quotes.

/// Returns the members whose values are texts or numbers, and the fields of a form.
pub(super) fn pairs(text: &str) -> Vec<(&str, &str)> {
    if text.contains('"') { members(text) } else { fields(text) }
}

fn fields(text: &str) -> Vec<(&str, &str)> {
    let fields = text.split('&').filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (name.trim(), value.trim())).collect()
}

fn members(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = quoted(rest) {
        rest = after;
        let Some(value) = after.trim_start().strip_prefix(':').map(str::trim_start) else { continue };
        if value.starts_with('"') {
            let Some((value, after)) = quoted(value) else { break };
            found.push((name, value));
            rest = after;
        } else {
            let end = value.find([',', '}', ']', '\n', ' ']).unwrap_or(value.len());
            let number = &value[..end];
            if number.parse::<f64>().is_ok() {
                found.push((name, number));
            }
        }
    }
    found
}

/// Returns the first text in quotes, and what stands behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let begin = text.find('"')? + 1;
    let mut is_escaped = false;
    for (at, byte) in text[begin..].bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return Some((&text[begin..begin + at], &text[begin + at + 1..])),
            _ => is_escaped = byte == b'\\' && !is_escaped,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_fields_are_found_beside_holes() {
        let json = r#"{"a":{"b" : "x\"y"},"pin": 1234567,"batch":[{{events}}],"t":"{{topic}}","n":true}"#;
        let expected = [("b", r#"x\"y"#), ("pin", "1234567"), ("t", "{{topic}}")];
        assert_eq!(pairs(json), expected);
        assert_eq!(pairs("user=a&password=b c&x"), [("user", "a"), ("password", "b c")]);
        assert_eq!(pairs("{{events}}"), []);
        assert_eq!(pairs("{\"open"), []);
    }
}
