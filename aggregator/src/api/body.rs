//! A request's body: receiving, unpacking and parsing.
//!
//! Bodies share a bounded memory while they arrive (see `ingest::intake`). A packed body must keep
//! the limit twice: as it arrives and as it unpacks. The first 64 KiB are unpacked in place, which
//! is all of an ordinary body. The rest goes to a thread of its own, so that other requests need
//! not wait for it.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt as _;
use hyper::body::Body as _;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::api::app::App;
use crate::api::error::ApiError;
use crate::event::{Batch, Fault, Rejected};
use crate::ingest::NotStored;
use crate::ingest::intake::{NotTaken, Share};

/// Bytes that unpack faster than a hand-over to another thread takes.
const FIRST_PART_BYTES: usize = 64 * 1024;
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
    let body = match packing {
        None => bytes,
        Some(packing) => unpack(app, packing, bytes.into()).await?,
    };
    let max_events = app.settings.max_events();
    let batch = match form {
        Form::Json => Batch::parse(body, max_events),
        Form::Lines => Batch::parse_lines(body, max_events),
    };
    batch.map_err(|rejected| match rejected {
        Rejected::Invalid(faults) => app.invalid(faults),
        Rejected::TooMany => ApiError::TooLarge(format!("a batch has at most {max_events} events")),
    })
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
}

async fn unpack(app: &Arc<App>, packing: Packing, bytes: Bytes) -> Result<Vec<u8>, ApiError> {
    let limit = app.settings.body_limit_bytes();
    let broken = |error: io::Error| {
        let msg = format!("the body is not {}: {error}", packing.name());
        app.invalid(vec![Fault::body("content_encoding", msg)])
    };
    let mut unpacking = Unpacking::new(packing, bytes, limit).map_err(broken)?;
    let first = unpacking.advance(FIRST_PART_BYTES).map_err(broken)?;
    let rest = match first {
        Progress::Ended => first,
        Progress::More => {
            // Unpacking needs the processor: more at a time would slow all of them down, and need
            // more memory.
            let turn = timeout(app.settings.store_timeout(), Arc::clone(&app.unpacking).acquire_owned());
            let turn = turn.await.map_err(|_| NotStored::Overloaded)?;
            let (ended, progress) = spawn_blocking(move || {
                let _turn = turn;
                let progress = unpacking.advance(limit + 1);
                (unpacking, progress)
            })
            .await
            .map_err(|_| ApiError::BodyBroken)?;
            unpacking = ended;
            progress.map_err(broken)?
        }
    };
    match rest {
        Progress::Ended if unpacking.unpacked.len() <= limit => Ok(unpacking.unpacked),
        Progress::Ended | Progress::More => Err(too_large(app)),
    }
}

/// A body that is being unpacked.
struct Unpacking {
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
            Packing::Gzip => Box::new(MultiGzDecoder::new(bytes)),
            Packing::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(bytes)?;
                // A few bytes could ask for a window of gigabytes.
                decoder.window_log_max(limit.next_power_of_two().ilog2().max(LEAST_WINDOW_LOG))?;
                Box::new(decoder)
            }
        };
        Ok(Self { packed, unpacked: Vec::new() })
    }

    /// Unpacks until `until` bytes are there, or the body ends.
    fn advance(&mut self, until: usize) -> io::Result<Progress> {
        let missing = until.saturating_sub(self.unpacked.len());
        let added = self.packed.by_ref().take(missing as u64).read_to_end(&mut self.unpacked)?;
        Ok(if added < missing { Progress::Ended } else { Progress::More })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

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
}
