//! Secrets among the words of a command, and in URLs.

use crate::names::{is_secret, is_secret_field};

/// Returns the secrets among the words of a command: values of options, of assignments and of header
/// fields, and passwords in URLs.
pub(super) fn secrets(command: &str) -> Vec<&str> {
    let is_quote = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'');
    let words: Vec<&str> = command.split(is_quote).filter(|word| !word.is_empty()).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied();
        let secret = match word.split_once('=') {
            Some((name, value)) => is_secret(name).then_some(value),
            None => value_after(word, next, words.get(at + 2).copied()),
        };
        found.extend(secret.filter(|secret| is_in_clear(secret)));
        found.extend(password(word));
    }
    found
}

/// Returns the value of an option or of a header field, which is a word of its own.
fn value_after<'a>(word: &str, next: Option<&'a str>, third: Option<&'a str>) -> Option<&'a str> {
    if matches!(word, "-u" | "--user") {
        return Some(next?.split_once(':')?.1);
    }
    if let Some(name) = word.strip_suffix(':') {
        let is_scheme = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphabetic());
        let after = if next.is_some_and(|next| is_scheme(&next)) { third } else { next };
        return after.filter(|_| is_secret_field(name));
    }
    (word.starts_with('-') && is_secret(word)).then_some(next?).filter(|value| !value.starts_with('-'))
}

/// Returns the password of a URL, as in `postgres://user:password@host`.
pub(super) fn password(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("://")?;
    let authority = after.split('/').next().unwrap_or_default();
    let (login, _) = authority.rsplit_once('@')?;
    login.split_once(':').map(|(_, password)| password).filter(|password| is_in_clear(password))
}

/// True if a value is not the name of a variable of the shell, or the output of a command.
fn is_in_clear(value: &str) -> bool {
    !value.is_empty() && !value.contains(['$', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_a_command_is_found_wherever_commands_hold_one() {
        for (command, expected) in [
            ("./server --api-key hunter22 --port 80", vec!["hunter22"]),
            ("./server --password=hunter22", vec!["hunter22"]),
            ("PGPASSWORD=hunter22 psql -h db", vec!["hunter22"]),
            ("psql postgres://me:hunter22@db/events", vec!["hunter22"]),
            ("curl -u me:hunter22 http://h", vec!["hunter22"]),
            ("curl -H 'Authorization: Bearer hunter22' http://h", vec!["hunter22"]),
            ("curl -H \"X-Api-Key: hunter22\" http://h", vec!["hunter22"]),
            ("curl -H \"X-Api-Key: $KEY\" -u me:$PASSWORD http://h", vec![]),
            ("./server --token --verbose", vec![]),
            ("./server --token $(cat token)", vec![]),
            ("./server --dedup-key id http://host:80/a@b", vec![]),
        ] {
            assert_eq!(secrets(command), expected, "{command}");
        }
    }
}
