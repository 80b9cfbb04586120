//! A GET for JSON, small enough for hundreds of requests a second while a run goes on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Limit of a request: longer than any sound response takes on this machine under load.
const LIMIT: Duration = Duration::from_secs(5);

/// Returns the body of a 200 response to `GET path`.
pub fn get_json(server: SocketAddr, path: &str) -> Result<Value> {
    let answer = exchange(server, path).with_context(|| format!("cannot get http://{server}{path}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the response has no end of its head")?;
    let status = head.lines().next().unwrap_or_default();
    ensure!(
        status.split(' ').nth(1) == Some("200"),
        "GET http://{server}{path} returned {status}, expected 200"
    );
    serde_json::from_str(body).with_context(|| format!("http://{server}{path} did not return JSON"))
}

fn exchange(server: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    // HTTP/1.0: the response is neither chunked nor kept alive, so it is complete where the
    // connection ends.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {server}\r\nAccept: application/json\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
