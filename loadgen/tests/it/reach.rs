//! Ways to a target: TLS, Unix sockets, another address, and authorisation. nginx stands before a
//! stub that keeps what it receives, so that `--verify` goes the same way as the load and finds
//! something.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::peers::process::Peer;
use crate::program::{Loadgen, Ran};
use crate::stub::Stub;

/// Name in the server's certificate, which no resolver knows.
pub(crate) const NAME: &str = "ingest.invalid";

/// Certificate authority, and certificates that it has signed: of a server and of a client.
pub(crate) struct Papers {
    folder: TempDir,
}

impl Papers {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new([]).unwrap();
        authority.distinguished_name.push(DnType::CommonName, "authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", authority.pem());
        for (who, names) in [("server", vec![NAME.to_owned(), "127.0.0.1".to_owned()]), ("client", vec![])] {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
            write(&format!("{who}.pem"), certificate.pem());
            write(&format!("{who}.key"), key.serialize_pem());
        }
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts nginx with the server's certificate and these settings.
    pub(crate) fn nginx(&self, more: &str, stub: &Stub) -> Peer {
        Peer::nginx_with_tls(&self.server(more, stub))
    }

    /// Starts the same nginx with HTTP/2.
    pub(crate) fn nginx_with_http2(&self, more: &str, stub: &Stub) -> Peer {
        Peer::nginx_with_tls_and_http2(&self.server(more, stub))
    }

    fn server(&self, more: &str, stub: &Stub) -> String {
        let path = |name| self.path(name).display().to_string();
        format!(
            "ssl_certificate {}; ssl_certificate_key {}; ssl_client_certificate {}; {more} {}",
            path("server.pem"),
            path("server.key"),
            path("ca.pem"),
            pass_on(stub)
        )
    }
}

pub(crate) fn pass_on(stub: &Stub) -> String {
    format!("location / {{ proxy_pass http://{}; proxy_http_version 1.1; }}", stub.address)
}

/// Arguments for requests of 30 kB, so that each is more than one record of TLS.
pub(crate) fn load(arguments: &str) -> Ran {
    Loadgen::with(&format!("-n 2k -c 3 --batch 100 {arguments}")).run()
}

pub(crate) fn assert_whole(ran: &Ran, stub: &Stub) {
    assert_eq!(ran.code, Some(0), "{}{}", ran.stderr, ran.stdout);
    assert!(ran.stdout.contains("PASS"), "{}", ran.stdout);
    let requests = stub.look(|seen| seen.requests.len());
    assert_eq!(requests, 20);
}

#[test]
fn a_target_with_tls_is_loaded_and_judged_where_its_certificate_is_believed() {
    let papers = Papers::new();
    let stub = Stub::sound();
    let peer = papers.nginx("", &stub);
    let cacert = format!("--cacert {}", papers.path("ca.pem").display());
    let ran = load(&format!("--target https://{} {cacert} --verify", peer.address));
    assert_whole(&ran, &stub);
    assert_eq!(ran.summary()["parts"]["tls_handshaking"]["samples"], ran.summary()["connections"]["opened"]);
    let manifest = std::fs::read_to_string(ran.folder().file("run.json")).unwrap();
    assert!(manifest.contains("ca.pem"), "`verify` finds its way alone: {manifest}");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_before_a_byte_of_an_event_leaves() {
    let papers = Papers::new();
    let stub = Stub::sound();
    let peer = papers.nginx("", &stub);
    let target = format!("--target https://{}", peer.address);
    let other = Papers::new();
    let ran = load(&format!("{target} --cacert {}", other.path("ca.pem").display()));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("certificate") && ran.stderr.contains("--cacert"), "{}", ran.stderr);
    assert_eq!(stub.look(|seen| seen.begun), 0);
    let ran = load(&format!("{target} --insecure --verify"));
    assert_whole(&ran, &stub);
}

#[test]
fn a_certificate_that_calls_itself_an_authority_is_believed_where_just_that_one_is_named() {
    let papers = Papers::new();
    let stub = Stub::sound();
    let key = KeyPair::generate().unwrap();
    let mut own = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(papers.path("server.pem"), own.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(papers.path("server.key"), key.serialize_pem()).unwrap();
    let peer = papers.nginx("", &stub);
    let cacert = format!("--cacert {}", papers.path("server.pem").display());
    let other_name = format!("--target https://localhost:{} {cacert}", peer.address.port());
    let ran = load(&other_name);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("not for the host in the URL"), "{}", ran.stderr);
    assert_whole(&load(&format!("--target https://{} {cacert} --verify", peer.address)), &stub);
}

#[test]
fn a_client_shows_a_certificate_where_it_is_asked_for_one() {
    let papers = Papers::new();
    let stub = Stub::sound();
    let peer = papers.nginx("ssl_verify_client on;", &stub);
    let target = format!("--target https://{} --cacert {}", peer.address, papers.path("ca.pem").display());
    let ran = load(&target);
    assert_eq!(ran.code, Some(4), "nginx answers 400: {}", ran.stderr);
    let path = |name| papers.path(name).display().to_string();
    let identity = format!("--cert {} --key {}", path("client.pem"), path("client.key"));
    assert_whole(&load(&format!("{target} {identity} --verify")), &stub);
}

#[test]
fn a_server_that_closes_connections_with_tls_leaves_nothing_in_doubt() {
    let papers = Papers::new();
    let stub = Stub::sound();
    let peer = papers.nginx("keepalive_requests 3;", &stub);
    let cacert = papers.path("ca.pem");
    let ran = load(&format!("--target https://{} --cacert {} --verify", peer.address, cacert.display()));
    assert_whole(&ran, &stub);
    assert_eq!(ran.summary()["events"]["unknown"], 0);
    // Closed without a close_notify alert while a request is in flight.
    let peer = papers.nginx("location /publish { return 444; }", &stub);
    let ran = load(&format!("--target https://{} --cacert {}", peer.address, cacert.display()));
    assert_eq!((ran.code, &ran.summary()["events"]["unknown"]), (Some(4), &2000.into()), "{}", ran.stderr);
}

#[test]
fn what_does_not_speak_tls_is_told_apart_from_what_is_not_there() {
    let stub = Stub::sound();
    let ran = load(&format!("--target https://{} --insecure", stub.address));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("TLS"), "{}", ran.stderr);
}

#[test]
fn a_unix_socket_is_a_way_to_a_target() {
    let stub = Stub::sound();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("target.sock");
    let _peer = Peer::nginx(&format!("listen unix:{}; {}", socket.display(), pass_on(&stub)));
    let ran = load(&format!("--target http://{NAME} --unix-socket {} --verify", socket.display()));
    assert_whole(&ran, &stub);
    let ran = load(&format!("--target http://{NAME} --unix-socket {}", folder.path().join("none").display()));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("none: No such file"), "{}", ran.stderr);
}

#[test]
fn a_connection_elsewhere_keeps_the_names_of_the_url() {
    let papers = Papers::new();
    let stub = Stub::sound();
    let only = format!("if ($host != {NAME}) {{ return 421; }}");
    let peer = papers.nginx(&only, &stub);
    let cacert = papers.path("ca.pem");
    let target = format!("--connect-to {} --cacert {} --verify", peer.address, cacert.display());
    assert_whole(&load(&format!("--target https://{NAME}:444 {target}")), &stub);

    let stub = Stub::sound();
    let peer = Peer::nginx(&format!("{only} {}", pass_on(&stub)));
    assert_whole(&load(&format!("--target http://{NAME} --connect-to {} --verify", peer.address)), &stub);
    let stub = Stub::sound();
    assert_whole(
        &load(&format!("--target http://192.0.2.1:9 --connect-to {} --verify", stub.address)),
        &stub,
    );
}

#[test]
fn whoever_asks_is_known_by_a_secret_that_no_file_of_ours_holds() {
    let stub = Stub::sound();
    let folder = tempfile::tempdir().unwrap();
    let only = r#"if ($http_authorization != "Bearer hunter2") { return 401; }"#;
    let peer = Peer::nginx(&format!("{only} {}", pass_on(&stub)));
    let secret = folder.path().join("token");
    std::fs::write(&secret, "hunter2\n").unwrap();
    let target = format!("--target http://{}", peer.address);
    assert_eq!(load(&target).code, Some(4), "401 is a rejection");
    let ran = load(&format!("{target} --bearer-file {} --verify", secret.display()));
    assert_whole(&ran, &stub);
    for entry in std::fs::read_dir(ran.folder().path()).unwrap() {
        let path = entry.unwrap().path();
        assert!(!holds(&path, b"hunter2"), "{}", path.display());
    }
}

pub(crate) fn holds(path: &Path, secret: &[u8]) -> bool {
    if path.is_dir() {
        return std::fs::read_dir(path).unwrap().any(|entry| holds(&entry.unwrap().path(), secret));
    }
    std::fs::read(path).unwrap().windows(secret.len()).any(|window| window == secret)
}
