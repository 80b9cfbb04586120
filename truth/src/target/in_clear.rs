//! Secrets that a scenario holds in clear, wherever one can stand. Whoever reads the file reads them,
//! and `run.json` repeats them.

use super::publish::Publish;
use super::reads::RequestForm;
use super::secrets::guard;
use super::template::Template;
use super::{Process, Target};
use crate::names::{is_secret, is_secret_field, is_secret_parameter};

mod command;
mod pairs;

/// A secret that is written in clear. The value itself is never shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InClear {
    /// Key that holds it, such as `target.headers.authorization`.
    pub key: String,
    /// Advice on where to keep it, such as: write "Bearer {{env:TOKEN}}", and set that variable.
    pub remedy: String,
    secret: String,
}

impl InClear {
    /// Guards the secret from being shown: its key stands in its place.
    pub fn guard(&self) {
        guard(&self.key, &self.secret);
    }

    /// Secret that this text with a hole replaces.
    fn replaced(key: String, secret: &str, text: &str) -> Self {
        Self { key, remedy: format!("write {text}, and set that variable"), secret: secret.to_owned() }
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
        let key = format!("{table}.headers.{name}");
        Some(match text.split_once(' ').filter(is_scheme) {
            Some((scheme, secret)) => {
                Self::replaced(key, secret, &format!("\"{scheme} {{{{env:{variable}}}}}\""))
            }
            None => Self::replaced(key, text, &format!("\"{{{{env:{variable}}}}}\"")),
        })
    }

    /// Secrets in the query of a path.
    fn of_path(table: &str, path: &Template) -> Vec<Self> {
        let query = path.as_str().split_once('?').map_or("", |(_, query)| query);
        let of_pair = |pair: &str| {
            let (name, value) = pair.split_once('=')?;
            let is_in_clear = !value.is_empty() && !value.contains("{{") && is_secret_parameter(name);
            let text = format!("\"{name}={{{{env:{}}}}}\"", variable(name));
            is_in_clear.then(|| Self::replaced(format!("{table}.path"), value, &text))
        };
        query.split('&').filter_map(of_pair).collect()
    }

    /// Secrets in a body, or in the text of an event.
    fn of_text(key: &str, text: &Template) -> Vec<Self> {
        let of_pair = |(name, value): (&str, &str)| {
            let is_in_clear = !value.is_empty() && !value.contains("{{") && is_secret(name);
            let text = format!("{{{{env:{}}}}} as the value of `{name}`", variable(name));
            is_in_clear.then(|| Self::replaced(key.to_owned(), value, &text))
        };
        pairs::pairs(text.as_str()).into_iter().filter_map(of_pair).collect()
    }

    /// Secrets in a body without holes.
    pub(crate) fn of_fixed(key: &str, body: &str) -> Vec<Self> {
        let of_pair = |(name, value): (&str, &str)| {
            let remedy = format!(
                "leave `{name}` out, or share the run folder with nobody: a body without events has no variables"
            );
            let is_in_clear = !value.is_empty() && is_secret(name);
            is_in_clear.then(|| Self { key: key.to_owned(), remedy, secret: value.to_owned() })
        };
        pairs::pairs(body).into_iter().filter_map(of_pair).collect()
    }

    /// Secrets of a request that this key holds.
    pub(crate) fn of_request(table: &str, request: RequestForm<'_>) -> Vec<Self> {
        let headers = request.headers.iter().filter_map(|(name, value)| Self::of_header(table, name, value));
        let body = request.body.iter().flat_map(|body| Self::of_text(&format!("{table}.body"), body));
        headers.chain(Self::of_path(table, request.path)).chain(body).collect()
    }

    /// Secrets in a command that this key holds.
    pub(crate) fn of_command(key: &str, command: &str) -> Vec<Self> {
        let found = command::secrets(command).into_iter();
        found.map(|secret| Self::inherited(key.to_owned(), secret, "SECRET")).collect()
    }

    /// Secret of a program, which can find it in its environment.
    fn inherited(key: String, secret: &str, variable: &str) -> Self {
        let remedy = format!(
            "leave it out, and set a variable such as {variable} for loadgen and verify, whose environment their \
             commands inherit"
        );
        Self { key, remedy, secret: secret.to_owned() }
    }

    /// Secrets in the command and the environment of a process.
    fn of_process(process: &Process) -> Vec<Self> {
        let command = Self::of_command("target.process.command", &process.command.join(" "));
        let environment = process.environment.iter().filter_map(|(name, value)| {
            let secret = if is_secret(name) { Some(value.as_str()) } else { command::password(value) };
            let secret = secret.filter(|secret| !secret.is_empty())?;
            Some(Self::inherited(format!("target.process.environment.{name}"), secret, name))
        });
        command.into_iter().chain(environment).collect()
    }

    /// Text among the values of a scenario's own.
    pub(crate) fn of_value(key: String, name: &str, text: &str) -> Option<Self> {
        let is_in_clear = is_secret(name) && !text.is_empty() && !text.starts_with("env:");
        is_in_clear.then(|| Self {
            key,
            remedy: format!(
                "write \"env:{}\" as a value of by_topic, and set that variable, or write {{{{env:NAME}}}} in the \
                 request",
                variable(name)
            ),
            secret: text.to_owned(),
        })
    }
}

impl Target {
    /// Returns the secrets that the requests and the process hold in clear.
    pub fn secrets_in_clear(&self) -> Vec<InClear> {
        let common =
            self.headers.iter().filter_map(|(name, value)| InClear::of_header("target", name, value));
        let Publish { method, path, headers, .. } = &self.publish;
        let publish = RequestForm::new(method, path, headers);
        let publish = InClear::of_request("target.publish", publish);
        let reads = self.named_reads().into_iter();
        let reads = reads.flat_map(|(key, request)| InClear::of_request(&key, request));
        let texts = self.publish_templates().into_iter().flat_map(|(key, text)| match key.as_str() {
            "target.publish.sign.secret" => of_signature(key, text).into_iter().collect(),
            "target.publish.body" | "target.publish.event" => InClear::of_text(&key, text),
            key if key.starts_with("target.publish.invalid.") => InClear::of_text(key, text),
            _ => Vec::new(),
        });
        let process = self.process.iter().flat_map(InClear::of_process);
        common.chain(publish).chain(texts).chain(reads).chain(process).collect()
    }
}

/// Returns the secret of a signature, if it has no hole.
fn of_signature(key: String, secret: &Template) -> Option<InClear> {
    let is_in_clear = secret.holes().next().is_none() && !secret.as_str().is_empty();
    is_in_clear.then(|| InClear::replaced(key, secret.as_str(), "\"{{env:SIGNING_SECRET}}\""))
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
        let told: Vec<_> = found
            .iter()
            .map(|one| (&*one.key, one.remedy.strip_suffix(", and set that variable").unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("target.headers.Authorization", "write \"Bearer {{env:TOKEN}}\""),
                ("target.publish.headers.x-api-key", "write \"{{env:API_KEY}}\""),
                ("target.publish.path", "write \"api_key={{env:API_KEY}}\""),
                ("target.stats.headers.Cookie", "write \"{{env:COOKIE}}\""),
            ]
        );
        found.iter().for_each(InClear::guard);
        let echoed = crate::target::secrets::masked("hunter22 hunter23 hunter24");
        assert!(!echoed.contains("hunter"), "{echoed}");
    }
}
