//! Requests of a probe, each sent once on a connection of its own, within limits.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reader::client::{Posted, ReadError, TargetClient};
use reader::listing::next_link;
use thiserror::Error;
use tokio::time::{sleep, timeout};
use truth::chain::chain;
use truth::target::request::Whole;
use truth::target::secrets::masked;

use super::response::Response;

/// Longest time to the response to an event: some targets store the event first, which may take
/// long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest time to read a page or the counters.
const READING: Duration = Duration::from_secs(10);

/// Pause before a request is sent again that the target failed.
const PAUSE: Duration = Duration::from_millis(200);

/// Limits of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limits {
    /// Requests that send events.
    pub(super) requests: u32,
    /// Events in them.
    pub(super) events: u32,
    /// Other requests.
    pub(super) reads: u32,
    /// Responses with status 429 or 5xx after which nothing more is sent.
    pub(super) failures: u32,
    /// Shortest time from one request to the next.
    pub(super) pause: Duration,
}

impl Limits {
    /// Limits at a target that is not this machine.
    pub(super) const CAREFUL: Self =
        Self { requests: 25, events: 40, reads: 20, failures: 2, pause: Duration::from_millis(500) };

    /// Limits for a request that its owner gave, at a target on this machine.
    pub(super) const LOCAL: Self = Self { reads: 60, pause: Duration::ZERO, ..Self::CAREFUL };

    /// Limits for the search of a request, at a target on this machine.
    pub(super) const SEARCH: Self =
        Self { requests: 400, events: 600, reads: 2_000, failures: 8, pause: Duration::ZERO };

    /// Returns limits that allow a deep look as well.
    pub(super) fn with_deep(self, events: u32, requests: u32) -> Self {
        Self {
            requests: self.requests.saturating_add(requests),
            events: self.events.saturating_add(events),
            reads: self.reads.saturating_add(600),
            ..self
        }
    }
}

/// Reason why nothing more is sent.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum Stop {
    /// The target asks for authorisation.
    #[error(
        "the target answered {response}, so nothing more was sent; check the secret, and the variable that holds it"
    )]
    Forbidden {
        /// Status and body.
        response: String,
    },
    /// The target fails, or asks for time.
    #[error(
        "the target answered {response} for the {count}. time, so nothing more was sent; try again when it is at rest"
    )]
    Failing {
        /// Status and body of the last response.
        response: String,
        /// Number of such responses.
        count: u32,
    },
    /// The limit of requests or events is reached.
    #[error("the limit of {limit} is reached, so nothing more was sent")]
    Spent {
        /// Limit.
        limit: String,
    },
    /// No connection could be made.
    #[error("cannot connect to {url}, so nothing was sent; is the target running?")]
    Unreachable {
        /// Base URL of the target.
        url: String,
    },
    /// No complete response came.
    #[error("{method} {path} had no complete response")]
    Lost {
        /// Method.
        method: String,
        /// Path, without secrets.
        path: String,
    },
}

/// Requests so far.
#[derive(Clone, Debug, Default)]
struct Used {
    requests: u32,
    events: u32,
    reads: u32,
    failures: u32,
    is_closed: bool,
    /// Reads that are kept for what follows.
    kept: u32,
    /// Reads that had no complete response.
    broken: u32,
    /// True if a listing was shown to need the other fixed header fields of the request.
    needs_all: bool,
    last: Option<Instant>,
}

/// Sender of requests to one target.
#[derive(Debug)]
pub(super) struct Asker {
    client: TargetClient,
    /// Client that sends the other fixed header fields of the request as well, for a listing that
    /// needs one of them.
    fuller: Option<TargetClient>,
    /// Client of the host that lists what is stored, if it is another.
    elsewhere: Option<TargetClient>,
    limits: Limits,
    used: Mutex<Used>,
}

impl Asker {
    pub(super) fn new(client: TargetClient, limits: Limits) -> Self {
        Self { client, fuller: None, elsewhere: None, limits, used: Mutex::default() }
    }

    /// Returns the same with clients for what a listing may need.
    pub(super) fn reading(self, fuller: Option<TargetClient>, elsewhere: Option<TargetClient>) -> Self {
        Self { fuller, elsewhere, ..self }
    }

    /// True if a listing was shown to need the fixed header fields of the request.
    pub(super) fn needs_all_headers(&self) -> bool {
        self.used().needs_all
    }

    /// Returns the reason if the target cannot be reached.
    pub(super) async fn unreachable_because(&self) -> Option<String> {
        self.wait().await;
        match timeout(READING, self.client.get(&self.client.url("/"), "*/*")).await {
            Ok(Err(error)) if error.is_unreachable() => Some(chain(&error)),
            _ => None,
        }
    }

    /// Returns how many requests and events may still be sent.
    pub(super) fn left(&self) -> (u32, u32) {
        let used = self.used();
        (self.limits.requests.saturating_sub(used.requests), self.limits.events.saturating_sub(used.events))
    }

    /// Says what was sent and read.
    pub(super) fn spent(&self) -> String {
        let used = self.used();
        format!("{} requests with {} events, and {} reads", used.requests, used.events, used.reads)
    }

    /// Sends a request with so many events. It is sent again while the target answers that it failed.
    pub(super) async fn send(&self, whole: &Whole, events: u32) -> Result<Response, Stop> {
        loop {
            let response = self.send_once(whole, events).await?;
            if !self.has_failed(&response)? {
                return Ok(response);
            }
            sleep(PAUSE.max(retry_after(&response))).await;
        }
    }

    /// Sends a request that the target may not know, once.
    pub(super) async fn try_once(&self, whole: &Whole) -> Result<Response, Stop> {
        let response = self.send_once(whole, 1).await?;
        match response.status {
            401 | 403 => Err(Stop::Forbidden { response: response.in_one_line() }),
            _ => Ok(response),
        }
    }

    /// Sends a request twice at once.
    pub(super) async fn send_twice(&self, whole: &Whole, events: u32) -> Result<[Response; 2], Stop> {
        let (one, two) = tokio::join!(self.send_once(whole, events), self.send_once(whole, events));
        Ok([one?, two?])
    }

    async fn send_once(&self, whole: &Whole, events: u32) -> Result<Response, Stop> {
        self.take(events)?;
        self.wait().await;
        match self.client.send_once(whole.clone(), PATIENCE).await {
            Posted::Answered { status, headers, body } => {
                let fields = headers.iter();
                let fields = fields.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
                Ok(Response::of(status, fields.collect(), &body, None))
            }
            Posted::NotConnected => Err(Stop::Unreachable { url: self.client.publish_url("") }),
            Posted::Lost => {
                let path = masked(whole.path.split('?').next().unwrap_or_default()).into_owned();
                Err(Stop::Lost { method: whole.method.clone(), path })
            }
        }
    }

    /// True if the target failed a request that may be sent again.
    fn has_failed(&self, response: &Response) -> Result<bool, Stop> {
        match response.status {
            401 | 403 => Err(Stop::Forbidden { response: response.in_one_line() }),
            429 | 500..=599 => {
                let mut used = self.used();
                used.failures += 1;
                if used.failures >= self.limits.failures {
                    return Err(Stop::Failing { response: response.in_one_line(), count: used.failures });
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// GETs a URL. The error says why there is no response.
    pub(super) async fn get(&self, url: &str) -> Result<Response, String> {
        let elsewhere = self.elsewhere.as_ref().filter(|client| url.starts_with(&client.target().url));
        if let Some(client) = elsewhere {
            return self.get_by(client, url).await;
        }
        match &self.fuller {
            Some(fuller) if self.needs_all_headers() => self.get_by(fuller, url).await,
            Some(fuller) => {
                let response = self.get_by(&self.client, url).await?;
                let may_lack_headers =
                    matches!(response.status, 400..=499) && !matches!(response.status, 404 | 405 | 408 | 429);
                if !may_lack_headers {
                    return Ok(response);
                }
                match self.get_by(fuller, url).await {
                    Ok(fuller) if fuller.is_success() => {
                        self.used().needs_all = true;
                        Ok(fuller)
                    }
                    _ => Ok(response),
                }
            }
            None => self.get_by(&self.client, url).await,
        }
    }

    async fn get_by(&self, client: &TargetClient, url: &str) -> Result<Response, String> {
        self.begin_read()?;
        self.wait().await;
        let late = |_| Err(format!("it took longer than {} s", READING.as_secs()));
        let response = timeout(READING, read(client, url)).await.unwrap_or_else(late);
        let response = response.inspect_err(|_| self.used().broken += 1)?;
        if matches!(response.status, 401 | 403 | 429) && self.limits.pause > Duration::ZERO {
            self.used().is_closed = true;
        }
        Ok(response)
    }

    /// Waits until what the scenario describes may be read once.
    pub(super) async fn look(&self) -> Result<(), String> {
        self.begin_read()?;
        self.wait().await;
        Ok(())
    }

    fn begin_read(&self) -> Result<(), String> {
        let mut used = self.used();
        if used.is_closed {
            return Err("a read was refused before, so nothing more was read".to_owned());
        }
        if used.reads + used.kept >= self.limits.reads {
            return Err(format!("the limit of {} reads is reached", self.limits.reads));
        }
        used.reads += 1;
        Ok(())
    }

    /// Keeps so many reads for what follows.
    pub(super) fn keep(&self, reads: u32) {
        self.used().kept = reads;
    }

    /// Number of reads that had no complete response.
    pub(super) fn broken(&self) -> u32 {
        self.used().broken
    }

    /// Returns the reason why nothing more can be read; none if something can.
    pub(super) fn unreadable_because(&self) -> Option<String> {
        let used = self.used();
        match used.reads + used.kept >= self.limits.reads {
            true => Some(format!("the limit of {} reads is reached", self.limits.reads)),
            false => used.is_closed.then(|| "a read was refused, so nothing more was read".to_owned()),
        }
    }

    fn take(&self, events: u32) -> Result<(), Stop> {
        let mut used = self.used();
        let spent = |limit: String| Err(Stop::Spent { limit });
        if used.requests >= self.limits.requests {
            return spent(format!("{} requests", self.limits.requests));
        }
        if used.events.saturating_add(events) > self.limits.events {
            return spent(format!("{} events", self.limits.events));
        }
        used.requests += 1;
        used.events += events;
        Ok(())
    }

    /// Waits until the next request may leave.
    async fn wait(&self) {
        let due = {
            let mut used = self.used();
            let now = Instant::now();
            let due = used.last.map_or(now, |last| (last + self.limits.pause).max(now));
            used.last = Some(due);
            due
        };
        sleep(due.saturating_duration_since(Instant::now())).await;
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(client: &TargetClient, url: &str) -> Result<Response, String> {
    // The error itself may show the whole URL, and so a secret in it.
    let reason = |error: ReadError| match error.is_unreachable() {
        true => "no connection could be made".to_owned(),
        false => "no complete response came".to_owned(),
    };
    let response = client.get(url, "application/json").await.map_err(reason)?;
    let status = response.status().as_u16();
    let next = next_link(url, response.headers()).ok().flatten();
    let fields = response.headers().iter();
    let fields = fields.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
    let headers = fields.collect();
    let body = response.bytes().await.map_err(|_| "its body broke off".to_owned())?;
    Ok(Response::of(status, headers, &body, next))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Pause that a response asks for, at most a minute.
fn retry_after(response: &Response) -> Duration {
    let seconds = response.header("retry-after").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    Duration::from_secs(seconds).min(Duration::from_secs(60))
}
