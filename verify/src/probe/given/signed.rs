//! Signature of a request, which a run has to make anew for each event.

use super::text::Given;

/// Lengths of signatures in hexadecimal digits and in base64, with their algorithms.
const LENGTHS: [(usize, &str, &str); 6] = [
    (40, "hmac-sha1", "hex"),
    (64, "hmac-sha256", "hex"),
    (128, "hmac-sha512", "hex"),
    (28, "hmac-sha1", "base64"),
    (44, "hmac-sha256", "base64"),
    (88, "hmac-sha512", "base64"),
];

/// Returns a note with the lines that make the signature of a request; none if it has none.
pub(in crate::probe) fn signed(given: &Given) -> Option<String> {
    let (name, lines) = given.headers.iter().find_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let is_named = ["signature", "hmac"].iter().any(|word| name.contains(word));
        let (prefix, algorithm, form) = parts(value).filter(|_| is_named)?;
        let lines = format!(
            "[target.publish] sign = {{ algorithm = \"{algorithm}\", secret = \"{{{{env:NAME}}}}\", over = \
             \"{{{{body}}}}\", as = \"{form}\" }} and [target.publish.headers] {name} = \
             \"{prefix}{{{{signature}}}}\""
        );
        Some((name, lines))
    })?;
    Some(format!(
        "the header {name} looks like a signature of the request, which a run has to make anew for each event. Write \
         into a file, and give it with --scenario: {lines}. The variable NAME holds the secret"
    ))
}

/// Returns the text before a signature, its algorithm and its encoding.
fn parts(value: &str) -> Option<(&str, &'static str, &'static str)> {
    // `sha256=4f...`: base64 ends with the same sign.
    let at = value.trim_end_matches('=').rfind(['=', ',', ' ']).map_or(0, |at| at + 1);
    let (prefix, signature) = value.split_at(at);
    let is_hex = signature.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    let form = if is_hex { "hex" } else { "base64" };
    let (_, algorithm, form) =
        LENGTHS.into_iter().find(|(length, _, own)| *own == form && *length == signature.len())?;
    (!signature.is_empty() && signature.bytes().all(is_base64)).then_some((prefix, algorithm, form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_make_a_signature_are_said() {
        let note = |name: &str, value: &str| {
            let headers = vec![(name.to_owned(), value.to_owned())];
            signed(&Given { headers, ..Given::default() })
        };
        let hex = "ab".repeat(32);
        let said = note("X-Hub-Signature-256", &format!("sha256={hex}")).unwrap();
        for part in [
            "algorithm = \"hmac-sha256\"",
            "over = \"{{body}}\", as = \"hex\"",
            "x-hub-signature-256 = \"sha256={{signature}}\"",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains(&hex), "{said}");
        let base64 = format!("{}=", "aB3+".repeat(11).split_at(43).0);
        assert!(note("X-Shop-Hmac-Sha256", &base64).unwrap().contains("as = \"base64\""));
        assert!(note("X-Signature", "short").is_none() && note("X-Trace", &hex).is_none());
    }
}
