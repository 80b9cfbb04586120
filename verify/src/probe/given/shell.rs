//! A line of a shell as words, without a shell: quotes and continuations are undone, and nothing is
//! run.

use super::text::{GivenError, mark};

/// Quotes around the current place of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    Single,
    Double,
}

/// Splits a line into words. A variable such as `$TOKEN` becomes a mark.
pub(super) fn words(line: &str) -> Result<Vec<String>, GivenError> {
    let line = prepared(&line.replace("\r\n", "\n"))?;
    shlex::split(&line)
        .ok_or_else(|| GivenError::Form { form: "curl line", reason: "a quote is not closed".to_owned() })
}

/// Returns a line in which variables are marks and `$'...'` is plain quotes.
fn prepared(line: &str) -> Result<String, GivenError> {
    let mut out = String::with_capacity(line.len());
    let mut quotes = Quotes::None;
    let mut rest = line;
    while let Some(one) = rest.chars().next() {
        let after = &rest[one.len_utf8()..];
        rest = after;
        match (quotes, one) {
            (Quotes::Single, '\'') => quotes = Quotes::None,
            (Quotes::Single, _) => {}
            (_, '\\') if after.starts_with('\n') => {
                rest = &after[1..];
                continue;
            }
            (_, '\\') => {
                out.push(one);
                if let Some(next) = after.chars().next() {
                    out.push(next);
                    rest = &after[next.len_utf8()..];
                }
                continue;
            }
            (Quotes::None, '\'') => quotes = Quotes::Single,
            (Quotes::None, '"') => quotes = Quotes::Double,
            (Quotes::Double, '"') => quotes = Quotes::None,
            (_, '`') => return Err(GivenError::Shell { what: "a command in backticks" }),
            (_, '$') if after.starts_with('(') => {
                return Err(GivenError::Shell { what: "a command in $(...)" });
            }
            (Quotes::None, '$') if after.starts_with('\'') => {
                let (text, left) = ansi_quoted(&after[1..])?;
                let quoted = shlex::try_quote(&text).map_err(|_| GivenError::Form {
                    form: "curl line",
                    reason: "$'...' holds a NUL".to_owned(),
                })?;
                out.push_str(&quoted);
                rest = left;
                continue;
            }
            (_, '$') => {
                if let Some((variable, left)) = variable(after) {
                    out.push_str(&mark(variable));
                    rest = left;
                    continue;
                }
            }
            (Quotes::None, ';' | '|' | '&' | '>') => break,
            _ => {}
        }
        out.push(one);
    }
    Ok(out)
}

/// Returns the variable at the start of a text, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (name, rest) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => text.split_at(text.bytes().take_while(|byte| is_part(byte)).count()),
    };
    let is_name = !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit());
    (is_name && name.as_bytes().iter().all(is_part)).then_some((name, rest))
}

/// Undoes the escapes of `$'...'`, and returns what follows it.
fn ansi_quoted(text: &str) -> Result<(String, &str), GivenError> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, one)) = chars.next() {
        if one == '\'' {
            return Ok((out, &text[at + 1..]));
        }
        if one != '\\' {
            out.push(one);
            continue;
        }
        let Some((_, escape)) = chars.next() else { break };
        let digits = match escape {
            'u' => 4,
            'x' => 2,
            _ => 0,
        };
        if digits == 0 {
            out.push(match escape {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other => other,
            });
            continue;
        }
        let code: String = chars.by_ref().take(digits).map(|(_, digit)| digit).collect();
        let number = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
        out.push(number.unwrap_or('\u{fffd}'));
    }
    Err(GivenError::Form { form: "curl line", reason: "a quote is not closed".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_continuations_are_undone_as_a_shell_does() {
        for (line, expected) in [
            ("curl -X POST \\\n  'a b' \"c\\\"d\"", vec!["curl", "-X", "POST", "a b", "c\"d"]),
            ("curl \\\r\n -s", vec!["curl", "-s"]),
            (r#"curl $'{"a":"it\'s\n\u0041"}'"#, vec!["curl", "{\"a\":\"it's\nA\"}"]),
            ("curl '{\"price\":\"$5 `x` $(y)\"}'", vec!["curl", "{\"price\":\"$5 `x` $(y)\"}"]),
            ("curl a | jq .", vec!["curl", "a"]),
            ("curl a && rm -rf b", vec!["curl", "a"]),
            ("curl 'a&b' \"c;d\"", vec!["curl", "a&b", "c;d"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn nothing_is_run_and_variables_are_marked() {
        for line in ["curl \"$(cat token)\"", "curl $(id)", "curl `id`", "curl \"`id`\""] {
            assert!(matches!(words(line), Err(GivenError::Shell { .. })), "{line}");
        }
        let found = words("curl \"Bearer $TOKEN\" ${A_1}x '$B' $5").unwrap();
        let expected = ["curl".to_owned(), format!("Bearer {}", mark("TOKEN")), format!("{}x", mark("A_1"))];
        assert_eq!(found[..3], expected);
        assert_eq!(found[3..], ["$B", "$5"]);
        assert!(words("curl 'a").is_err() && words("curl $'a").is_err());
    }
}
