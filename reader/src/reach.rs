//! How a target is reached and who asks: what the command lines of both programs have in common.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use thiserror::Error;
use truth::target::Connect;

use crate::tunnel::ProxyLogin;

/// Where a token of `Authorization: Bearer` may stand instead of in a file.
const BEARER: &str = "TARGET_BEARER_TOKEN";

/// Where `user:password` of `Authorization: Basic` may stand instead of in a file.
const BASIC: &str = "TARGET_BASIC_AUTH";

/// The same of who asks a proxy.
const PROXY: &str = "TARGET_PROXY_AUTH";

/// What such a secret looks like.
const PAIR: &str = "user:password on one line";

/// How a target is reached, and who asks.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reaching the target")]
pub struct Reach {
    /// A header of every request, as 'Name: value'; may be repeated, and is never written to a file
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub headers: Vec<String>,

    /// Authorise with the token in this file, or with the one in TARGET_BEARER_TOKEN
    #[arg(long, value_name = "FILE", conflicts_with = "basic_file")]
    pub bearer_file: Option<PathBuf>,

    /// Authorise with the user:password in this file, or with those in TARGET_BASIC_AUTH
    #[arg(long, value_name = "FILE")]
    pub basic_file: Option<PathBuf>,

    /// Trust the certificates in this file (PEM) instead of those that the system trusts
    #[arg(long, env = "TARGET_CACERT", value_name = "FILE", hide_env_values = true)]
    pub cacert: Option<PathBuf>,

    /// Show this certificate (PEM) to a target that asks for one; needs --key
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// The key to --cert (PEM)
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Believe any certificate: for targets of your own alone
    #[arg(short = 'k', long)]
    pub insecure: bool,

    /// Connect over this Unix socket
    #[arg(long, value_name = "PATH", conflicts_with = "connect_to")]
    pub unix_socket: Option<PathBuf>,

    /// Connect there, whatever host and port the URL names
    #[arg(long, value_name = "HOST:PORT")]
    pub connect_to: Option<String>,

    /// Go through the proxy at this URL, http:// (CONNECT), socks5:// or socks5h://; requests are never shown to it
    #[arg(long, value_name = "URL", conflicts_with = "unix_socket")]
    pub proxy: Option<String>,

    /// Authorise at the proxy with the user:password in this file, or with those in TARGET_PROXY_AUTH
    #[arg(long, value_name = "FILE")]
    pub proxy_basic_file: Option<PathBuf>,

    /// Speak HTTP/2, one request at a time on each connection: over TLS if the target agrees, else as one that knows it
    #[arg(long)]
    pub http2: bool,
}

/// Why nobody can be authorised as was asked for.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file is not to be had.
    #[error("cannot read the secret in {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A secret that no header can carry. It is not repeated.
    #[error("{from} holds no {form}")]
    Form {
        /// The file or variable.
        from: String,
        /// What it should be.
        form: &'static str,
    },
    /// Two secrets, of which a request can carry one.
    #[error(
        "{BEARER} and {BASIC} are both set, and a request carries one of them: unset the other, or name a file (--bearer-file, --basic-file)"
    )]
    Both,
}

impl Reach {
    /// Puts what was given over what the scenario says.
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
        // So that whoever comes later from another folder finds them.
        if let Ok(folder) = std::env::current_dir() {
            connect.below(&folder);
        }
    }

    /// The headers of every request, with the secret of whoever asks; a header that was given outranks it.
    pub fn all_headers(&self) -> Result<Vec<String>, SecretError> {
        let mut headers = self.headers.clone();
        let is_given = headers
            .iter()
            .filter_map(|header| header.split_once(':'))
            .any(|(name, _)| name.trim().eq_ignore_ascii_case("authorization"));
        if !is_given {
            headers.extend(self.authorization(|name| std::env::var(name).ok())?);
        }
        Ok(headers)
    }

    /// Who asks a proxy.
    pub fn proxy_login(&self) -> Result<ProxyLogin, SecretError> {
        self.login(|name| std::env::var(name).ok())
    }

    fn login(&self, variable: impl Fn(&str) -> Option<String>) -> Result<ProxyLogin, SecretError> {
        let (from, pair) = match &self.proxy_basic_file {
            Some(path) => (path.display().to_string(), secret(path)?),
            None => match variable(PROXY).filter(|text| !text.is_empty()) {
                Some(pair) => (PROXY.to_owned(), pair),
                None => return Ok(ProxyLogin::default()),
            },
        };
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
            let form = "token: one word of plain characters";
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
        Ok(Some(format!("authorization: Basic {}", STANDARD.encode(pair))))
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
