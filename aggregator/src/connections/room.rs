//! Places for connections, and the entrance that waits for a free one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// Pause after the system refused a connection. Files and memory come back when another connection
/// ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a response that the kernel holds beyond the client's window. Without this limit the
/// kernel holds megabytes, and this process would see no progress of a slow client for minutes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 128 * 1024;

/// Places that connections take.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    places: Arc<Semaphore>,
    size: u32,
    open: Arc<AtomicU32>,
}

/// A connection's place. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Place {
    /// Counted apart, because the accept loop also holds a permit for the connection that it waits
    /// for.
    open: Arc<AtomicU32>,
    _permit: OwnedSemaphorePermit,
}

/// Accepts connections.
pub(super) struct Entrance {
    listener: TcpListener,
    room: Room,
    is_known_as_full: bool,
}

impl Room {
    /// Waits until all places are free.
    pub(super) async fn emptied(&self) {
        drop(self.places.acquire_many(self.size).await);
    }

    pub(crate) fn new(size: u32) -> Self {
        Self { places: Arc::new(Semaphore::new(size as usize)), size, open: Arc::default() }
    }

    /// Number of open connections.
    pub(crate) fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }
}

impl Place {
    fn new(room: &Room, permit: OwnedSemaphorePermit) -> Self {
        room.open.fetch_add(1, Ordering::Relaxed);
        Self { open: Arc::clone(&room.open), _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Entrance {
    pub(super) fn new(listener: TcpListener, room: Room) -> Self {
        limit_unsent(&listener);
        Self { listener, room, is_known_as_full: false }
    }

    /// Accepts the next connection, once there is a place for it.
    pub(super) async fn accept(&mut self) -> (TcpStream, Place) {
        let permit = self.permit().await;
        let mut is_known = false;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // A small response must not wait for the acknowledgement of the previous one.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "cannot set TCP_NODELAY on a connection");
                    }
                    return (stream, Place::new(&self.room, permit));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if !is_known {
                        tracing::error!("cannot accept connections: {error}; retrying");
                        is_known = true;
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn permit(&mut self) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(&self.room.places).try_acquire_owned() {
            return permit;
        }
        if !self.is_known_as_full {
            self.is_known_as_full = true;
            tracing::warn!(
                "{} connections are open (MAX_CONNECTIONS): more wait until others end; logged once",
                self.room.size
            );
        }
        Arc::clone(&self.room.places).acquire_owned().await.expect("the semaphore is never closed")
    }
}

/// True if the client dropped its connection before it was accepted. Other connections are not
/// affected.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Sets the limit on the listener. Each connection inherits it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_unsent(listener: &TcpListener) {
    if let Err(error) = socket2::SockRef::from(listener).set_tcp_notsent_lowat(UNSENT_BYTES) {
        tracing::debug!(%error, "cannot limit the unsent bytes of responses in the kernel");
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit_unsent(_listener: &TcpListener) {}
