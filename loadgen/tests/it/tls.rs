//! TLS with certificates that are old, missing or locked. OpenSSL serves, because it still makes and
//! shows what the library of this program refuses.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peers::process::Peer;
use crate::program::{Loadgen, Ran};
use crate::reach::Papers;

/// Certificate of X.509 version 1 for another host, with a key of 1,024 bits, that has expired; and
/// the key.
fn old() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peers/old.pem")
}

fn get(peer: &Peer, arguments: &str) -> Ran {
    Loadgen::with(&format!("http https://{}/ -n 3 -c 1 {arguments}", peer.address)).run()
}

fn serve(certificate: &Path, key: &Path, more: &str) -> Peer {
    Peer::openssl(&format!("-cert {} -key {} {more}", certificate.display(), key.display()))
}

#[test]
fn insecure_accepts_a_certificate_however_old_it_is() {
    for version in ["-tls1_2", "-tls1_3"] {
        let peer = serve(&old(), &old(), version);
        let ran = get(&peer, "--insecure");
        assert_eq!(ran.code, Some(0), "{version}: {}", ran.stderr);
        assert_eq!(ran.summary()["requests"]["statuses"]["200"], 3, "{version}");
        let ran = get(&peer, &format!("--cacert {}", old().display()));
        assert_eq!(ran.code, Some(5), "{version}: {}", ran.stderr);
        assert!(ran.stderr.contains("X.509 version 1, expected version 3"), "{version}: {}", ran.stderr);
        assert!(!ran.stderr.contains("start"), "it runs: {}", ran.stderr);
    }
}

#[test]
fn insecure_accepts_a_key_of_a_curve_that_is_not_trusted() {
    let papers = tempfile::tempdir().unwrap();
    let [key, cert] = ["key.pem", "cert.pem"].map(|name| papers.path().join(name));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-subj", "/CN=localhost", "-newkey", "ec"])
        .args(["-pkeyopt", "ec_paramgen_curve:P-521", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    for version in ["-tls1_2", "-tls1_3"] {
        let peer = serve(&cert, &key, version);
        let ran = get(&peer, "--insecure");
        assert_eq!(ran.code, Some(0), "{version}: {}", ran.stderr);
        let ran = get(&peer, &format!("--cacert {}", cert.display()));
        assert_eq!(ran.code, Some(5), "{version}: {}", ran.stderr);
        assert!(ran.stderr.contains("one of P-521 works with --insecure only"), "{version}: {}", ran.stderr);
    }
    let peer = serve(&cert, &key, "-tls1_2 -groups P-521");
    let ran = get(&peer, "--insecure");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("key exchange over P-521 is not supported"), "{}", ran.stderr);
}

#[test]
fn a_server_that_asks_for_a_certificate_is_told_before_a_request_leaves() {
    let papers = Papers::new();
    let own = Papers::new();
    for version in ["-tls1_2", "-tls1_3"] {
        let asking =
            format!("{version} -verify_return_error -Verify 1 -CAfile {}", papers.path("ca.pem").display());
        let peer = serve(&papers.path("server.pem"), &papers.path("server.key"), &asking);
        let cacert = format!("--cacert {}", papers.path("ca.pem").display());
        for http2 in ["", "--http2"] {
            let ran = get(&peer, &format!("{cacert} {http2}"));
            assert_eq!(ran.code, Some(5), "{version}: {}", ran.stderr);
            assert!(
                ran.stderr.contains("it asks for a client certificate; give one"),
                "{version}: {}",
                ran.stderr
            );
            assert!(!ran.results().exists(), "{version}");
        }
        let identity = |papers: &Papers| {
            let [cert, key] = ["client.pem", "client.key"].map(|name| papers.path(name));
            format!("{cacert} --cert {} --key {}", cert.display(), key.display())
        };
        let ran = get(&peer, &identity(&own));
        assert_eq!(ran.code, Some(5), "{version}: {}", ran.stderr);
        assert!(ran.stderr.contains("it does not accept the certificate"), "{version}: {}", ran.stderr);
        let ran = get(&peer, &identity(&papers));
        assert_eq!(ran.code, Some(0), "{version}: {}", ran.stderr);
    }
}

#[test]
fn a_key_that_is_encrypted_is_called_so() {
    let papers = Papers::new();
    let key = papers.path("locked.key");
    for text in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIB\n\
         -----END RSA PRIVATE KEY-----\n",
    ] {
        std::fs::write(&key, text).unwrap();
        let files = format!("--cert {} --key {}", papers.path("client.pem").display(), key.display());
        let ran = Loadgen::with(&format!("http https://localhost/ -n 1 --insecure {files}")).run();
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains("locked.key is encrypted"), "{}", ran.stderr);
        assert!(ran.stderr.contains("openssl pkey"), "{}", ran.stderr);
    }
}
