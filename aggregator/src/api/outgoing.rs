//! Memory of responses on their way. A client that reads slowly holds it for long, and many clients
//! together could hold all of the machine's.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::api::error::ApiError;

/// Bytes of each response that are not counted. Its connection holds as much anyway, and small
/// responses leave while large ones fill the memory.
const SMALL_BYTES: usize = 16 * 1024;

/// Memory that all responses share.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// One permit a byte.
    room: Arc<Semaphore>,
    size: usize,
}

/// A share of the memory, freed when dropped. A small response has none.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<OwnedSemaphorePermit>);

/// Bytes of a response with their share. hyper drops both once the bytes are sent.
struct Part {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Outgoing {
    pub(crate) fn new(size: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(size)), size }
    }

    /// Number of bytes in use.
    pub(crate) fn taken(&self) -> usize {
        self.size - self.room.available_permits()
    }

    /// Takes memory for so many bytes.
    ///
    /// # Errors
    /// Other responses hold it.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Held, ApiError> {
        match self.counted(bytes) {
            0 => Ok(Held::default()),
            counted => {
                let permit = Arc::clone(&self.room).try_acquire_many_owned(counted);
                permit.map(|permit| Held(Some(permit))).map_err(|_| ApiError::Congested)
            }
        }
    }

    /// Takes memory for so many bytes once there is as much, for a response that has begun.
    ///
    /// # Errors
    /// Other responses hold it for longer than `limit`.
    pub(crate) async fn hold_within(&self, limit: Duration, bytes: usize) -> Result<Held, ApiError> {
        match self.counted(bytes) {
            0 => Ok(Held::default()),
            counted => {
                let permit = timeout(limit, Arc::clone(&self.room).acquire_many_owned(counted)).await;
                permit.ok().and_then(Result::ok).map(|permit| Held(Some(permit))).ok_or(ApiError::Congested)
            }
        }
    }

    /// Makes a response of JSON, with its share.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<Response, ApiError> {
        let bytes = to_json(value);
        let held = self.hold(bytes.capacity())?;
        Ok(held.json(bytes))
    }

    /// A response larger than all of the memory may pass if it is alone.
    fn counted(&self, bytes: usize) -> u32 {
        let counted = bytes.saturating_sub(SMALL_BYTES).min(self.size);
        u32::try_from(counted).expect("the settings limit the memory to less than 4 GiB")
    }
}

impl Held {
    /// Frees what is beyond so many bytes.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let counted = bytes.saturating_sub(SMALL_BYTES);
        if let Self(Some(permit)) = self {
            drop(permit.split(permit.num_permits().saturating_sub(counted)));
        }
    }

    /// Ties the share to the bytes.
    pub(crate) fn around(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Part { bytes, _held: self })
    }

    /// Makes a response of these bytes of JSON.
    pub(crate) fn json(self, bytes: Vec<u8>) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], Body::from(self.around(bytes))).into_response()
    }
}

pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_free_again_when_the_bytes_are_dropped() {
        let outgoing = Outgoing::new(100_000);
        let large = outgoing.hold(80_000 + SMALL_BYTES).unwrap().around(vec![0; 80_000]);
        assert_eq!(outgoing.taken(), 80_000);
        assert!(matches!(outgoing.hold(30_000 + SMALL_BYTES), Err(ApiError::Congested)));
        assert!(outgoing.hold(SMALL_BYTES).is_ok(), "small responses pass");
        let wait = outgoing.hold_within(Duration::from_secs(3_600), 30_000 + SMALL_BYTES);
        let (waited, ()) = tokio::join!(wait, async { drop(large) });
        assert_eq!(outgoing.taken(), 30_000);
        drop(waited);
        let mut alone = outgoing.hold(10_000_000).unwrap();
        assert_eq!(outgoing.taken(), 100_000);
        alone.shrink(20_000 + SMALL_BYTES);
        assert_eq!(outgoing.taken(), 20_000);
        alone.shrink(1);
        assert_eq!(outgoing.taken(), 0);
    }
}
