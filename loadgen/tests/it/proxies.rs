//! Proxies on the way to a target: CONNECT and SOCKS5. They are small, remember what they were
//! asked, and lead to a stub whatever the name. So a name that no resolver knows shows where it was
//! resolved.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use truth::target::answer::Outcome;

use crate::program::Loadgen;
use crate::reach::{NAME, Papers, assert_whole, holds, load};
use crate::stub::{Stub, serve_each};

/// Most bytes of a question to a proxy.
const MAX_ASKED: usize = 4 << 10;

/// Proxy that runs as long as the tests.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// Questions that it was asked, one a connection.
    asked: Arc<Mutex<Vec<String>>>,
}

/// Treatment of a connection that was led on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Passes all bytes.
    Passing,
    /// Passes a POST, and hangs up when its response comes.
    Cutting,
}

impl Proxy {
    /// Returns one that takes CONNECT from everybody, and passes all bytes.
    pub(crate) fn passing(target: SocketAddr) -> Self {
        Self::http(target, Manner::Passing, everybody)
    }

    /// Returns one that takes CONNECT, and refuses it with the status that `refusal` returns.
    fn http(
        target: SocketAddr,
        manner: Manner,
        refusal: impl Fn(&str) -> Option<&'static str> + Send + Clone + 'static,
    ) -> Self {
        Self::serving(move |mut client| {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_ASKED {
                head.push(byte(&mut client)?);
            }
            let head = String::from_utf8(head).unwrap();
            let refused = refusal(&head);
            let status = refused.unwrap_or("200 Connection established");
            write!(client, "HTTP/1.1 {status}\r\n\r\n")?;
            Ok((head, refused.is_none().then_some((client, target, manner))))
        })
    }

    /// Returns one that speaks SOCKS5 and asks for a login.
    fn socks(target: SocketAddr, user: &'static str, password: &'static str) -> Self {
        Self::serving(move |mut client| {
            let methods = byte_after(&mut client, &[5])?;
            let offered = bytes(&mut client, methods)?;
            if !offered.contains(&2) {
                client.write_all(&[5, 0xff])?;
                return Ok(("nobody".to_owned(), None));
            }
            client.write_all(&[5, 2])?;
            let length = byte_after(&mut client, &[1])?;
            let came = bytes(&mut client, length)?;
            let length = byte(&mut client)?;
            let is_known = came == user.as_bytes() && bytes(&mut client, length)? == password.as_bytes();
            client.write_all(&[1, u8::from(!is_known)])?;
            let place = match byte_after(&mut client, &[5, 1, 0])? {
                1 => bytes(&mut client, 4)?.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
                3 => {
                    let length = byte(&mut client)?;
                    String::from_utf8(bytes(&mut client, length)?).unwrap()
                }
                _ => "another kind of address".to_owned(),
            };
            let port = bytes(&mut client, 2)?;
            client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
            let asked = format!("{place}:{}", u16::from_be_bytes([port[0], port[1]]));
            Ok((asked, Some((client, target, Manner::Passing))))
        })
    }

    fn serving(
        shake: impl Fn(TcpStream) -> io::Result<(String, Option<(TcpStream, SocketAddr, Manner)>)>
        + Send
        + Clone
        + 'static,
    ) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let remembering = Arc::clone(&asked);
        let address = serve_each(move |client| {
            let Ok((what, led)) = shake(client) else { return };
            remembering.lock().unwrap().push(what);
            if let Some((client, target, manner)) = led {
                // A client that hangs up ends the loop.
                lead(client, TcpStream::connect(target).unwrap(), manner).ok();
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn lead(mut client: TcpStream, mut target: TcpStream, manner: Manner) -> io::Result<()> {
    let mut first = [0; 4];
    client.read_exact(&mut first)?;
    target.write_all(&first)?;
    let mut up = (client.try_clone()?, target.try_clone()?);
    let mut down = (target, client);
    std::thread::spawn(move || {
        io::copy(&mut up.0, &mut up.1).ok();
        up.1.shutdown(Shutdown::Both).ok();
    });
    if manner == Manner::Cutting && &first == b"POST" {
        byte(&mut down.0)?;
    } else {
        io::copy(&mut down.0, &mut down.1)?;
    }
    down.1.shutdown(Shutdown::Both)
}

fn byte(stream: &mut TcpStream) -> io::Result<u8> {
    Ok(bytes(stream, 1)?[0])
}

fn bytes(stream: &mut TcpStream, count: u8) -> io::Result<Vec<u8>> {
    let mut read = vec![0; usize::from(count)];
    stream.read_exact(&mut read)?;
    Ok(read)
}

/// Reads one byte, which must follow exactly these.
fn byte_after(stream: &mut TcpStream, expected: &[u8]) -> io::Result<u8> {
    assert_eq!(bytes(stream, expected.len() as u8)?, expected);
    byte(stream)
}

fn everybody(_: &str) -> Option<&'static str> {
    None
}

#[test]
fn a_target_behind_a_proxy_is_loaded_and_judged_through_it() {
    let stub = Stub::sound();
    let proxy = Proxy::passing(stub.address);
    let ran = load(&format!("--target http://{NAME} --proxy http://{} --verify", proxy.address));
    assert_whole(&ran, &stub);
    assert!(ran.stderr.contains("may lead to another machine"), "{}", ran.stderr);
    let asked = proxy.asked();
    let line = format!("CONNECT {NAME}:80 HTTP/1.1\r\n");
    assert!(asked.iter().all(|head| head.starts_with(&line) && !head.contains("authorization")), "{asked:?}");
    // Three connections are of the load, one of the preflight, and each reading has its own.
    assert!(asked.len() > 4, "{asked:?}");
    let manifest = std::fs::read_to_string(ran.folder().file("run.json")).unwrap();
    assert!(manifest.contains(&proxy.address.to_string()), "`verify` finds its way alone: {manifest}");
}

#[test]
fn a_scenario_may_name_the_proxy_and_another_place_behind_it() {
    let stub = Stub::sound();
    let proxy = Proxy::passing(stub.address);
    let scenario = format!(
        "[target]\nurl = \"http://{NAME}\"\nconnect = {{ to = \"elsewhere.invalid:81\", proxy = \"http://{}\" }}\n",
        proxy.address
    );
    let ran = Loadgen::with("-n 2k -c 3 --batch 100 --verify").scenario(&scenario).run();
    assert_whole(&ran, &stub);
    assert!(proxy.asked().iter().all(|head| head.starts_with("CONNECT elsewhere.invalid:81 ")));
}

#[test]
fn a_target_with_tls_behind_a_proxy_shows_its_own_certificate() {
    let papers = Papers::new();
    let stub = Stub::sound();
    let peer = papers.nginx("", &stub);
    let proxy = Proxy::passing(peer.address);
    let cacert = format!("--cacert {}", papers.path("ca.pem").display());
    let ran = load(&format!("--target https://{NAME} {cacert} --proxy http://{} --verify", proxy.address));
    assert_whole(&ran, &stub);
    assert!(proxy.asked().iter().all(|head| head.starts_with(&format!("CONNECT {NAME}:443 "))));
}

#[test]
fn a_name_is_resolved_by_a_socks_proxy_or_here_as_its_url_says() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("pair");
    std::fs::write(&secret, "somebody:hunter2\n").unwrap();
    let login = format!("--proxy-basic-file {}", secret.display());
    for (scheme, target, asked) in
        [("socks5h", NAME, format!("{NAME}:80")), ("socks5", "127.0.0.2", "127.0.0.2:80".to_owned())]
    {
        let stub = Stub::sound();
        let proxy = Proxy::socks(stub.address, "somebody", "hunter2");
        let way = format!("--target http://{target} --proxy {scheme}://{}", proxy.address);
        let ran = load(&format!("{way} {login} --verify"));
        assert_whole(&ran, &stub);
        assert!(proxy.asked().iter().all(|place| *place == asked), "{:?}", proxy.asked());
        let ran = load(&way);
        assert_eq!(ran.code, Some(5), "{}", ran.stderr);
        assert!(ran.stderr.contains("--proxy-basic-file"), "{}", ran.stderr);
    }
    let stub = Stub::sound();
    let proxy = Proxy::socks(stub.address, "somebody", "hunter2");
    let ran = load(&format!("--target http://{NAME} --proxy socks5://{} {login}", proxy.address));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("cannot resolve the name {NAME}")), "{}", ran.stderr);
}

#[test]
fn who_asks_a_proxy_is_written_to_no_file() {
    let stub = Stub::sound();
    let login = "proxy-authorization: Basic c29tZWJvZHk6aHVudGVyMg==\r\n";
    let proxy = Proxy::http(stub.address, Manner::Passing, move |head| {
        (!head.contains(login)).then_some("407 Proxy Authentication Required")
    });
    let way = format!("--target http://{NAME} --proxy http://{}", proxy.address);
    let ran = load(&way);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("407") && ran.stderr.contains("TARGET_PROXY_AUTH"), "{}", ran.stderr);
    let loadgen = Loadgen::with(&format!("-n 2k -c 3 --batch 100 {way} --verify"));
    let output = loadgen.command().env("TARGET_PROXY_AUTH", "somebody:hunter2").output().unwrap();
    let ran = loadgen.ran(output);
    assert_whole(&ran, &stub);
    for secret in ["hunter2", "c29tZWJvZHk6aHVudGVyMg"] {
        assert!(!holds(ran.results(), secret.as_bytes()));
        assert!(!ran.stderr.contains(secret) && !ran.stdout.contains(secret));
    }
}

#[test]
fn a_proxy_that_refuses_or_is_not_there_is_named() {
    let stub = Stub::sound();
    let proxy = Proxy::http(stub.address, Manner::Passing, |_| Some("403 Forbidden"));
    let ran = load(&format!("--target http://{NAME}:81 --proxy http://{}", proxy.address));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    let said = format!("http://{} does not connect to {NAME}:81 (status 403 Forbidden)", proxy.address);
    assert!(ran.stderr.contains(&said) && ran.stderr.contains("--proxy out"), "{}", ran.stderr);
    assert_eq!(stub.look(|seen| seen.begun), 0);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = load(&format!("--target http://{} --proxy http://{nobody}", stub.address));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("the proxy at {nobody}: connection refused")), "{}", ran.stderr);
}

#[test]
fn what_a_proxy_cuts_off_is_unknown_and_was_sent_once() {
    let stub = Stub::sound();
    let proxy = Proxy::http(stub.address, Manner::Cutting, everybody);
    let way = format!("--target http://{NAME} --proxy http://{}", proxy.address);
    let ran = Loadgen::with(&format!("-n 12 --dup 0 --batch 1 -c 2 {way}")).run();
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let tries = ran.tries();
    assert_eq!(tries.len(), 12);
    assert!(tries.iter().all(|done| done.answer.outcome == Outcome::Unknown), "{tries:?}");
    stub.look(|seen| {
        assert_eq!(seen.requests.len(), 12);
        assert!(seen.attempts.values().all(|count| *count == 1));
    });
}

#[test]
fn a_proxy_of_the_environment_is_not_gone_through() {
    let stub = Stub::sound();
    let proxy = Proxy::http(stub.address, Manner::Passing, |_| Some("403 Forbidden"));
    let loadgen = Loadgen::against(&stub, "-n 2k -c 3 --batch 100 --verify");
    let mut command = loadgen.command();
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        command.env(name, format!("http://{}", proxy.address));
    }
    let output = command.output().unwrap();
    assert_whole(&loadgen.ran(output), &stub);
    assert_eq!(proxy.asked(), Vec::<String>::new());
}
