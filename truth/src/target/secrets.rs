//! Secrets of a target: the values of `{{env:NAME}}` and of what a login kept. They are read once, and
//! stand in no file and in no message.
//!
//! A target may repeat a secret in a response, in a link or in an error. So the texts that are
//! shown or stored go through [`masked`], which knows the secrets of this process. That is the one
//! state that all of the process shares: a text that is shown must not depend on who shows it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::env::VarError;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use thiserror::Error;

use super::kept::Kept;
use super::template::{Fill, FillError, HoleName, Template, encode, quote};

/// Fewest bytes of a secret that is masked: shorter ones stand in too many other words.
const FEWEST: usize = 6;

/// Secrets that texts of this process must not show.
static GUARDED: RwLock<Vec<Mask>> = RwLock::new(Vec::new());

/// Values of environment variables and of what requests before the run kept, by their names.
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, String>,
    kept: Kept,
    /// True if the values are the names of the secrets.
    is_by_name: bool,
}

/// A variable that a target needs is not there.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the environment variable {variable}, which the scenario's target needs, {lack}")]
pub struct MissingVariable {
    /// Name of the variable.
    pub variable: String,
    /// Reason why it cannot be used.
    pub lack: Lack,
}

/// Reason why a variable cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Lack {
    /// It is not there.
    #[error("is not set")]
    Value,
    /// It is set to nothing.
    #[error("is empty")]
    Contents,
    /// Its bytes are no UTF-8, so they are no text.
    #[error("holds bytes that are no UTF-8: set it to a text")]
    Text,
}

impl Secrets {
    /// Reads these variables, and guards them from being shown.
    pub fn read<'a>(variables: impl IntoIterator<Item = &'a str>) -> Result<Self, MissingVariable> {
        Self::of(variables, |variable| match std::env::var(variable) {
            Ok(value) => Ok(value),
            Err(VarError::NotPresent) => Err(Lack::Value),
            Err(VarError::NotUnicode(_)) => Err(Lack::Text),
        })
    }

    /// Reads the variables that these templates name.
    pub fn of_templates<'a>(
        templates: impl IntoIterator<Item = &'a Template>,
    ) -> Result<Self, MissingVariable> {
        Self::read(templates.into_iter().flat_map(Template::variables))
    }

    /// Returns secrets with these values, by the names of their variables, and guards them from being
    /// shown.
    pub fn given(values: BTreeMap<String, String>) -> Self {
        values.iter().for_each(|(name, value)| guard(&format!("env:{name}"), value));
        Self { values, ..Self::default() }
    }

    /// Returns secrets whose values are their names, for a request that is only shown.
    pub fn by_name<'a>(variables: impl IntoIterator<Item = &'a str>) -> Self {
        let value = |name: &str| (name.to_owned(), format!("{{{{env:{name}}}}}"));
        Self { values: variables.into_iter().map(value).collect(), is_by_name: true, ..Self::default() }
    }

    /// Returns the same secrets beside kept values, which may be replaced at any time.
    #[must_use]
    pub fn beside(self, kept: Kept) -> Self {
        Self { kept, ..self }
    }

    /// Returns the same secrets, and a kept value for each of these names: the hole `{{kept.NAME}}`.
    #[must_use]
    pub fn with_kept_by_name<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let value = |name: &str| (name.to_owned(), format!("{{{{kept.{name}}}}}"));
        let kept = Kept::default();
        kept.replace(names.into_iter().map(value).collect());
        Self { is_by_name: true, ..self.beside(kept) }
    }

    /// Returns these secrets and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.values.extend(others.values);
        self
    }

    /// Returns the kept values, which all clones share.
    pub fn kept(&self) -> Kept {
        self.kept.clone()
    }

    /// Returns secrets that hold nothing.
    pub fn none() -> Self {
        Self::default()
    }

    fn of<'a>(
        variables: impl IntoIterator<Item = &'a str>,
        value: impl Fn(&str) -> Result<String, Lack>,
    ) -> Result<Self, MissingVariable> {
        let mut secrets = Self::none();
        for name in variables {
            let found =
                value(name).and_then(|found| if found.is_empty() { Err(Lack::Contents) } else { Ok(found) });
            let value = found.map_err(|lack| MissingVariable { variable: name.to_owned(), lack })?;
            guard(&format!("env:{name}"), &value);
            secrets.values.insert(name.to_owned(), value);
        }
        Ok(secrets)
    }

    /// True if the values are the names of the secrets, for a request that is only shown.
    pub(super) fn is_by_name(&self) -> bool {
        self.is_by_name
    }

    /// Returns the value of a variable.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.values.get(variable).map(String::as_str)
    }
}

impl Fill for Secrets {
    fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
        let unknown = || FillError::unknown(name);
        match name {
            HoleName::Env(variable) => {
                out.extend_from_slice(self.get(variable).ok_or_else(unknown)?.as_bytes());
            }
            HoleName::Kept(kept) => {
                out.extend_from_slice(self.kept.get(kept).ok_or_else(unknown)?.as_bytes());
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }

    fn shown_as(&self, name: &HoleName) -> Option<HoleName> {
        let is_secret = self.is_by_name && matches!(name, HoleName::Env(_) | HoleName::Kept(_));
        is_secret.then(|| name.clone())
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// Guards a secret: from now on, [`masked`] replaces it by its name.
pub fn guard(name: &str, secret: &str) {
    let mut guarded = GUARDED.write().unwrap_or_else(PoisonError::into_inner);
    let mask = Mask::new(name, secret);
    if !mask.forms.is_empty() && !guarded.contains(&mask) {
        guarded.push(mask);
        // A secret that holds another one is replaced first.
        guarded.sort_by_key(|mask| std::cmp::Reverse(mask.forms.iter().map(String::len).max()));
    }
}

/// Returns a text in which no guarded secret stands, in none of its usual forms.
pub fn masked(text: &str) -> Cow<'_, str> {
    let guarded = GUARDED.read().unwrap_or_else(PoisonError::into_inner);
    guarded.iter().fold(Cow::Borrowed(text), |text, mask| mask.apply(text))
}

/// Returns a text in which each guarded value of an environment variable is the hole that writes it.
/// What a scenario holds in clear stays.
pub fn with_variables(text: &str) -> Cow<'_, str> {
    let guarded = GUARDED.read().unwrap_or_else(PoisonError::into_inner);
    let variables = guarded.iter().filter(|mask| mask.shown.starts_with("{{env:"));
    variables.fold(Cow::Borrowed(text), |text, mask| mask.apply(text))
}

/// Returns a JSON text in which no guarded secret stands in a string. Names of members and numbers
/// stay: a secret that is an ordinary word or number must not make another document of it.
pub fn masked_in_strings(json: &str) -> Cow<'_, str> {
    if matches!(masked(json), Cow::Borrowed(_)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(begin) = rest.find('"') {
        let (before, text) = rest.split_at(begin + 1);
        let (text, after) = text.split_at(end_of_string(text));
        let is_name = after.trim_start_matches('"').trim_start().starts_with(':');
        out.push_str(before);
        match is_name {
            true => out.push_str(text),
            false => out.push_str(&masked(text)),
        }
        out.push_str(&after[..after.len().min(1)]);
        rest = after.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Returns the place of the quote that ends a JSON string, of the text after its first quote.
fn end_of_string(text: &str) -> usize {
    let mut is_escaped = false;
    let is_end = |byte: &u8| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    text.as_bytes().iter().position(is_end).unwrap_or(text.len())
}

/// Returns such a text whose end may have been cut off, and so may be the beginning of a secret.
pub fn masked_beginning(text: &str) -> String {
    let mut text = masked(text).into_owned();
    let guarded = GUARDED.read().unwrap_or_else(PoisonError::into_inner);
    for mask in guarded.iter() {
        if let Some(at) = mask.cut_at_the_end(&text) {
            text.truncate(at);
            text.push_str(&mask.shown);
        }
    }
    text
}

/// A secret in all its forms, and what is shown in their place.
#[derive(PartialEq, Eq)]
struct Mask {
    shown: String,
    /// Forms that the secret can have in a text, the longest first.
    forms: Vec<String>,
}

impl Mask {
    fn new(name: &str, secret: &str) -> Self {
        // Of user:secret, the second part is a secret by itself.
        let after_colon = secret.split_once(':').map(|(_, after)| after);
        let secrets = [Some(secret), after_colon].into_iter().flatten();
        let mut forms: Vec<String> =
            secrets.filter(|secret| secret.len() >= FEWEST).flat_map(forms_of).collect();
        forms.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        forms.dedup();
        Self { shown: format!("{{{{{name}}}}}"), forms }
    }

    /// Returns the place where a text ends with the beginning of the secret.
    fn cut_at_the_end(&self, text: &str) -> Option<usize> {
        let cuts = self.forms.iter().filter_map(|form| {
            let ends = (FEWEST..form.len()).rev().filter_map(|end| form.get(..end));
            let cut = ends.into_iter().find(|cut| text.ends_with(cut))?;
            Some(text.len() - cut.len())
        });
        cuts.min()
    }

    fn apply<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        self.forms.iter().fold(text, |text, form| {
            if text.contains(form.as_str()) { Cow::Owned(text.replace(form, &self.shown)) } else { text }
        })
    }
}

/// Characters that some servers escape, each as PHP, .NET and HTML write it.
const ESCAPES: [(char, &str, &str, &str); 7] = [
    ('/', "\\/", "/", "/"),
    ('+', "+", "\\u002B", "+"),
    ('&', "&", "\\u0026", "&amp;"),
    ('<', "<", "\\u003C", "&lt;"),
    ('>', ">", "\\u003E", "&gt;"),
    ('\'', "'", "\\u0027", "&#39;"),
    ('"', "\\\"", "\\u0022", "&quot;"),
];

/// Returns a secret as some servers write it: with the escapes of PHP, of .NET, of Go, of HTML, and
/// of JSON that is plain ASCII.
fn escaped_forms(secret: &str) -> [String; 5] {
    let escaped = |pick: fn(&(char, &'static str, &'static str, &'static str)) -> &'static str| {
        let one = |letter: char| match ESCAPES.iter().find(|(escaped, ..)| *escaped == letter) {
            Some(entry) => pick(entry).to_owned(),
            None => letter.to_string(),
        };
        secret.chars().map(one).collect::<String>()
    };
    let dot_net = escaped(|entry| entry.2);
    // Go escapes fewer, and in small letters.
    let go = dot_net.replace("\\u002B", "+").replace("\\u0027", "'").replace("\\u0022", "\\\"");
    let go = go.replace("\\u003C", "\\u003c").replace("\\u003E", "\\u003e");
    [escaped(|entry| entry.1), dot_net, go, escaped(|entry| entry.3), ascii(secret)]
}

/// Returns a text as a JSON string of plain ASCII has it.
fn ascii(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_ascii() => out.push(letter),
            letter => {
                let mut units = [0; 2];
                letter.encode_utf16(&mut units).iter().for_each(|unit| out += &format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// Returns the forms in which a secret can stand in a text that may be encoded once more, such as
/// JSON within JSON, or a body in base64 within a URL.
fn forms_of(secret: &str) -> Vec<String> {
    let once = encoded_forms(secret);
    let twice: Vec<String> = once.iter().flat_map(|form| encoded_forms(form)).collect();
    once.into_iter().chain(twice).collect()
}

/// Returns the forms in which a secret can stand in a text: as it is, within quotes of JSON,
/// percent-encoded, with the escapes of common servers, and in base64, alone or after other text.
fn encoded_forms(secret: &str) -> Vec<String> {
    let changed = |change: fn(usize, &mut Vec<u8>)| {
        let mut bytes = secret.as_bytes().to_vec();
        change(0, &mut bytes);
        String::from_utf8(bytes).expect("these changes make text of text")
    };
    let encoded = changed(encode);
    let mut forms = vec![secret.to_owned(), changed(quote), encoded.to_ascii_lowercase(), encoded];
    forms.extend(escaped_forms(secret));
    for before in 0..3 {
        // Three bytes make four digits, so what stands before the secret shifts it in three ways.
        let shifted = [&b"\0\0"[..before], secret.as_bytes()].concat();
        let skipped = [0, 2, 3][before];
        let own = shifted.len() * 8 / 6;
        for digits in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.push(digits[skipped..own.max(skipped)].to_owned());
        }
    }
    forms.retain(|form| form.len() >= FEWEST);
    forms.sort_unstable();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(text: &str, secret: &str) -> String {
        Mask::new("env:KEY", secret).apply(Cow::Borrowed(text)).into_owned()
    }

    #[test]
    fn a_secret_is_masked_in_each_of_its_forms() {
        let secret = "s3cr\u{e9}t\"/+?x";
        let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        for text in [
            secret.to_owned(),
            "s3cr%C3%A9t%22%2F%2B%3Fx".to_owned(),
            "s3cr%c3%a9t%22%2f%2b%3fx".to_owned(),
            "s3cr\u{e9}t\\\"/+?x".to_owned(),
            base64(secret),
            base64(&format!("u:{secret}")),
            base64(&format!("user:{secret}")),
            base64(&format!("users:{secret}:more")),
            "s3cr\u{e9}t\\\"\\/+?x".to_owned(),
            "s3cr\u{e9}t\\u0022/\\u002B?x".to_owned(),
            "s3cr\u{e9}t&quot;/+?x".to_owned(),
            "s3cr\\u00e9t\\\"/+?x".to_owned(),
            // Encoded once more.
            "s3cr\u{e9}t\\\\\\\"/+?x".to_owned(),
            "s3cr%25C3%25A9t%2522%252F%252B%253Fx".to_owned(),
            base64("s3cr\u{e9}t\\\"/+?x"),
            base64(&base64(secret)),
            base64(secret).replace('/', "\\/"),
        ] {
            let shown = mask(&format!("before {text} after"), secret);
            assert!(shown.contains("{{env:KEY}}"), "{text}: {shown}");
            assert!(!shown.contains(&text), "{shown}");
        }
        assert_eq!(mask("a secret stands here", "hunter2"), "a secret stands here");
        assert_eq!(mask("hunter2 and hunter2", "user:hunter2"), "{{env:KEY}} and {{env:KEY}}");
        assert_eq!(Mask::new("env:KEY", "hunter22").cut_at_the_end("it is hunter2"), Some(6));
        assert_eq!(Mask::new("env:KEY", "hunter22").cut_at_the_end("it is hunt"), None);
        assert_eq!(mask("short", "short"), "short", "words of the text may be as short");
    }

    #[test]
    fn a_variable_that_is_missing_or_empty_is_named() {
        let template = Template::parse("a{{env:A}}{{topic}}{{env:B}}").unwrap();
        let read = |b: Result<&str, Lack>| {
            let b = b.map(str::to_owned);
            Secrets::of(template.variables(), |name| if name == "A" { Ok("1".to_owned()) } else { b.clone() })
        };
        let secrets = read(Ok("2")).unwrap();
        assert_eq!((secrets.get("A"), secrets.get("B"), secrets.get("C")), (Some("1"), Some("2"), None));
        assert!(!format!("{secrets:?}").contains('2'));
        for (b, told) in
            [(Err(Lack::Value), "is not set"), (Ok(""), "is empty"), (Err(Lack::Text), "no UTF-8")]
        {
            let error = read(b).unwrap_err().to_string();
            assert!(error.contains("variable B") && error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_secret_that_is_an_ordinary_word_leaves_names_and_numbers_of_a_document() {
        guard("env:WORD", "guarded-word");
        guard("env:NUMBER", "7001007");
        let json = r#"{"guarded-word": 7001007, "a": ["7001007", "a \"guarded-word\" b"]}"#;
        let expected = r#"{"guarded-word": 7001007, "a": ["{{env:NUMBER}}", "a \"{{env:WORD}}\" b"]}"#;
        assert_eq!(masked_in_strings(json), expected);
        assert!(matches!(masked_in_strings("{\"a\":1}"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_guarded_secret_is_masked_everywhere_in_this_process() {
        guard("env:GUARDED", "guarded-by-this-test");
        assert_eq!(masked("a guarded-by-this-test b"), "a {{env:GUARDED}} b");
        assert!(matches!(masked("nothing here"), Cow::Borrowed(_)));
        guard("target.headers.x-key", "in-clear-in-this-test");
        let text = "guarded-by-this-test in-clear-in-this-test";
        assert_eq!(with_variables(text), "{{env:GUARDED}} in-clear-in-this-test");
    }
}
