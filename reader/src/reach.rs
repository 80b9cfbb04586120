//! Flags of both programs that say how a target is reached, and the secrets that go with them.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use thiserror::Error;
use truth::target::Connect;
use truth::target::secrets::guard;

use crate::environment::variable;
use crate::tunnel::ProxyLogin;

/// Environment variable with the token of `Authorization: Bearer`; a file may hold it instead.
const BEARER: &str = "TARGET_BEARER_TOKEN";

/// Environment variable with the user:password of `Authorization: Basic`; a file may hold it
/// instead.
const BASIC: &str = "TARGET_BASIC_AUTH";

/// Environment variable with the user:password for a proxy; a file may hold it instead.
const PROXY: &str = "TARGET_PROXY_AUTH";

/// Form of a secret for basic authorisation.
const PAIR: &str = "user:password on one line";

/// Flags that say how a target is reached.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reaching the target")]
pub struct Reach {
    /// Header of every request, as 'Name: value'; may be repeated, and is written to no file
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub headers: Vec<String>,

    /// File with the token for `Authorization: Bearer`; TARGET_BEARER_TOKEN may hold the token
    /// instead
    #[arg(long, value_name = "FILE", conflicts_with = "basic_file")]
    pub bearer_file: Option<PathBuf>,

    /// File with the user:password for `Authorization: Basic`; TARGET_BASIC_AUTH may hold them
    /// instead
    #[arg(long, value_name = "FILE")]
    pub basic_file: Option<PathBuf>,

    /// File of certificates (PEM) to trust instead of those that the system trusts
    #[arg(long, env = "TARGET_CACERT", value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// Client certificate (PEM) for a target that asks for one; needs --key
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// Private key of --cert (PEM)
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Skip certificate verification (only for targets you own)
    #[arg(short = 'k', long)]
    pub insecure: bool,

    /// Unix socket to connect to
    #[arg(long, value_name = "PATH", conflicts_with = "connect_to")]
    pub unix_socket: Option<PathBuf>,

    /// Address to connect to instead of the host and port of the URL
    #[arg(long, value_name = "HOST:PORT")]
    pub connect_to: Option<String>,

    /// Proxy to go through: http:// (by CONNECT), socks5:// or socks5h:// (the proxy resolves the
    /// name)
    #[arg(long, value_name = "URL", conflicts_with = "unix_socket")]
    pub proxy: Option<String>,

    /// File with the user:password for the proxy; TARGET_PROXY_AUTH may hold them instead
    #[arg(long, value_name = "FILE")]
    pub proxy_basic_file: Option<PathBuf>,

    /// Speak HTTP/2, with one request at a time on each connection; without TLS, by prior knowledge
    #[arg(long)]
    pub http2: bool,
}

/// Reason why a secret cannot be used.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the secret in {}", path.display())]
    File {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A secret that no header can carry. The message does not repeat it.
    #[error("{from} does not hold a usable secret; expected {form}")]
    Form {
        /// File or variable.
        from: String,
        /// Form that it should have.
        form: &'static str,
    },
    /// Two secrets, of which a request carries one.
    #[error(
        "{BEARER} and {BASIC} are both set, and a request carries only one: unset one of them, or name a file with --bearer-file or --basic-file"
    )]
    Both,
}

impl Reach {
    /// Writes the flags that were given over the settings of the scenario.
    pub fn outrank(&self, connect: &mut Connect) {
        if self.unix_socket.is_some() || self.connect_to.is_some() {
            connect.unix_socket.clone_from(&self.unix_socket);
            connect.to.clone_from(&self.connect_to);
        }
        if self.unix_socket.is_some() || self.proxy.is_some() {
            connect.proxy.clone_from(&self.proxy);
        }
        if self.proxy.is_some() {
            connect.unix_socket = None;
        }
        let given = [
            (&mut connect.cacert, &self.cacert),
            (&mut connect.cert, &self.cert),
            (&mut connect.key, &self.key),
        ];
        for (setting, path) in given.into_iter().filter(|(_, path)| path.is_some()) {
            setting.clone_from(path);
        }
        connect.insecure |= self.insecure;
        connect.http2 |= self.http2;
        // A later command may run in another folder and has to find the same files.
        if let Ok(folder) = std::env::current_dir() {
            connect.below(&folder);
        }
    }

    /// Returns the headers of every request, with the one that authorises. A given `Authorization`
    /// header outranks the secrets.
    pub fn all_headers(&self) -> Result<Vec<String>, SecretError> {
        let mut headers = self.headers.clone();
        headers.iter().for_each(|header| guard_header(header));
        let is_given = headers
            .iter()
            .filter_map(|header| header.split_once(':'))
            .any(|(name, _)| name.trim().eq_ignore_ascii_case("authorization"));
        if !is_given {
            headers.extend(self.authorization(variable)?);
        }
        Ok(headers)
    }

    /// Returns the login for a proxy.
    pub fn proxy_login(&self) -> Result<ProxyLogin, SecretError> {
        self.login(variable)
    }

    /// Returns the names of the secrets that connections of this kind take along.
    pub fn secrets(&self, connect: &Connect) -> Vec<String> {
        self.named_secrets(connect, |name| variable(name).is_some())
    }

    fn named_secrets(&self, connect: &Connect, is_set: impl Fn(&str) -> bool) -> Vec<String> {
        let header = |header: &String| {
            let name = header.split(':').next().unwrap_or_default().trim();
            format!("the header {name}")
        };
        let mut secrets: Vec<String> = self.headers.iter().map(header).collect();
        let mut add = |flag: Option<&str>, variables: &[&'static str]| match flag {
            Some(flag) => secrets.push(format!("the secret of {flag}")),
            None => secrets.extend(
                variables.iter().filter(|name| is_set(name)).map(|name| format!("the secret of {name}")),
            ),
        };
        let bearer = self.bearer_file.as_ref().map(|_| "--bearer-file");
        add(bearer.or(self.basic_file.as_ref().map(|_| "--basic-file")), &[BEARER, BASIC]);
        if connect.proxy.is_some() {
            add(self.proxy_basic_file.as_ref().map(|_| "--proxy-basic-file"), &[PROXY]);
        }
        if let Some(cert) = &connect.cert {
            secrets.push(format!("the client certificate {}", cert.display()));
        }
        secrets
    }

    fn login(&self, variable: impl Fn(&str) -> Option<String>) -> Result<ProxyLogin, SecretError> {
        let (from, pair) = match &self.proxy_basic_file {
            Some(path) => (path.display().to_string(), secret(path)?),
            None => match variable(PROXY).filter(|text| !text.is_empty()) {
                Some(pair) => (PROXY.to_owned(), pair),
                None => return Ok(ProxyLogin::default()),
            },
        };
        guard("proxy login", &pair);
        ProxyLogin::parse(&pair).ok_or(SecretError::Form { from, form: PAIR })
    }

    fn authorization(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<String>, SecretError> {
        let is_set = |name: &str| variable(name).is_some_and(|text| !text.is_empty());
        let names_a_file = self.bearer_file.is_some() || self.basic_file.is_some();
        if !names_a_file && is_set(BEARER) && is_set(BASIC) {
            return Err(SecretError::Both);
        }
        let held = |file: &Option<PathBuf>, name: &str| match file {
            Some(path) => secret(path).map(|text| Some((path.display().to_string(), text))),
            None if names_a_file => Ok(None),
            None => Ok(variable(name).filter(|text| !text.is_empty()).map(|text| (name.to_owned(), text))),
        };
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if let Some((from, token)) = held(&self.bearer_file, BEARER)? {
            let form = "a token: one word of printable ASCII characters";
            guard("bearer token", &token);
            return if is_word(&token) {
                Ok(Some(format!("authorization: Bearer {token}")))
            } else {
                Err(SecretError::Form { from, form })
            };
        }
        let Some((from, pair)) = held(&self.basic_file, BASIC)? else { return Ok(None) };
        if !pair.contains(':') || pair.contains(char::is_control) {
            return Err(SecretError::Form { from, form: PAIR });
        }
        guard("login", &pair);
        Ok(Some(format!("authorization: Basic {}", STANDARD.encode(pair))))
    }
}

/// Header fields that hold no secret.
const OPEN: [&str; 10] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-type",
    "host",
    "origin",
    "prefer",
    "user-agent",
];

/// Guards the value of a header that the command line gives, and what stands after its first word.
fn guard_header(header: &str) {
    let Some((name, value)) = header.split_once(':') else { return };
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    if OPEN.contains(&name.as_str()) {
        return;
    }
    let shown = format!("header {name}");
    guard(&shown, value);
    if let Some((_, secret)) = value.split_once(' ') {
        guard(&shown, secret);
    }
}

fn secret(path: &Path) -> Result<String, SecretError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SecretError::File { path: path.to_path_buf(), source })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_secret_comes_from_a_file_or_from_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let bearer = Reach { bearer_file: write("token", "abc.def\n"), ..Reach::default() };
        assert_eq!(bearer.authorization(none).unwrap().unwrap(), "authorization: Bearer abc.def");
        let basic = Reach { basic_file: write("pair", "Aladdin:open sesame\r\n"), ..Reach::default() };
        let aladdin = "authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(basic.authorization(none).unwrap().unwrap(), aladdin);
        let held = |name: &str| (name == BEARER).then(|| "xyz".to_owned());
        let from_environment = Reach::default().authorization(held).unwrap();
        assert_eq!(from_environment.unwrap(), "authorization: Bearer xyz");
        assert_eq!(basic.authorization(held).unwrap().unwrap(), aladdin, "a file that was named outranks it");
        assert_eq!(Reach::default().authorization(none).unwrap(), None);
        let given = Reach { headers: vec!["AUTHORIZATION: mine".to_owned()], ..bearer };
        assert_eq!(given.all_headers().unwrap(), ["AUTHORIZATION: mine"]);
    }

    #[test]
    fn two_secrets_in_the_environment_are_one_too_many() {
        let both = |_: &str| Some("a:b".to_owned());
        let refused = Reach::default().authorization(both).unwrap_err().to_string();
        assert!(refused.contains(BEARER) && refused.contains(BASIC) && !refused.contains("a:b"), "{refused}");
        let one = |name: &str| Some(if name == BASIC { String::new() } else { "xyz".to_owned() });
        let found = Reach::default().authorization(one).unwrap().unwrap();
        assert_eq!(found, "authorization: Bearer xyz", "an empty variable is none");
        let given = Reach { headers: vec!["Authorization: mine".to_owned()], ..Reach::default() };
        assert_eq!(given.all_headers().unwrap(), ["Authorization: mine"]);
    }

    #[test]
    fn who_asks_a_proxy_is_told_the_same_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pair");
        std::fs::write(&path, "from:file\n").unwrap();
        let held = |text: &'static str| move |name: &str| (name == PROXY).then(|| text.to_owned());
        let parsed = |text| ProxyLogin::parse(text).unwrap();
        let reach = Reach { proxy_basic_file: Some(path), ..Reach::default() };
        assert_eq!(reach.login(held("from:environment")).unwrap(), parsed("from:file"));
        assert_eq!(Reach::default().login(held("a:b")).unwrap(), parsed("a:b"));
        assert_eq!(Reach::default().login(none).unwrap(), ProxyLogin::default());
        let error = Reach::default().login(held("hunter2")).unwrap_err().to_string();
        assert!(error.starts_with(PROXY) && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_way_that_was_given_outranks_the_scenarios() {
        let scenario = || Connect {
            to: Some("10.0.0.5:1".to_owned()),
            proxy: Some("http://a:1".to_owned()),
            ..Connect::default()
        };
        let mut connect = scenario();
        Reach { unix_socket: Some("/run/a.sock".into()), ..Reach::default() }.outrank(&mut connect);
        assert_eq!((connect.to, connect.proxy), (None, None));
        let mut connect = Connect { unix_socket: Some("/run/a.sock".into()), ..Connect::default() };
        let socks = Reach { proxy: Some("socks5://b:1".to_owned()), ..Reach::default() };
        socks.outrank(&mut connect);
        assert_eq!((connect.unix_socket, connect.proxy), (None, socks.proxy.clone()));
        let mut connect = scenario();
        socks.outrank(&mut connect);
        assert_eq!((connect.to, connect.proxy), (scenario().to, socks.proxy));
    }

    #[test]
    fn each_secret_that_is_taken_along_is_named_and_not_told() {
        let named = |reach: &Reach, connect: &Connect, set: &[&str]| {
            reach.named_secrets(connect, |name| set.contains(&name))
        };
        let plain = Connect::default();
        assert_eq!(named(&Reach::default(), &plain, &[PROXY]), [""; 0], "there is no proxy");
        assert_eq!(named(&Reach::default(), &plain, &[BASIC]), ["the secret of TARGET_BASIC_AUTH"]);
        let reach = Reach {
            headers: vec!["X-Key: hunter2".to_owned()],
            bearer_file: Some("token".into()),
            ..Reach::default()
        };
        let connect = Connect {
            proxy: Some("http://p:1".to_owned()),
            cert: Some("c.pem".into()),
            key: Some("k.pem".into()),
            ..plain
        };
        let expected = [
            "the header X-Key",
            "the secret of --bearer-file",
            "the secret of TARGET_PROXY_AUTH",
            "the client certificate c.pem",
        ];
        assert_eq!(named(&reach, &connect, &[BASIC, PROXY]), expected, "a file outranks variables");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        let said = |name: &'static str, text: &'static str| {
            let held = move |asked: &str| (asked == name).then(|| text.to_owned());
            Reach::default().authorization(held).unwrap_err().to_string()
        };
        for text in
            [said(BEARER, "two words"), said(BEARER, "a\nb"), said(BASIC, "hunter2"), said(BASIC, "a:\n")]
        {
            assert!(text.starts_with("TARGET_B") && !text.contains("hunter2"), "{text}");
        }
        let absent = Reach { bearer_file: Some("/nowhere/token".into()), ..Reach::default() };
        assert!(absent.authorization(none).unwrap_err().to_string().contains("/nowhere/token"));
    }
}
