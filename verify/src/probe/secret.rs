//! Secrets of a request: what looks like one becomes a variable, before anything is shown or written.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::class::Class;
use super::given::{Given, MARKS, basic, mark, mark_base64, mark_number, marked};
use super::json::{Kind, spots, unquoted, values};
use super::names::{id_score, is_secret, is_secret_field, is_secret_parameter, plain};

/// Fewest characters of a text that is taken for a secret by its looks alone.
const SHORTEST: usize = 20;

/// Fewest characters of it that stand together, letters and digits mixed.
const TOGETHER: usize = 16;

/// Fewest characters of it in runs that are no hexadecimal number, if none stands together so long.
const SCATTERED: usize = 12;

/// Share of neighbours of different kinds above which such runs are no words.
const CHANGES: f64 = 0.3;

/// Fewest bits that a character of it holds.
const BITS: f64 = 3.5;

/// Weight of a name above which a value is an id and no secret.
const ID: u32 = 40;

/// Values of the variables that a request names; none if the environment has to hold it.
pub(super) type Variables = BTreeMap<String, Option<String>>;

/// Returns the request with a mark in place of each secret, and the values of the marks.
pub(super) fn hidden(given: Given) -> (Given, Variables) {
    let mut hider = Hider::default();
    let mut given = given;
    given.url = hider.url(&given.url, &mut given.headers, &mut given.notes);
    for (name, value) in &mut given.headers {
        *value = hider.header(name, value);
    }
    given.body = hider.body(&given.body);
    let texts = [&given.url, &given.body].into_iter().chain(given.headers.iter().map(|(_, value)| value));
    for variable in texts.flat_map(|text| marked(text)) {
        hider.variables.entry(variable.to_owned()).or_default();
    }
    (given, hider.variables)
}

/// Value of JSON that is a secret.
struct Secret {
    span: Range<usize>,
    name: String,
    text: String,
    is_number: bool,
}

/// Variables that were made so far.
#[derive(Default)]
struct Hider {
    variables: Variables,
}

impl Hider {
    /// Returns the mark of a secret of this name.
    fn mark(&mut self, name: &str, secret: &str) -> String {
        mark(&self.variable(name, secret))
    }

    /// Returns the mark of a value of JSON.
    fn mark_of(&mut self, secret: &Secret) -> String {
        let variable = self.variable(&secret.name, &secret.text);
        if secret.is_number { mark_number(&variable) } else { mark(&variable) }
    }

    /// Returns the variable of a secret of this name.
    fn variable(&mut self, name: &str, secret: &str) -> String {
        let known = self.variables.iter().find(|(_, value)| value.as_deref() == Some(secret));
        if let Some((variable, _)) = known {
            return variable.clone();
        }
        let word: String = name
            .chars()
            .map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_uppercase() } else { '_' })
            .collect();
        let base = format!("INGEST_{}", word.trim_matches('_'));
        let number = (1_u32..).find(|number| !self.variables.contains_key(&numbered(&base, *number)));
        let variable = numbered(&base, number.unwrap_or(1));
        self.variables.insert(variable.clone(), Some(secret.to_owned()));
        variable
    }

    fn url(&mut self, url: &str, headers: &mut Vec<(String, String)>, notes: &mut Vec<String>) -> String {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = match authority.rsplit_once('@') {
            None => authority,
            Some((login, host)) => {
                // As with curl, a header outranks a login in the URL.
                if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
                    let login = percent_decode_str(login).decode_utf8_lossy();
                    let (login, note) = basic(&login);
                    headers.push(("authorization".to_owned(), login));
                    notes.extend(note);
                }
                host
            }
        };
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let segments: Vec<String> = path
            .split('/')
            .map(
                |segment| {
                    if looks_secret("", segment) { self.mark("path", segment) } else { segment.to_owned() }
                },
            )
            .collect();
        let query =
            query.map(|query| format!("?{}", self.form(query, is_secret_parameter))).unwrap_or_default();
        format!("{scheme}://{host}{}{query}", segments.join("/"))
    }

    fn header(&mut self, name: &str, value: &str) -> String {
        // `Bearer TOKEN`: the first word is no secret.
        let is_scheme = |(scheme, _): &(&str, &str)| scheme.chars().all(|one| one.is_ascii_alphabetic());
        let parts = value.split_once(' ').filter(is_scheme);
        let looks = looks_secret(name, parts.map_or(value, |(_, secret)| secret));
        if value.contains(MARKS) || !(is_secret_field(name) || looks) || value.is_empty() {
            return value.to_owned();
        }
        match parts {
            Some((scheme, secret)) if scheme.eq_ignore_ascii_case("basic") && login(secret).is_some() => {
                let login = login(secret).unwrap_or_default();
                format!("{scheme} {}", mark_base64(&self.variable(name, &login)))
            }
            Some((scheme, secret)) => format!("{scheme} {}", self.mark(name, secret)),
            None => self.mark(name, value),
        }
    }

    fn form(&mut self, form: &str, is_secret: fn(&str) -> bool) -> String {
        let pair = |pair: &str| {
            let Some((name, value)) = pair.split_once('=') else { return pair.to_owned() };
            let name_text = decoded(name);
            let text = decoded(value);
            let is_hidden = !value.contains(MARKS) && !value.is_empty();
            if is_hidden && (is_secret(&name_text) || looks_secret(&name_text, &text)) {
                format!("{name}={}", self.mark(&name_text, &text))
            } else {
                pair.to_owned()
            }
        };
        form.split('&').map(pair).collect::<Vec<_>>().join("&")
    }

    fn body(&mut self, body: &str) -> String {
        let Some(parts) = values(body).filter(|parts| !parts.is_empty()) else {
            let is_form = body.contains('=') && !body.contains(['\n', '{', ' ']);
            return if is_form { self.form(body, is_secret) } else { self.words(body) };
        };
        let mut found: Vec<Secret> = Vec::new();
        for part in parts {
            let start = part.start;
            for spot in spots(&body[part]).unwrap_or_default() {
                let span = spot.span.start + start..spot.span.end + start;
                let name = spot.pointer.rsplit('/').next().unwrap_or_default().to_owned();
                let text = unquoted(&body[span.clone()]);
                let is_number = spot.kind == Kind::Scalar && text.parse::<f64>().is_ok();
                let is_free = !text.is_empty() && !text.contains(MARKS);
                let is_text = spot.kind == Kind::Text && looks_secret(&name, &text);
                if is_free && (is_text || ((is_number || spot.kind == Kind::Text) && is_secret(&name))) {
                    found.push(Secret { span, name, text, is_number });
                }
            }
        }
        let mut out = body.to_owned();
        let marks: Vec<(Range<usize>, String)> =
            found.into_iter().map(|secret| (secret.span.clone(), self.mark_of(&secret))).collect();
        for (span, mark) in marks.into_iter().rev() {
            out.replace_range(span, &mark);
        }
        out
    }

    /// Hides the words of a text of any form.
    fn words(&mut self, text: &str) -> String {
        let is_edge = |one: char| one.is_whitespace() || matches!(one, ',' | ';' | '=' | '"' | '|' | '&');
        let mut out = String::with_capacity(text.len());
        for word in text.split_inclusive(is_edge) {
            let bare = word.trim_end_matches(is_edge);
            if looks_secret("", bare) {
                out.push_str(&self.mark("body", bare));
                out.push_str(&word[bare.len()..]);
            } else {
                out.push_str(word);
            }
        }
        out
    }
}

/// Returns the `user:password` that base64 stands for; none if it is no text.
fn login(base64: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(base64.trim()).ok()?).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

fn numbered(base: &str, number: u32) -> String {
    if number == 1 { base.to_owned() } else { format!("{base}_{number}") }
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// True if a value is a secret by its looks: long, of mixed characters, and no id.
fn looks_secret(name: &str, text: &str) -> bool {
    if is_jwt(text) {
        return true;
    }
    let is_of_token = |one: char| one.is_ascii_alphanumeric() || "-_.+/=~".contains(one);
    if text.len() < SHORTEST || !text.chars().all(is_of_token) || Class::of(text) != Class::Text {
        return false;
    }
    if !plain(name).is_empty() && id_score(name, Class::Text) > ID {
        return false;
    }
    let runs = text.split(|one: char| !one.is_ascii_alphanumeric());
    let is_mixed = |run: &str| {
        run.len() >= TOGETHER
            && run.chars().any(|one| one.is_ascii_digit())
            && run.chars().any(|one| one.is_ascii_alphabetic())
    };
    let has_run = runs.into_iter().any(is_mixed);
    (has_run || is_scattered(text)) && bits(text) >= BITS
}

/// True if a text has the form of a signed JSON Web Token.
fn is_jwt(text: &str) -> bool {
    let is_base64 = |part: &&str| {
        !part.is_empty() && part.chars().all(|one| one.is_ascii_alphanumeric() || "-_".contains(one))
    };
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3 && text.starts_with("eyJ") && parts.iter().all(is_base64)
}

/// True if runs of letters and digits, with other characters between them, are random: capitals,
/// small letters and digits change more often than in words, dates and numbers.
fn is_scattered(text: &str) -> bool {
    let is_kind = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    if ![u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit].into_iter().all(is_kind) {
        return false;
    }
    let is_hex = |run: &&str| {
        run.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            || run.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
    };
    let runs = text.split(|one: char| !one.is_ascii_alphanumeric()).filter(|run| !is_hex(run));
    let mut length = 0;
    let mut pairs = 0_u32;
    let mut changes = 0_u32;
    for run in runs {
        length += run.len();
        for (at, pair) in run.as_bytes().windows(2).enumerate() {
            pairs += 1;
            let kind = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
            // A word may begin with a capital.
            let begins_word = at == 0 && pair[0].is_ascii_uppercase() && pair[1].is_ascii_lowercase();
            changes += u32::from(kind(pair[0]) != kind(pair[1]) && !begins_word);
        }
    }
    length >= SCATTERED && f64::from(changes) > CHANGES * f64::from(pairs)
}

/// Entropy of the characters of a text, in bits a character.
fn bits(text: &str) -> f64 {
    let mut counts = BTreeMap::<u8, u32>::new();
    text.bytes().for_each(|byte| *counts.entry(byte).or_default() += 1);
    let length = text.len() as f64;
    counts.values().map(|count| f64::from(*count) / length).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::given::unmarked;
    use super::*;

    const TOKEN: &str = "sk4f9aK2mQ8zP1xV7bN3cR6t";

    fn given(url: &str, headers: &[(&str, &str)], body: &str) -> Given {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Given {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers,
            body: body.to_owned(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_number_is_a_secret_by_its_name() {
        let body = r#"{"pin": 1234567, "id": 7654321, "auth": true}"#;
        let (hidden, variables) = hidden(given("http://h/", &[], body));
        assert_eq!(variables["INGEST_PIN"].as_deref(), Some("1234567"));
        let written = unmarked(&hidden.body, str::to_owned, |variable| format!("<{variable}>"));
        assert_eq!(written, r#"{"pin": <INGEST_PIN>, "id": 7654321, "auth": true}"#);
    }

    #[test]
    fn no_secret_stays_in_any_part_of_a_request() {
        let url = format!("https://user:hunter2@h/hooks/{TOKEN}?api_key=abc&x=1&t={TOKEN}");
        let body = format!(
            r#"{{"api_key":"short","writeKey":"w\"k","list":["{TOKEN}"],"event_id":"{TOKEN}","n":5}}"#
        );
        let headers = [("X-Api-Key", "k1"), ("Cookie", "a=b"), ("Idempotency-Key", TOKEN), ("dd", "Token x")];
        let (hidden, variables) = hidden(given(&url, &headers, &body));
        let all = format!("{hidden:?}");
        for secret in ["hunter2", "abc", "short", "w\\\"k", "k1", "a=b"] {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
        assert!(
            hidden.url.starts_with("https://h/hooks/\u{e000}INGEST_PATH\u{e001}?api_key="),
            "{}",
            hidden.url
        );
        assert_eq!(hidden.header("idempotency-key"), Some(TOKEN), "an id is no secret");
        assert_eq!(hidden.header("dd"), Some("Token x"), "neither its name nor its looks");
        assert!(hidden.body.contains(&format!(r#""event_id":"{TOKEN}","n":5"#)), "{}", hidden.body);
        assert_eq!(variables["INGEST_AUTHORIZATION"].as_deref(), Some("user:hunter2"));
        let basic = format!("Basic {}", mark_base64("INGEST_AUTHORIZATION"));
        assert_eq!(hidden.header("authorization"), Some(basic.as_str()), "the file encodes the login");
        assert_eq!(variables["INGEST_WRITEKEY"].as_deref(), Some("w\"k"));
        assert_eq!(variables["INGEST_PATH"].as_deref(), Some(TOKEN), "the same secret has one name");
        assert_eq!(variables.len(), 7, "{:?}", variables.keys());
    }

    #[test]
    fn a_scheme_stays_and_a_variable_of_the_line_is_asked_for() {
        let bearer = format!("Bearer {}", mark("TOKEN"));
        let (kept, variables) = hidden(given("http://h/", &[("Authorization", &bearer)], "a=1&token=t&b=2"));
        assert_eq!(kept.header("authorization"), Some(bearer.as_str()));
        assert_eq!(variables["TOKEN"], None);
        assert_eq!(kept.body, format!("a=1&token={}&b=2", mark("INGEST_TOKEN")));
        let (kept, _) = hidden(given("http://h/", &[("Authorization", "Splunk abcdef")], "x"));
        assert_eq!(
            kept.header("authorization"),
            Some(format!("Splunk {}", mark("INGEST_AUTHORIZATION")).as_str())
        );
        let (kept, _) = hidden(given("http://h/", &[], &format!("events,token={TOKEN} value=1 1735689600")));
        assert_eq!(kept.body, format!("events,token={} value=1 1735689600", mark("INGEST_BODY")));
    }

    #[test]
    fn secrets_with_short_names_and_tokens_after_a_scheme_are_hidden() {
        let body = r#"{"pin":"4711x","user":{"pwd":"hunter2"},"passenger":"Ann","code":"E1"}"#;
        let jwt = "eyJhbGci.eyJzdWIi.c2ln";
        let bearer = format!("Bearer {jwt}");
        let headers = [("X-Jwt", "tiny"), ("Access-Pass", "open"), ("X-Author", "Bob"), ("X-Via", &bearer)];
        let (kept, _) = hidden(given("http://h/?sig=s1gn&code=c0de&author=Eve", &headers, body));
        let all = format!("{kept:?}");
        for secret in ["4711x", "hunter2", "tiny", "open", "s1gn", "c0de", jwt] {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
        for other in ["Ann", "E1", "Bob", "Eve", "Bearer "] {
            assert!(all.contains(other), "{other}: {all}");
        }
        let (kept, _) = hidden(given("http://h/", &[], "signature=abc&pw=xyz&code=E1"));
        assert!(kept.body.ends_with("&code=E1") && !kept.body.contains("abc") && !kept.body.contains("xyz"));
    }

    #[test]
    fn a_header_outranks_a_login_in_the_url() {
        let header = ("Authorization", "Bearer abc");
        let (kept, variables) = hidden(given("http://user:hunter2@h/", &[header], "x"));
        let bearer = format!("Bearer {}", mark("INGEST_AUTHORIZATION"));
        assert_eq!(kept.headers, [("Authorization".to_owned(), bearer)]);
        assert_eq!(variables["INGEST_AUTHORIZATION"].as_deref(), Some("abc"));
        assert_eq!(kept.url, "http://h/");
    }

    #[test]
    fn ids_times_and_words_look_like_no_secret() {
        for text in [
            "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "2025-01-01T00:00:00.250Z",
            "kafka-consumer-group-2025-orders",
            "application/vnd.kafka.json.v2+json",
            "d41d8cd98f00b204e9800998ecf8427e",
            "short1",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "2025-01-01T00-00-00.000Z",
            "2025-01-01T00:00:00.250+01:00",
            "https://Example.com/a1/B2/c3/D4/e5",
            "Order-3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "OrderLineCreated-3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "com.example.Shop.v2.OrderCreated",
            "Hello.World.This-is-A-Sentence-of-2025",
            "The 3 Quick Brown Foxes of 2025 are here",
            "America/Argentina/Buenos_Aires-2025",
            "onceproof-1.2.3-x86_64-unknown-linux-gnu-RC1",
            "eyJhbGci.eyJzdWIi",
            "a.eyJhbGci.eyJzdWIi",
        ] {
            assert!(!looks_secret("x", text), "{text}");
        }
        for text in [
            "eyJhbGci.eyJzdWIi.c2ln",
            "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.a-b_c",
            "Zk3_x9Q-Qp7b.Lm2Tc+Vt8rA/Rw5W=Yb1",
            "aB3dE/fG7hI+jK9lM-nO1pQ_rS5tU.vW",
            "SG.ngeVf-QFYQlKU0uf_o8x5d1A.TwL2iGABf9-DHoTf_09kqeF8tAm",
        ] {
            assert!(looks_secret("x", text), "{text}");
        }
        assert!(looks_secret("x", TOKEN) && !looks_secret("messageId", TOKEN));
    }
}
