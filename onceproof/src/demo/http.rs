//! A GET for JSON, small enough for hundreds of requests a second while a run goes on.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::DemoError;

/// Limit of a request: longer than any sound response takes on a machine under load.
const LIMIT: Duration = Duration::from_secs(5);

/// Returns the body of a 200 response.
pub(super) async fn get_json(address: SocketAddr, path: &'static str) -> Result<Value, DemoError> {
    let exchanged = timeout(LIMIT, exchange(address, path)).await;
    let response = exchanged
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no response within 5 s")))
        .map_err(|source| DemoError::Request { address, path, source })?;
    let unexpected = |found: &str, expected| {
        let found = found.chars().take(200).collect();
        DemoError::Response { address, path, found, expected }
    };
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(unexpected(status, "status 200"));
    }
    serde_json::from_str(body).map_err(|_| unexpected(body, "JSON"))
}

async fn exchange(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0: the response is neither chunked nor kept alive, so it is complete where the
    // connection ends.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}
