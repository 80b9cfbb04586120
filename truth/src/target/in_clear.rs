//! Secrets that a scenario holds in clear. Whoever reads the file reads them, and `run.json` repeats
//! them.

use super::Target;
use super::publish::Publish;
use super::reads::RequestForm;
use super::secrets::guard;
use super::template::Template;

/// Parts of the names of header fields and parameters that hold a secret.
const SECRETS: [&str; 10] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "credential",
    "signature",
    "apikey",
    "accesskey",
    "writekey",
];

/// Parts of the names of what looks secret and is none.
const NO_SECRETS: [&str; 5] = ["idempot", "dedup", "partition", "routing", "continuation"];

/// A secret that is written in clear. The value itself is never shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InClear {
    /// Key that holds it, such as `target.headers.authorization`.
    pub key: String,
    /// Value as it should be written, such as `Bearer {{env:TOKEN}}`.
    pub way_out: String,
    secret: String,
}

impl InClear {
    /// Guards the secret from being shown: its key stands in its place.
    pub fn guard(&self) {
        guard(&self.key, &self.secret);
    }

    /// Secret in the value of a header field.
    fn of_header(table: &str, name: &str, value: &Template) -> Option<Self> {
        let text = value.as_str().trim();
        if text.is_empty() || value.holes().next().is_some() || !is_secret_field(name) {
            return None;
        }
        let variable = variable(name);
        // `Bearer TOKEN`: the first word is no secret.
        let is_scheme = |(scheme, _): &(&str, &str)| scheme.chars().all(|one| one.is_ascii_alphabetic());
        let (way_out, secret) = match text.split_once(' ').filter(is_scheme) {
            Some((scheme, secret)) => (format!("{scheme} {{{{env:{variable}}}}}"), secret),
            None => (format!("{{{{env:{variable}}}}}"), text),
        };
        Some(Self { key: format!("{table}.headers.{name}"), way_out, secret: secret.to_owned() })
    }

    /// Secrets in the query of a path.
    fn of_path(table: &str, path: &Template) -> Vec<Self> {
        let query = path.as_str().split_once('?').map_or("", |(_, query)| query);
        let of_pair = |pair: &str| {
            let (name, value) = pair.split_once('=')?;
            let is_in_clear = !value.is_empty() && !value.contains("{{") && is_secret(name);
            is_in_clear.then(|| Self {
                key: format!("{table}.path"),
                way_out: format!("{name}={{{{env:{}}}}}", variable(name)),
                secret: value.to_owned(),
            })
        };
        query.split('&').filter_map(of_pair).collect()
    }

    /// Secrets of a request that this key holds.
    pub(crate) fn of_request(table: &str, request: RequestForm<'_>) -> Vec<Self> {
        let headers = request.headers.iter().filter_map(|(name, value)| Self::of_header(table, name, value));
        headers.chain(Self::of_path(table, request.path)).collect()
    }
}

impl Target {
    /// Returns the secrets in header fields and paths that are written in clear.
    pub fn secrets_in_clear(&self) -> Vec<InClear> {
        let common =
            self.headers.iter().filter_map(|(name, value)| InClear::of_header("target", name, value));
        let Publish { method, path, headers, .. } = &self.publish;
        let publish = RequestForm::new(method, path, headers);
        let publish = InClear::of_request("target.publish", publish);
        let reads = self.named_reads().into_iter();
        let reads = reads.flat_map(|(key, request)| InClear::of_request(&key, request));
        common.chain(publish).chain(reads).collect()
    }
}

/// True if the name is that of a secret, such as `api_key`.
fn is_secret(name: &str) -> bool {
    let name = plain(name);
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    has(&SECRETS) && !has(&NO_SECRETS)
}

/// True if the name of a header field is that of a secret, such as `X-Functions-Key`. Parameters of
/// such names are often other keys.
fn is_secret_field(name: &str) -> bool {
    let plain = plain(name);
    let is_key = plain.ends_with("key") || plain.ends_with("auth");
    is_secret(name) || (is_key && !NO_SECRETS.iter().any(|part| plain.contains(part)))
}

/// Returns a name in small letters and digits alone.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_lowercase()).collect()
}

/// Name of a variable for the secret of this name.
fn variable(name: &str) -> String {
    let upper = name.to_ascii_uppercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    match upper.strip_prefix("X_").unwrap_or(&upper) {
        "AUTHORIZATION" => "TOKEN".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_clear_is_told_by_its_key_and_not_by_its_value() {
        let target: Target = toml::from_str(
            "headers = { Authorization = \"Bearer hunter22\", accept = \"text/plain\" }\n\
             [publish]\n\
             path = \"/e?api_key=hunter23&primaryKey=id&token={{env:T}}\"\n\
             headers = { x-api-key = \"hunter24\", cookie = \"{{env:COOKIE}}\", idempotency-key = \"k\" }\n\
             [[stats]]\n\
             path = \"/s\"\n\
             headers = { Cookie = \"sid=hunter25; a=b\" }\n",
        )
        .unwrap();
        let found = target.secrets_in_clear();
        let told: Vec<_> = found.iter().map(|one| (&*one.key, &*one.way_out)).collect();
        assert_eq!(
            told,
            [
                ("target.headers.Authorization", "Bearer {{env:TOKEN}}"),
                ("target.publish.headers.x-api-key", "{{env:API_KEY}}"),
                ("target.publish.path", "api_key={{env:API_KEY}}"),
                ("target.stats.headers.Cookie", "{{env:COOKIE}}"),
            ]
        );
        found.iter().for_each(InClear::guard);
        let echoed = crate::target::secrets::masked("hunter22 hunter23 hunter24");
        assert!(!echoed.contains("hunter"), "{echoed}");
    }
}
