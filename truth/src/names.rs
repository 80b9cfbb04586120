//! Names of values that are secrets, in requests, commands and scenarios.

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

/// Returns a name in small letters and digits alone.
pub fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_lowercase()).collect()
}

/// True if the name is that of a secret.
pub fn is_secret(name: &str) -> bool {
    let words = words(name);
    let is_word = words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
        || words.starts_with(&["x".to_owned(), "auth".to_owned()])
        || words.last().is_some_and(|last| LAST_WORDS.contains(&last.as_str()));
    let name = plain(name);
    (is_word || has(&name, &SECRETS)) && !has(&name, &NO_SECRETS)
}

/// True if the name of a parameter of a URL is that of a secret, such as the `code` of a function.
pub fn is_secret_parameter(name: &str) -> bool {
    plain(name) == "code" || is_secret(name)
}

/// True if the name of a header field or parameter is that of a secret, such as `x-functions-key`.
pub fn is_secret_field(name: &str) -> bool {
    let is_own = is_secret(name);
    let name = plain(name);
    is_own || ((name.ends_with("key") || name.ends_with("auth")) && !has(&name, &NO_SECRETS))
}

/// Returns the words of a name, in small letters and without a number at their end. A capital begins
/// a word, as in `userPin` and `JWTAssertion`.
pub fn words(name: &str) -> Vec<String> {
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
    fn a_name_says_that_its_value_is_secret() {
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
        assert!(is_secret_parameter("code") && is_secret_parameter("sig"));
        assert!(!is_secret_parameter("country_code") && !is_secret_parameter("id"));
        assert!(is_secret_field("X-Jwt") && is_secret_field("Access-Pass"));
        assert!(is_secret_field("x-functions-key") && !is_secret_field("Idempotency-Key"));
    }
}
