//! One GET for JSON, as small as the demo needs it: it is asked hundreds of times a second while a run goes on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Longer than any sound answer takes on this machine under load.
const LIMIT: Duration = Duration::from_secs(5);

/// The body of a 200 answer to `GET path`.
pub fn get_json(server: SocketAddr, path: &str) -> Result<Value> {
    let answer = exchange(server, path).with_context(|| format!("cannot get http://{server}{path}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.split(' ').nth(1) == Some("200"), "GET http://{server}{path} was answered {status}");
    serde_json::from_str(body).with_context(|| format!("http://{server}{path} did not answer JSON"))
}

fn exchange(server: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    // HTTP/1.0: the answer is neither chunked nor kept alive, so it is whole where the connection ends.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {server}\r\nAccept: application/json\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
