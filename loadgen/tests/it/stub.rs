//! Stub of a target: it does what a test says, and remembers everything that it saw.
//!
//! Each connection has a thread, so that a script reads from top to bottom: send some bytes, wait
//! for something to have happened elsewhere, close. A script always waits for an event, never for a
//! length of time.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::value::RawValue;

/// Topic and id of an event.
pub(crate) type Key = (String, String);

/// Everything that the target has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Number of connections that carried a publish request.
    pub(crate) connections: usize,
    /// Number of all connections, those for reading included.
    pub(crate) accepted: usize,
    /// Publish requests, in the order in which they were complete.
    pub(crate) requests: Vec<Vec<Key>>,
    /// Connection of each of them.
    pub(crate) carriers: Vec<usize>,
    /// Number of publish requests whose head came, complete or not.
    pub(crate) begun: usize,
    /// Number of publish requests that ended before their last byte.
    pub(crate) cut: usize,
    /// Number of connections that have ended.
    pub(crate) ended: usize,
    /// Copies of each key.
    pub(crate) attempts: HashMap<Key, u64>,
    stored: HashSet<Key>,
    /// Requests as they were sent, to the byte.
    pub(crate) rows: Vec<(Key, Box<RawValue>)>,
    received: u64,
    /// Set by the test or a script: go on.
    pub(crate) released: bool,
    closing: bool,
}

#[derive(Debug, Default)]
struct World {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl World {
    /// Locks what was seen. A test that fails while it looks reports that itself, and the stub has
    /// to end all the same.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let changed = change(&mut self.seen());
        self.changed.notify_all();
        changed
    }

    fn wait_for(&self, condition: impl Fn(&Seen) -> bool) {
        let waited = self.changed.wait_while(self.seen(), |seen| !seen.closing && !condition(seen));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Publish request that came over a connection.
pub(crate) struct Exchange<'a> {
    /// Number of this publish request, counted from 0 over all connections.
    pub(crate) nth: usize,
    events: Vec<Box<RawValue>>,
    stream: &'a mut TcpStream,
    world: &'a World,
    closed: bool,
}

impl Exchange<'_> {
    /// Sends these bytes. In some scripts nobody is there any more.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        drop(self.stream.write_all(bytes.as_ref()));
    }

    /// Sends these bytes one by one.
    pub(crate) fn spell(&mut self, bytes: impl AsRef<[u8]>) {
        bytes.as_ref().chunks(1).for_each(|byte| self.say(byte));
    }

    /// Stores new events, and responds in the reference target's form.
    pub(crate) fn answer(&mut self) {
        let body = self.store();
        self.say(with_length(200, &body));
    }

    /// Stores new events, and returns the body of the response.
    pub(crate) fn store(&mut self) -> String {
        self.world.change(|seen| {
            seen.received += self.events.len() as u64;
            let kinds: Vec<&str> = self
                .events
                .iter()
                .map(|event| {
                    let key = key_of(event);
                    if seen.stored.insert(key.clone()) {
                        seen.rows.push((key, event.clone()));
                        "inserted"
                    } else {
                        "duplicate"
                    }
                })
                .collect();
            let inserted = kinds.iter().filter(|kind| **kind == "inserted").count();
            let accepted = kinds.len();
            let duplicates = kinds.len() - inserted;
            serde_json::json!({
                "status": "accepted", "accepted": accepted, "inserted": inserted,
                "duplicates": duplicates, "results": kinds,
            })
            .to_string()
        })
    }

    /// Stores all events but the one at this place, and returns the body of a response with a status
    /// for each: this one for the event that was spared.
    pub(crate) fn store_but(&mut self, place: usize, status: u16) -> String {
        let spared = (place < self.events.len()).then(|| self.events.remove(place));
        let stored: serde_json::Value = serde_json::from_str(&self.store()).unwrap();
        let of_word = |word: &serde_json::Value| if word == "inserted" { 201 } else { 409 };
        let mut statuses: Vec<u16> = stored["results"].as_array().unwrap().iter().map(of_word).collect();
        if spared.is_some() {
            statuses.insert(place, status);
        }
        let items: Vec<serde_json::Value> =
            statuses.iter().map(|status| serde_json::json!({ "create": { "status": status } })).collect();
        serde_json::json!({ "items": items }).to_string()
    }

    /// Responds that all of it was stored, and counts it, but stores nothing.
    pub(crate) fn forget(&mut self) {
        let count = self.events.len();
        self.world.change(|seen| seen.received += count as u64);
        self.say(with_length(200, &format!(r#"{{"accepted":{count},"inserted":{count},"duplicates":0}}"#)));
    }

    /// Waits for something to have been seen.
    pub(crate) fn wait_for(&self, condition: impl Fn(&Seen) -> bool) {
        self.world.wait_for(condition);
    }

    /// Lets scripts go on that wait for it.
    pub(crate) fn release(&self) {
        self.world.change(|seen| seen.released = true);
    }

    /// Looks at what was seen so far.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.world.seen())
    }

    /// Sends nothing more as long as the test lasts.
    pub(crate) fn hang(&self) {
        self.world.wait_for(|_| false);
    }

    /// Closes the connection after the bytes that were sent.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }
}

/// Target on a free port of this machine.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    world: Arc<World>,
}

impl Stub {
    /// Returns one that keeps the contract.
    pub(crate) fn sound() -> Self {
        Self::scripted(|exchange| exchange.answer())
    }

    /// Returns one that answers publish requests by a script. Counters and listing are sound.
    pub(crate) fn scripted(script: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) -> Self {
        Self::stalling(usize::MAX, script)
    }

    /// Returns the same, but reads only the head of requests after the first so many, until the
    /// test releases it.
    pub(crate) fn stalling(after: usize, script: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(World::default());
        let accepting = Arc::clone(&world);
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if accepting.seen().closing {
                    return;
                }
                accepting.change(|seen| seen.accepted += 1);
                stream.set_nodelay(true).unwrap();
                let world = Arc::clone(&accepting);
                let script = Arc::clone(&script);
                std::thread::spawn(move || {
                    serve(&stream, &world, after, &*script);
                    world.change(|seen| seen.ended += 1);
                });
            }
        });
        Self { address, world }
    }

    /// Looks at what was seen so far.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.world.seen())
    }

    /// Waits for something to have been seen.
    pub(crate) fn wait_for(&self, condition: impl Fn(&Seen) -> bool) {
        self.world.wait_for(condition);
    }

    /// Lets scripts go on that wait for it.
    pub(crate) fn release(&self) {
        self.world.change(|seen| seen.released = true);
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.world.change(|seen| seen.closing = true);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

/// Starts a server that does this with each connection, on a thread of its own, as long as the
/// tests run.
pub(crate) fn serve_each(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = serve.clone();
            let stream = stream.unwrap();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Starts a server that stops listening at the first POST, and closes its connection after that.
pub(crate) fn serve_one_post() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let posted: Arc<Mutex<Option<TcpStream>>> = Arc::default();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if posted.lock().unwrap().is_some() {
                break;
            }
            let mut stream = stream.unwrap();
            let posted = Arc::clone(&posted);
            std::thread::spawn(move || {
                let mut head = [0; 4];
                if stream.read_exact(&mut head).is_ok() && &head == b"POST" {
                    *posted.lock().unwrap() = Some(stream);
                    // Wakes the thread that accepts.
                    drop(TcpStream::connect(address));
                }
            });
        }
        drop(listener);
        drop(posted.lock().unwrap().take());
    });
    address
}

/// Returns a whole response with its length.
pub(crate) fn with_length(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn serve(
    stream: &TcpStream,
    world: &World,
    stall_after: usize,
    script: &(dyn Fn(&mut Exchange<'_>) + Send + Sync),
) {
    let mut input = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream.try_clone().unwrap();
    let mut connection = None;
    while let Some((line, length)) = read_head(&mut input) {
        let is_publish = line.starts_with("POST");
        let begun = world.change(|seen| {
            seen.begun += usize::from(is_publish);
            seen.begun
        });
        if is_publish && begun > stall_after {
            world.wait_for(|seen| seen.released);
        }
        let mut body = vec![0; length];
        if input.read_exact(&mut body).is_err() {
            world.change(|seen| seen.cut += usize::from(is_publish));
            return;
        }
        if line.starts_with("GET") {
            let answer = world.change(|seen| reading(seen, &line));
            drop(stream.write_all(answer.as_bytes()));
            continue;
        }
        let events: Vec<Box<RawValue>> = serde_json::from_slice(&body).unwrap();
        let keys: Vec<Key> = events.iter().map(|event| key_of(event)).collect();
        let nth = world.change(|seen| {
            let number = *connection.get_or_insert(seen.connections);
            seen.connections = seen.connections.max(number + 1);
            for key in &keys {
                *seen.attempts.entry(key.clone()).or_default() += 1;
            }
            seen.requests.push(keys);
            seen.carriers.push(number);
            seen.requests.len() - 1
        });
        let mut exchange = Exchange { nth, events, stream: &mut stream, world, closed: false };
        script(&mut exchange);
        if exchange.closed {
            drop(stream.shutdown(std::net::Shutdown::Both));
            return;
        }
    }
}

/// Reads the request line and the length of the body; none at the end of the connection.
fn read_head(input: &mut BufReader<TcpStream>) -> Option<(String, usize)> {
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut field = String::new();
        input.read_line(&mut field).ok().filter(|read| *read > 0)?;
        match field.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap();
            }
            Some(_) => {}
            None => return Some((line, length)),
        }
    }
}

fn reading(seen: &Seen, line: &str) -> String {
    let path = line.split(' ').nth(1).unwrap();
    if path == "/stats" {
        let unique = seen.stored.len() as u64;
        let stats = serde_json::json!({
            "received": seen.received, "unique_processed": unique,
            "duplicate_dropped": seen.received - unique, "queue": {"pending": 0, "processing": 0},
        });
        return with_length(200, &stats.to_string());
    }
    let Some((_, query)) = path.split_once("/events?") else { return with_length(404, "{}") };
    let topic = query.split('&').find_map(|pair| pair.strip_prefix("topic="));
    let asked = seen.rows.iter().filter(|(key, _)| topic.is_none_or(|topic| key.0 == topic));
    let rows: Vec<&RawValue> = asked.map(|(_, row)| &**row).collect();
    with_length(200, &serde_json::to_string(&rows).unwrap())
}

fn key_of(event: &RawValue) -> Key {
    #[derive(Deserialize)]
    struct Event {
        topic: String,
        event_id: String,
    }
    let event: Event = serde_json::from_str(event.get()).unwrap();
    (event.topic, event.event_id)
}
