//! Requests of a run as lines for curl. Secrets stand in them as variables of the environment, and a
//! terminal shows all of their characters.

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
        let mut out = String::new();
        if self.target.publish.sign.is_some() {
            out.push_str("# the signature is made with the name of the secret, not with the secret\n");
        }
        let base = self.target.url.trim_end_matches('/');
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

    /// Quotes a text for a shell. The names of secrets become variables.
    fn quoted(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, name, after)) = self.next_variable(rest) {
            if !before.is_empty() {
                out.push_str(&quoted(before));
            }
            write!(out, "\"${name}\"").expect("a String");
            rest = after;
        }
        if !rest.is_empty() || out.is_empty() {
            out.push_str(&quoted(rest));
        }
        out
    }

    /// Finds the first name of a secret. Returns the variable of the shell that stands for it, with the
    /// text before and after it.
    fn next_variable<'t>(&self, text: &'t str) -> Option<(&'t str, String, &'t str)> {
        let variables = self.variables.iter().map(|name| (format!("{{{{env:{name}}}}}"), name.clone()));
        let kept = self.kept.iter().map(|name| (format!("{{{{kept.{name}}}}}"), kept_variable(name)));
        let found = variables.chain(kept).filter_map(|(mark, variable)| {
            let at = text.find(&mark)?;
            Some((at, variable, &text[at + mark.len()..]))
        });
        let (at, variable, after) = found.min_by_key(|(at, ..)| *at)?;
        Some((&text[..at], variable, after))
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
