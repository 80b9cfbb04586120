//! Requests of a run as lines for curl. Secrets stand in them as variables of the environment, and a
//! terminal shows all of their characters.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use judge::verdict::Attempt;
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::invalid::Invalid;
use truth::plan::variant::Origin;
use truth::record::manifest::Manifest;
use truth::target::Target;
use truth::target::request::{Asked, RequestWriter, Whole};
use truth::target::secrets::Secrets;
use truth::target::sign::SecretEncoding;
use truth::target::template::{Filter, HoleName, Template};

/// Most bytes of a body that is shown whole unless that is asked for.
const SHOWN: usize = 2_000;

/// Requests that a run sent.
pub(super) struct Requests<'a> {
    manifest: &'a Manifest,
    target: Target,
    events: Arc<Events>,
    variables: Vec<String>,
    /// Names of the values that requests before the run kept.
    kept: Vec<String>,
    /// True to show each request whole, however long it is.
    is_whole: bool,
}

/// Request with the keys that it carries.
struct Carrying {
    ordinals: Vec<u64>,
    origin: Origin,
    invalid: Option<Invalid>,
}

impl<'a> Requests<'a> {
    pub(super) fn new(manifest: &'a Manifest, plan: &Plan, is_whole: bool) -> Self {
        let mut target = manifest.scenario.target.clone();
        let templates = target.publish_templates();
        let named = templates.iter().flat_map(|(_, template)| template.variables());
        let variables: Vec<String> = named.chain(plan.values.variables()).map(str::to_owned).collect();
        let kept = target.kept_names().into_iter().map(str::to_owned).collect();
        // A name is neither base64 nor hexadecimal digits.
        if let Some(sign) = &mut target.publish.sign {
            sign.secret_is = SecretEncoding::Text;
        }
        Self { manifest, target, events: Arc::new(Events::new(plan)), variables, kept, is_whole }
    }

    /// Writes the request of an attempt on this key. Where it is long, only the event of the key is
    /// in it.
    pub(super) fn of(&self, plan: &Plan, attempt: &Attempt, ordinal: u64) -> String {
        let alone = Carrying { ordinals: vec![ordinal], origin: Origin::Later, invalid: None };
        let carrying = carrying(plan, attempt);
        let many = carrying.as_ref().map_or(0, |carrying| carrying.ordinals.len());
        let title = format!("# {}, request {}", attempt.scope, attempt.request);
        let sent = carrying.map(|carrying| self.written(&carrying, attempt));
        match sent.filter(|sent| self.is_whole || sent.body.len() <= SHOWN) {
            Some(sent) => format!("{title}: {many} events\n{}", self.line(&sent)),
            None => format!(
                "{title}: the event of key {ordinal} alone, of {}; --whole shows all of the request\n{}",
                if many == 0 { "several".to_owned() } else { many.to_string() },
                self.line(&self.written(&alone, attempt))
            ),
        }
    }

    fn written(&self, carrying: &Carrying, attempt: &Attempt) -> Whole {
        let secrets = Secrets::by_name(self.variables.iter().map(String::as_str));
        let secrets = Arc::new(secrets.with_kept_by_name(self.kept.iter().map(String::as_str)));
        let mut writer = RequestWriter::new(Arc::clone(&self.events), &self.target, secrets);
        let now_ms = self.manifest.started_utc.as_millisecond() + (attempt.start_us / 1000) as i64;
        let asked =
            Asked { invalid: carrying.invalid, ..Asked::of(&carrying.ordinals, carrying.origin, now_ms) };
        writer.whole(&asked)
    }

    fn line(&self, request: &Whole) -> String {
        let mut out = self.notes(request);
        let base = self.target.publish_url().trim_end_matches('/');
        let url = format!("{base}{}", request.path);
        write!(out, "curl -sS -X {} {}", request.method, self.quoted(&url)).expect("a String");
        for (name, value) in request.fields.iter().filter(|(name, _)| name != "content-encoding") {
            let header = format!("{name}: {}", String::from_utf8_lossy(value));
            write!(out, " \\\n  -H {}", self.quoted(&header)).expect("a String");
        }
        let body = String::from_utf8_lossy(&request.body);
        write!(out, " \\\n  --data-binary {}\n", self.quoted(&body)).expect("a String");
        out
    }

    /// Returns comments for a shell that say where the line differs from the request of the run.
    fn notes(&self, request: &Whole) -> String {
        let mut notes = BTreeSet::new();
        if self.target.publish.sign.is_some() {
            notes.insert("the signature is made with the name of the secret, not with the secret".to_owned());
        }
        let in_path = self.secrets(&request.path);
        for Secret { variable, .. } in in_path.iter().filter(|secret| !secret.filters.contains(&Filter::Raw))
        {
            notes.insert(format!("${variable} is percent-encoded in the URL of the run"));
        }
        let fields = request.fields.iter().map(|(_, value)| value);
        let texts = fields.chain([&request.body]).map(|text| String::from_utf8_lossy(text));
        for secret in in_path.into_iter().chain(texts.flat_map(|text| self.secrets(&text))) {
            let Secret { variable, filters } = &secret;
            let left_out = filters.iter().filter(|filter| !matches!(filter, Filter::Base64 | Filter::Raw));
            notes.extend(left_out.map(|filter| {
                format!("${variable} stands here as it is, without the scenario's filter `{}`", filter.name())
            }));
        }
        notes.iter().map(|note| format!("# {note}\n")).collect()
    }

    /// Quotes a text for a shell. The names of secrets become variables.
    fn quoted(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, secret, after)) = self.next_secret(rest) {
            if !before.is_empty() {
                out.push_str(&quoted(before));
            }
            out.push_str(&secret.for_shell());
            rest = after;
        }
        if !rest.is_empty() || out.is_empty() {
            out.push_str(&quoted(rest));
        }
        out
    }

    /// Returns the secrets that a text names.
    fn secrets(&self, text: &str) -> Vec<Secret> {
        let mut all = Vec::new();
        let mut rest = text;
        while let Some((_, secret, after)) = self.next_secret(rest) {
            all.push(secret);
            rest = after;
        }
        all
    }

    /// Finds the first name of a secret, with the text before and after it.
    fn next_secret<'t>(&self, text: &'t str) -> Option<(&'t str, Secret, &'t str)> {
        text.match_indices('{').find_map(|(at, _)| {
            let hole = &text[at..];
            let is_secret = ["{{env:", "{{kept."].iter().any(|start| hole.starts_with(start));
            let end = is_secret.then(|| hole.find("}}"))?? + 2;
            Some((&text[..at], self.secret(&hole[..end])?, &hole[end..]))
        })
    }

    /// Returns the secret that this hole names; none if the requests have no such secret.
    fn secret(&self, hole: &str) -> Option<Secret> {
        let template = Template::parse(hole).ok()?;
        let hole = template.holes().next()?;
        let variable = match &hole.name {
            HoleName::Env(name) if self.variables.contains(name) => name.clone(),
            HoleName::Kept(name) if self.kept.contains(name) => kept_variable(name),
            _ => return None,
        };
        Some(Secret { variable, filters: hole.filters.clone() })
    }
}

/// Secret that a request names.
struct Secret {
    /// Variable of the shell that holds its value.
    variable: String,
    filters: Vec<Filter>,
}

impl Secret {
    /// Returns the text that a shell replaces by the value. Of the filters, a shell has base64.
    fn for_shell(&self) -> String {
        let base64 = self.filters.iter().filter(|filter| **filter == Filter::Base64);
        let plain = format!("\"${}\"", self.variable);
        base64.fold(plain, |value, _| format!("\"$(printf %s {value} | base64 -w0)\""))
    }
}

/// Returns the variable of the shell that stands for a kept value: `KEPT_TOKEN` for `{{kept.token}}`.
fn kept_variable(name: &str) -> String {
    format!("KEPT_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Returns the keys of the request of an attempt; none for one that `verify` sent.
fn carrying(plan: &Plan, attempt: &Attempt) -> Option<Carrying> {
    let round = attempt.scope.strip_prefix("round ")?.parse().ok()?;
    let round = plan.round(round);
    (attempt.request < round.requests()).then(|| Carrying {
        ordinals: round.request(attempt.request).to_vec(),
        origin: round.origin(attempt.request),
        invalid: Invalid::of(plan, &round, attempt.request),
    })
}

/// Quotes a text without variables. Characters that a terminal does not show are escaped.
fn quoted(text: &str) -> String {
    let is_plain = truth::printable::printable(text) == text;
    if is_plain {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut out = String::from("$'");
    for one in text.chars() {
        match one {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            one if truth::printable::printable(one.encode_utf8(&mut [0; 4]))
                != *one.encode_utf8(&mut [0; 4]) =>
            {
                write!(out, "\\U{:08x}", u32::from(one)).expect("a String");
            }
            one => out.push(one),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_text_as_it_is_and_a_terminal_shows_all_of_it() {
        assert_eq!(quoted("it's $HOME `id`"), r"'it'\''s $HOME `id`'");
        assert_eq!(quoted("a\nb'\u{202e}\\"), r"$'a\nb\'\U0000202e\\'");
    }
}
