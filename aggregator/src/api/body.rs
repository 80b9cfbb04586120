//! A request's body: receiving, unpacking and parsing.
//!
//! Bodies share a bounded memory while they arrive (see `ingest::intake`). A packed body must keep
//! the limit twice: as it arrives and as it unpacks. An ordinary body is unpacked and parsed in
//! place. A large one, packed or unpacked, goes to a thread of its own, so that other requests need
//! not wait for it.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use flate2::bufread::GzDecoder;
use futures_util::StreamExt as _;
use hyper::body::Body as _;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::api::app::App;
use crate::api::error::ApiError;
use crate::event::{Batch, Fault, Rejected};
use crate::ingest::NotStored;
use crate::ingest::intake::{NotTaken, Share};

/// Bytes that unpack faster than a hand-over to another thread takes. It holds for the packed bytes
/// too: they may be millions of members that yield nothing.
const FIRST_PART_BYTES: usize = 64 * 1024;
/// Largest body that is parsed in place.
const PARSED_IN_PLACE_BYTES: usize = 256 * 1024;
/// Members of a gzip body. Each costs time, even if it yields nothing; a member of 64 KiB, which
/// block-wise packers make, is a small one.
const MAX_MEMBERS: usize = 10_000;
/// Window of zstd's levels up to 19. A window larger than the largest body is never needed.
const LEAST_WINDOW_LOG: u32 = 23;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One event, an array, or an object with either.
    Json,
    /// One event a line.
    Lines,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
}

/// Reads the events of a request.
pub(crate) async fn read_batch(app: &Arc<App>, request: Request) -> Result<Batch, ApiError> {
    let form = Form::of(request.headers());
    let packing = Packing::of(request.headers())?;
    // Held until the queue counts the batch's memory.
    let (bytes, _share) = receive(app, request).await?;
    let limits = Limits { body: app.settings.body_limit_bytes(), events: app.settings.max_events() };
    let work = Work { form, packing, limits };
    let result = match work.begin(bytes) {
        Begun::Ended(result) => result,
        Begun::Large(rest) => aside(app, move || work.finish(rest)).await?,
    };
    result.map_err(|refusal| match refusal {
        Refusal::Packing(msg) => app.invalid(vec![Fault::body("content_encoding", msg)]),
        Refusal::Bytes => too_large(app),
        Refusal::Events(Rejected::Invalid(faults)) => app.invalid(faults),
        Refusal::Events(Rejected::TooMany) => {
            ApiError::TooLarge(format!("a batch has at most {} events", limits.events))
        }
    })
}

/// Runs `work` on a thread of its own, when its turn comes. It needs the processor: more at a time
/// would slow all of them down, and need more memory.
async fn aside<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let turn = timeout(app.settings.store_timeout(), Arc::clone(&app.parsing).acquire_owned());
    let turn = turn.await.map_err(|_| NotStored::Overloaded)?;
    let working = spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    working.await.map_err(|_| ApiError::BodyBroken)
}

async fn receive(app: &App, request: Request) -> Result<(Vec<u8>, Share<'_>), ApiError> {
    let limit = app.settings.body_limit_bytes();
    // A body whose length is known to be too large is refused before it arrives.
    let size = request.body().size_hint();
    if size.lower() > limit as u64 {
        return Err(too_large(app));
    }
    let most = size.upper().and_then(|most| usize::try_from(most).ok()).map_or(limit, |most| most.min(limit));
    let mut body = app.intake.begin(most);
    let mut parts = request.into_body().into_data_stream();
    let reading = async {
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_| ApiError::BodyBroken)?;
            body.add(&part).map_err(|why| match why {
                NotTaken::TooLarge => too_large(app),
                NotTaken::Full => ApiError::Crowded,
            })?;
        }
        Ok(body.end())
    };
    timeout(app.settings.body_timeout(), reading).await.map_err(|_| ApiError::BodyTimeout)?
}

fn too_large(app: &App) -> ApiError {
    ApiError::TooLarge(format!("a body has at most {} MiB", app.settings.body_limit_mib))
}

impl Form {
    /// JSON, unless the content type says lines. Clients send JSON under content types of all
    /// kinds.
    fn of(headers: &HeaderMap) -> Self {
        const LINES: [&str; 3] = ["application/x-ndjson", "application/ndjson", "application/jsonl"];
        let content_type =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let is_lines = LINES.iter().any(|lines| media_type.eq_ignore_ascii_case(lines));
        if is_lines { Self::Lines } else { Self::Json }
    }
}

impl Packing {
    fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let values = headers.get_all(header::CONTENT_ENCODING).iter();
        let mut packing = None;
        for name in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
            let named = match name.trim_ascii().to_ascii_lowercase().as_slice() {
                b"" | b"identity" => continue,
                b"gzip" | b"x-gzip" => Self::Gzip,
                b"zstd" => Self::Zstd,
                _ => return Err(ApiError::UnknownEncoding),
            };
            // A body that is packed twice is an attempt to make a small body a large one.
            if packing.replace(named).is_some() {
                return Err(ApiError::UnknownEncoding);
            }
        }
        Ok(packing)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn broken(self, error: &io::Error) -> Refusal {
        Refusal::Packing(format!("the body is not {}: {error}", self.name()))
    }
}

/// Ways to make events of a body.
#[derive(Debug, Clone, Copy)]
struct Work {
    form: Form,
    packing: Option<Packing>,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Bytes of an unpacked body.
    body: usize,
    /// Events of a batch.
    events: usize,
}

/// Reasons to refuse a body that has arrived.
#[derive(Debug)]
enum Refusal {
    /// The body is not in its encoding.
    Packing(String),
    /// The body unpacks to more than the limit.
    Bytes,
    Events(Rejected),
}

/// A body after the part of the work that is done in place.
enum Begun {
    Ended(Result<Batch, Refusal>),
    /// Rest of the work on a large body.
    Large(Rest),
}

enum Rest {
    Plain(Vec<u8>),
    Packed(Unpacking),
}

impl Work {
    /// Does all of the work if the body is small, and else leaves it.
    fn begin(self, bytes: Vec<u8>) -> Begun {
        let Some(packing) = self.packing else {
            return match bytes.len() {
                ..=PARSED_IN_PLACE_BYTES => Begun::Ended(self.parse(bytes)),
                _ => Begun::Large(Rest::Plain(bytes)),
            };
        };
        let is_small = bytes.len() <= FIRST_PART_BYTES;
        let mut unpacking = match Unpacking::new(packing, bytes.into(), self.limits.body) {
            Ok(unpacking) => unpacking,
            Err(error) => return Begun::Ended(Err(packing.broken(&error))),
        };
        if !is_small {
            return Begun::Large(Rest::Packed(unpacking));
        }
        match unpacking.advance(FIRST_PART_BYTES) {
            Ok(Progress::Ended) => Begun::Ended(self.parse(unpacking.unpacked)),
            Ok(Progress::More) => Begun::Large(Rest::Packed(unpacking)),
            Err(error) => Begun::Ended(Err(packing.broken(&error))),
        }
    }

    /// Does the rest of the work, which may take long.
    fn finish(self, rest: Rest) -> Result<Batch, Refusal> {
        match rest {
            Rest::Plain(bytes) => self.parse(bytes),
            Rest::Packed(mut unpacking) => {
                let limit = self.limits.body;
                match unpacking.advance(limit + 1).map_err(|error| unpacking.packing.broken(&error))? {
                    Progress::Ended if unpacking.unpacked.len() <= limit => self.parse(unpacking.unpacked),
                    Progress::Ended | Progress::More => Err(Refusal::Bytes),
                }
            }
        }
    }

    fn parse(self, body: Vec<u8>) -> Result<Batch, Refusal> {
        let batch = match self.form {
            Form::Json => Batch::parse(body, self.limits.events),
            Form::Lines => Batch::parse_lines(body, self.limits.events),
        };
        batch.map_err(Refusal::Events)
    }
}

/// A body that is being unpacked.
struct Unpacking {
    packing: Packing,
    packed: Box<dyn Read + Send>,
    unpacked: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Ended,
    More,
}

impl Unpacking {
    fn new(packing: Packing, bytes: Bytes, limit: usize) -> io::Result<Self> {
        let bytes = Cursor::new(bytes);
        let packed: Box<dyn Read + Send> = match packing {
            // Several members, or frames, one behind the other are one body.
            Packing::Gzip => Box::new(Members { current: GzDecoder::new(bytes), number: 1 }),
            Packing::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(bytes)?;
                // A few bytes could ask for a window of gigabytes.
                decoder.window_log_max(limit.next_power_of_two().ilog2().max(LEAST_WINDOW_LOG))?;
                Box::new(decoder)
            }
        };
        Ok(Self { packing, packed, unpacked: Vec::new() })
    }

    /// Unpacks until `until` bytes are there, or the body ends.
    fn advance(&mut self, until: usize) -> io::Result<Progress> {
        let missing = until.saturating_sub(self.unpacked.len());
        let added = self.packed.by_ref().take(missing as u64).read_to_end(&mut self.unpacked)?;
        Ok(if added < missing { Progress::Ended } else { Progress::More })
    }
}

/// Reads the members of a gzip body, one behind the other.
struct Members {
    current: GzDecoder<Cursor<Bytes>>,
    number: usize,
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(buffer)?;
            let rest = self.current.get_ref();
            let is_at_end = rest.position() >= rest.get_ref().len() as u64;
            if read > 0 || buffer.is_empty() || is_at_end {
                return Ok(read);
            }
            if self.number == MAX_MEMBERS {
                return Err(io::Error::other(format!("more than {MAX_MEMBERS} members")));
            }
            self.number += 1;
            self.current = GzDecoder::new(rest.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;
    use flate2::Compression;
    use flate2::read::GzEncoder;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_body_is_json_unless_its_type_says_lines() {
        let of = |value| Form::of(&headers(header::CONTENT_TYPE, &[value]));
        for value in ["application/x-ndjson", "application/jsonl; charset=utf-8", "Application/NDJSON"] {
            assert_eq!(of(value), Form::Lines, "{value}");
        }
        for value in ["", "text/plain", "application/json", "application/x-www-form-urlencoded"] {
            assert_eq!(of(value), Form::Json, "{value}");
        }
        assert_eq!(Form::of(&HeaderMap::new()), Form::Json);
    }

    #[test]
    fn one_known_packing_is_accepted() {
        let of = |values: &[&str]| Packing::of(&headers(header::CONTENT_ENCODING, values)).ok();
        assert_eq!(of(&[]), Some(None));
        assert_eq!(of(&["identity"]), Some(None));
        assert_eq!(of(&["GZip"]), Some(Some(Packing::Gzip)));
        assert_eq!(of(&["x-gzip"]), Some(Some(Packing::Gzip)));
        assert_eq!(of(&["identity, zstd"]), Some(Some(Packing::Zstd)));
        for values in [&["br"][..], &["gzip, gzip"], &["gzip", "zstd"], &["deflate"]] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }

    fn work(packing: Option<Packing>) -> Work {
        Work { form: Form::Json, packing, limits: Limits { body: 32 << 20, events: 10 } }
    }

    fn is_left(packing: Option<Packing>, bytes: Vec<u8>) -> bool {
        matches!(work(packing).begin(bytes), Begun::Large(_))
    }

    #[test]
    fn a_large_body_is_left_for_another_thread() {
        let padded = |bytes: usize| [vec![b' '; bytes - 2], b"{}".to_vec()].concat();
        assert!(!is_left(None, padded(PARSED_IN_PLACE_BYTES)));
        assert!(is_left(None, padded(PARSED_IN_PLACE_BYTES + 1)));
        let gzip = |bytes: &[u8]| {
            let mut packed = Vec::new();
            GzEncoder::new(bytes, Compression::fast()).read_to_end(&mut packed).unwrap();
            packed
        };
        assert!(!is_left(Some(Packing::Gzip), gzip(&padded(FIRST_PART_BYTES - 1))));
        assert!(is_left(Some(Packing::Gzip), gzip(&padded(FIRST_PART_BYTES))));
        // They would be unpacked to the last before the first byte comes out.
        let nothing = gzip(b"");
        assert!(!is_left(Some(Packing::Gzip), nothing.repeat(100)));
        assert!(is_left(Some(Packing::Gzip), nothing.repeat(FIRST_PART_BYTES / nothing.len() + 1)));
    }
}
