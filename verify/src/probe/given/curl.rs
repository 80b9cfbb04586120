//! A curl line: the flags that describe a request.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::shell;
use super::text::{Given, GivenError, ReadFile, basic, mark, unmarked};

/// Flags without a value that change nothing of the request.
const IGNORED: [&str; 24] = [
    "silent",
    "show-error",
    "verbose",
    "include",
    "insecure",
    "location",
    "compressed",
    "fail",
    "fail-with-body",
    "globoff",
    "progress-bar",
    "no-progress-meter",
    "http1.1",
    "http2",
    "http1.0",
    "http2-prior-knowledge",
    "no-buffer",
    "ipv4",
    "ipv6",
    "tcp-nodelay",
    "no-keepalive",
    "path-as-is",
    "tlsv1.2",
    "no-sessionid",
];

/// Flags with a value that change nothing of the request.
const IGNORED_WITH_VALUE: [&str; 16] = [
    "output",
    "max-time",
    "connect-timeout",
    "retry",
    "retry-delay",
    "write-out",
    "user-agent",
    "referer",
    "cookie-jar",
    "proxy",
    "cacert",
    "cert",
    "key",
    "resolve",
    "connect-to",
    "unix-socket",
];

/// Short flags with the names of the long ones.
const SHORT: [(char, &str); 30] = [
    ('X', "request"),
    ('H', "header"),
    ('d', "data"),
    ('u', "user"),
    ('F', "form"),
    ('G', "get"),
    ('b', "cookie"),
    ('T', "upload-file"),
    ('s', "silent"),
    ('S', "show-error"),
    ('v', "verbose"),
    ('i', "include"),
    ('k', "insecure"),
    ('L', "location"),
    ('f', "fail"),
    ('g', "globoff"),
    ('#', "progress-bar"),
    ('N', "no-buffer"),
    ('4', "ipv4"),
    ('6', "ipv6"),
    ('o', "output"),
    ('m', "max-time"),
    ('w', "write-out"),
    ('A', "user-agent"),
    ('e', "referer"),
    ('c', "cookie-jar"),
    ('x', "proxy"),
    ('E', "cert"),
    ('0', "http1.0"),
    ('I', "head"),
];

/// Request that a line makes, flag by flag.
#[derive(Default)]
struct Line {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    /// Header value of `--user` or `--oauth2-bearer`.
    login: Option<String>,
    data: Vec<String>,
    is_get: bool,
    is_json: bool,
    notes: Vec<String>,
}

/// Reads a curl line.
pub(super) fn read(text: &str, file: ReadFile<'_>) -> Result<Given, GivenError> {
    let mut words = shell::words(text.trim_start_matches(['$', ' ']))?.into_iter().skip(1);
    let mut line = Line::default();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (name, joined) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            line.flag(name, joined, &mut words, file)?;
        } else if let Some(cluster) = word.strip_prefix('-').filter(|cluster| !cluster.is_empty()) {
            line.cluster(cluster, &mut words, file)?;
        } else {
            line.set_url(word)?;
        }
    }
    line.finished()
}

impl Line {
    fn set_url(&mut self, url: String) -> Result<(), GivenError> {
        if self.url.is_some() {
            let reason = "it has two URLs; give the line of one request".to_owned();
            return Err(GivenError::Form { form: "curl line", reason });
        }
        self.url = Some(url);
        Ok(())
    }

    /// Reads short flags that stand together: `-sSX POST`, `-XPOST`.
    fn cluster(
        &mut self,
        cluster: &str,
        words: &mut dyn Iterator<Item = String>,
        file: ReadFile<'_>,
    ) -> Result<(), GivenError> {
        let mut rest = cluster;
        while let Some(short) = rest.chars().next() {
            rest = &rest[short.len_utf8()..];
            let known = SHORT.iter().find(|(own, _)| *own == short);
            let (_, name) = known.ok_or_else(|| unknown(&format!("-{short}")))?;
            if takes_value(name) {
                let joined = (!rest.is_empty()).then(|| rest.to_owned());
                return self.flag(name, joined, words, file);
            }
            self.flag(name, None, words, file)?;
        }
        Ok(())
    }

    fn flag(
        &mut self,
        name: &str,
        joined: Option<String>,
        words: &mut dyn Iterator<Item = String>,
        file: ReadFile<'_>,
    ) -> Result<(), GivenError> {
        let flag = format!("--{name}");
        let refuse = |reason: &str| Err(GivenError::Flag { flag: flag.clone(), reason: reason.to_owned() });
        if IGNORED.contains(&name) {
            return Ok(());
        }
        let value = if takes_value(name) { joined.or_else(|| words.next()) } else { None };
        let value = match value {
            None if takes_value(name) => return refuse("its value is missing"),
            value => value.unwrap_or_default(),
        };
        match name {
            "request" => self.method = Some(value.to_ascii_uppercase()),
            "url" => self.set_url(value)?,
            "header" => match value.split_once(':') {
                Some((name, value)) => self.headers.push((name.trim().to_owned(), value.trim().to_owned())),
                None => self.notes.push("a header without a value was left out".to_owned()),
            },
            "data" | "data-ascii" => self.data.push(from_file(&value, file, true)?),
            "data-raw" => self.data.push(value),
            "data-binary" => self.data.push(from_file(&value, file, false)?),
            "json" => {
                self.is_json = true;
                self.data.push(from_file(&value, file, false)?);
            }
            "data-urlencode" => self.data.push(encoded(&value, file)?),
            "user" => {
                let (login, note) = basic(&value);
                self.login = Some(login);
                self.notes.extend(note);
            }
            "oauth2-bearer" => self.login = Some(format!("Bearer {value}")),
            "cookie" => self.headers.push(("cookie".to_owned(), value)),
            "get" => self.is_get = true,
            "head" => return refuse("it asks for no body; give the request that sends an event"),
            "form" | "form-string" => {
                return refuse(
                    "a body of several parts cannot be described; use a command for such requests",
                );
            }
            "upload-file" => return refuse("write the body with --data-binary"),
            _ if IGNORED_WITH_VALUE.contains(&name) => {}
            _ => return Err(unknown(&flag)),
        }
        Ok(())
    }

    fn finished(mut self) -> Result<Given, GivenError> {
        let no_url = || GivenError::Form { form: "curl line", reason: "it has no URL".to_owned() };
        let mut url = self.url.take().ok_or_else(no_url)?;
        let separator = if self.is_json { "" } else { "&" };
        let mut body = self.data.join(separator);
        let has_body = !self.data.is_empty() && !self.is_get;
        if self.is_get && !body.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&body);
            body.clear();
        }
        let has = |own: &str| self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(own));
        let has_type = has("content-type");
        // With curl, a header outranks a login.
        if let Some(login) = self.login.clone().filter(|_| !has("authorization")) {
            self.headers.push(("authorization".to_owned(), login));
        }
        if has_body && !has_type {
            let kind = if self.is_json { "application/json" } else { "application/x-www-form-urlencoded" };
            self.headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        let usual = if has_body { "POST" } else { "GET" };
        let method = self.method.unwrap_or_else(|| usual.to_owned());
        Ok(Given { method, url, headers: self.headers, body, notes: self.notes })
    }
}

fn unknown(flag: &str) -> GivenError {
    let reason = "it is not known here; leave it out if it changes nothing of the request".to_owned();
    GivenError::Flag { flag: flag.to_owned(), reason }
}

fn takes_value(name: &str) -> bool {
    const WITH_VALUE: [&str; 14] = [
        "request",
        "url",
        "header",
        "data",
        "data-ascii",
        "data-raw",
        "data-binary",
        "json",
        "data-urlencode",
        "user",
        "oauth2-bearer",
        "cookie",
        "form",
        "upload-file",
    ];
    WITH_VALUE.contains(&name) || name == "form-string" || IGNORED_WITH_VALUE.contains(&name)
}

/// Reads `@file`. Without lines, as `--data` does, line breaks are left out.
fn from_file(value: &str, file: ReadFile<'_>, without_lines: bool) -> Result<String, GivenError> {
    let Some(path) = value.strip_prefix('@') else { return Ok(value.to_owned()) };
    let failed = |reason: String| GivenError::File { path: path.to_owned(), reason };
    if path == "-" {
        return Err(failed("it is standard input; name a file".to_owned()));
    }
    let text = file(path).map_err(|error| failed(error.to_string()))?;
    Ok(if without_lines { text.replace(['\r', '\n'], "") } else { text })
}

/// Returns a parameter of `--data-urlencode`: `name=text`, `=text`, `text`, `name@file`.
fn encoded(value: &str, file: ReadFile<'_>) -> Result<String, GivenError> {
    let percent =
        |text: &str| unmarked(text, |part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string(), mark);
    let at = value.find(['=', '@']);
    let Some(at) = at else { return Ok(percent(value)) };
    let name = &value[..at];
    let text = match &value[at..=at] {
        "@" => from_file(&value[at..], file, false)?,
        _ => value[at + 1..].to_owned(),
    };
    let joint = if name.is_empty() { "" } else { "=" };
    Ok(format!("{name}{joint}{}", percent(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Given, GivenError> {
        read(line, &|path| match path {
            "body.json" => Ok("{\"a\":\n1}\n".to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        })
    }

    #[test]
    fn a_line_says_method_headers_and_body() {
        let line = "curl -sS -XPOST https://h/v1/e?x=1 -H 'X-Key: k' -H \"Content-Type: application/json\" \\\n \
                    --data-raw '{\"id\":\"a\"}' --compressed";
        let given = parsed(line).unwrap();
        assert_eq!((given.method.as_str(), given.url.as_str()), ("POST", "https://h/v1/e?x=1"));
        assert_eq!(given.header("x-key"), Some("k"));
        assert_eq!(given.body, "{\"id\":\"a\"}");
        for (flags, method, body, kind) in [
            ("--json '{}'", "POST", "{}", "application/json"),
            ("--json='[1]'", "POST", "[1]", "application/json"),
            ("-d a=1 -d b=2", "POST", "a=1&b=2", "application/x-www-form-urlencoded"),
            ("--data-urlencode 'a=x y&z' -X PUT", "PUT", "a=x%20y%26z", "application/x-www-form-urlencoded"),
            ("-d @body.json", "POST", "{\"a\":1}", "application/x-www-form-urlencoded"),
            ("--data-binary @body.json", "POST", "{\"a\":\n1}\n", "application/x-www-form-urlencoded"),
        ] {
            let given = parsed(&format!("curl --url http://h/p {flags}")).unwrap();
            assert_eq!((given.method.as_str(), given.body.as_str()), (method, body), "{flags}");
            assert_eq!(given.header("content-type"), Some(kind), "{flags}");
        }
        let get = parsed("curl -G h/p -d a=1 --data-urlencode b=é").unwrap();
        assert_eq!(
            (get.method.as_str(), get.url.as_str(), get.body.as_str()),
            ("GET", "h/p?a=1&b=%C3%A9", "")
        );
        let login = parsed("curl -u user:pass h -d x").unwrap();
        assert_eq!(login.header("authorization"), Some("Basic dXNlcjpwYXNz"));
        let both = parsed("curl -H 'Authorization: Bearer t' -u user:pass h -d x").unwrap();
        assert_eq!(both.header("authorization"), Some("Bearer t"));
        assert_eq!(both.headers.len(), 2, "the header alone, and the content type");
    }

    #[test]
    fn what_no_scenario_can_send_is_refused_with_its_flag() {
        for (flags, says) in [
            ("-F file=@x", "--form"),
            ("-T x", "--upload-file"),
            ("--frobnicate", "--frobnicate"),
            ("-d @missing", "missing"),
            ("-d @-", "standard input"),
            ("-q -d x", "-q"),
            ("h2 -d x", "two URLs"),
            ("-d", "its value is missing"),
        ] {
            let error = parsed(&format!("curl h {flags}")).unwrap_err().to_string();
            assert!(error.contains(says), "{flags}: {error}");
        }
        assert!(parsed("curl -d x").unwrap_err().to_string().contains("no URL"));
    }
}
