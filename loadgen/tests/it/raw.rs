//! Server that keeps every request as it came, byte for byte, and gives each the same answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use crate::stub::{serve_each, with_length};

/// Request: its head as text, and its body.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Server of requests that are kept.
pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Raw {
    /// Starts a server that gives this answer with status 200.
    pub(crate) fn answering(body: &'static str) -> Self {
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let kept = Arc::clone(&requests);
        let address = serve_each(move |mut stream: TcpStream| {
            let mut input = BufReader::new(stream.try_clone().unwrap());
            while let Some(request) = read(&mut input) {
                kept.lock().unwrap().push(request);
                drop(stream.write_all(with_length(200, body).as_bytes()));
            }
        });
        Self { address, requests }
    }

    /// Returns the requests with this method.
    pub(crate) fn requests(&self, method: &str) -> Vec<Request> {
        let all = self.requests.lock().unwrap();
        all.iter().filter(|request| request.head.starts_with(method)).cloned().collect()
    }

    /// Returns their heads.
    pub(crate) fn heads(&self, method: &str) -> Vec<String> {
        self.requests(method).into_iter().map(|request| request.head).collect()
    }
}

/// Reads a request; none at the end of the connection.
pub(crate) fn read(input: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let start = head.len();
        input.read_line(&mut head).ok().filter(|read| *read > 0)?;
        let line = head[start..].trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(stated) = line.strip_prefix("content-length: ") {
            length = stated.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some(Request { head, body })
}
