//! A server that gives all requests the same response, so cheaply that the client is the
//! bottleneck.
//!
//! One thread and one `poll`: what is ready is read into one buffer that is used again, and bodies
//! are not looked at. The server is a process of its own, so that it can have a processor of its
//! own.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::rig::interrupt::Interrupt;
use framing::{Framing, Method};

mod framing;

/// Size of the buffer. A request of 100 events is about 30 kB, so one read takes it whole.
const BUFFER_BYTES: usize = 256 * 1024;

/// Longest wait before the next look at the interrupt.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Text before the address in the only line of output.
pub(crate) const ANNOUNCEMENT: &str = "listening on ";

/// Response to all but a POST and a read of the count: this server has no counters of a target, and
/// no listing.
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Body of the response to every POST
    #[arg(long)]
    body: String,
}

/// A connection, and the part of its newest request that was read.
struct Client {
    stream: TcpStream,
    framing: Framing,
}

/// Serves on a free port of 127.0.0.1, which it prints, until an interrupt.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on 127.0.0.1")?;
    println!("{ANNOUNCEMENT}{}", listener.local_addr()?);
    serve(&listener, &answer(&settings.body), interrupt)?;
    Ok(ExitCode::SUCCESS)
}

fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn serve(listener: &TcpListener, answer: &[u8], interrupt: &Interrupt) -> Result<()> {
    listener.set_nonblocking(true)?;
    let mut clients: Vec<Client> = Vec::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut answered = 0_u64;
    while interrupt.check().is_ok() {
        let (is_called, ready) = wait(listener, &clients)?;
        // From the last one on, because `swap_remove` puts the last into the place of one that is
        // removed.
        for place in ready.into_iter().rev() {
            if clients[place].serve(&mut buffer, answer, &mut answered).is_err() {
                clients.swap_remove(place);
            }
        }
        if is_called {
            accept(listener, &mut clients)?;
        }
    }
    Ok(())
}

/// Waits for work. Returns true if a client wants to connect, and the places of the clients that
/// sent something.
fn wait(listener: &TcpListener, clients: &[Client]) -> Result<(bool, Vec<usize>)> {
    let streams = clients.iter().map(|client| PollFd::new(&client.stream, PollFlags::IN));
    let mut all: Vec<PollFd<'_>> =
        std::iter::once(PollFd::new(listener, PollFlags::IN)).chain(streams).collect();
    match poll(&mut all, Some(&LOOK)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error).context("cannot wait for requests"),
    }
    let mut spoke = all.iter().map(|one| !one.revents().is_empty());
    let is_called = spoke.next().unwrap_or(false);
    Ok((is_called, spoke.enumerate().filter_map(|(place, spoke)| spoke.then_some(place)).collect()))
}

fn accept(listener: &TcpListener, clients: &mut Vec<Client>) -> Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                clients.push(Client { stream, framing: Framing::default() });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("cannot accept a connection"),
        }
    }
}

impl Client {
    /// Reads once and responds to the requests that are complete. Returns an error if the
    /// connection is at its end.
    fn serve(&mut self, buffer: &mut [u8], post_answer: &[u8], answered: &mut u64) -> Result<()> {
        let length = match self.stream.read(buffer) {
            Ok(0) => return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let Self { stream, framing } = self;
        let mut rest = &buffer[..length];
        while let Some((method, after)) = framing.next(rest)? {
            rest = after;
            // Short responses to a client that waits for them always fit the socket's buffer.
            match method {
                Method::Post => {
                    stream.write_all(post_answer)?;
                    *answered += 1;
                }
                Method::Count => {
                    stream.write_all(&answer(&answered.to_string()))?;
                    // The client may wait for the end of the connection.
                    anyhow::bail!("the response is complete");
                }
                Method::Other => stream.write_all(NOT_FOUND)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn every_post_is_answered_alike_on_a_connection_that_stays() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let interrupt = Interrupt::never();
        let asked = interrupt.clone();
        let server = thread::spawn(move || serve(&listener, &answer("{}"), &asked).unwrap());

        let mut stream = TcpStream::connect(address).unwrap();
        let post = b"POST /publish HTTP/1.1\r\nContent-Length: 5\r\n\r\n[1,2]";
        let ok = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        for _ in 0..2 {
            stream.write_all(post).unwrap();
            let mut said = vec![0; ok.len()];
            stream.read_exact(&mut said).unwrap();
            assert_eq!(String::from_utf8(said).unwrap(), ok);
        }
        stream.write_all(b"GET /stats HTTP/1.1\r\n\r\n").unwrap();
        let mut said = vec![0; NOT_FOUND.len()];
        stream.read_exact(&mut said).unwrap();
        assert_eq!(said, NOT_FOUND);
        assert_eq!(crate::rig::http::get_json(address, "/answered").unwrap(), 2);

        interrupt.ask();
        server.join().unwrap();
    }
}
