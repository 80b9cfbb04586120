//! Rust text cut into words and signs, without comments and texts.

/// Returns the words, and `::` and every other sign on its own.
pub(crate) fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else if let Some(length) = skipped(rest) {
            length
        } else {
            let length = if is_word(rest) {
                rest.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            found.push(&rest[..length]);
            length
        };
        rest = &rest[length..];
    }
    found
}

/// True if `text` begins with a word.
pub(crate) fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphanumeric() || first == '_')
}

/// Returns the length of the comment, text or character that `rest` begins with, if it begins with
/// one.
fn skipped(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        let quoted = rest.strip_prefix(prefix).map(|rest| rest.trim_start_matches('#'));
        quoted.is_some_and(|rest| rest.starts_with('"'))
    });
    if let Some(prefix) = prefix {
        return Some(prefix.len() + quoted(&rest[prefix.len()..], prefix.ends_with('r')));
    }
    let character = rest.strip_prefix('b').unwrap_or(rest);
    Some(rest.len() - character.len() + character_length(character)?)
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Returns the length of a text from its first `#` or quote to its last.
fn quoted(rest: &str, is_raw: bool) -> usize {
    if is_raw {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let start = hashes + 1;
        return rest[start..].find(&end).map_or(rest.len(), |found| start + found + end.len());
    }
    let mut is_escaped = false;
    for (at, sign) in rest.char_indices().skip(1) {
        match sign {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Returns the length of a character such as `'x'` or `'\''`; a lifetime (`'a`) has none.
fn character_length(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let end = match inner.strip_prefix('\\') {
        Some(escaped) => {
            let after = escaped.chars().next()?.len_utf8();
            1 + after + escaped[after..].find('\'')?
        }
        None => inner.chars().next().map(char::len_utf8)?,
    };
    inner[end..].starts_with('\'').then_some(end + 2)
}

#[test]
fn comments_and_texts_are_no_tokens() {
    let text = r##"/// `crate::a`
        use b /* c::d /* e */ f */ ::g; let h = "i \" j" + r#"k " l"#;
        let m = 'n'; fn o<'p>(q: &'p str) {} b'\'' b"r" raw"##;
    let expected = "use b :: g ; let h = + ; let m = ; fn o < ' p > ( q : & ' p str ) { } raw";
    assert_eq!(tokens(text).join(" "), expected);
}
