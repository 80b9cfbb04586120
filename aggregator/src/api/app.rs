//! State that the handlers share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tokio::sync::{Semaphore, watch};

use crate::api::error::ApiError;
use crate::api::outgoing::Outgoing;
use crate::connections::Room;
use crate::event::Fault;
use crate::ingest::inbox::Inbox;
use crate::ingest::intake::Intake;
use crate::ingest::{Ingest, LastWrite};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::store::Store;

pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) ingest: Ingest,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) room: Room,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) intake: Intake,
    pub(crate) outgoing: Outgoing,
    /// Permits for unpacking and parsing large bodies.
    pub(crate) parsing: Arc<Semaphore>,
    pub(crate) last_write: Arc<LastWrite>,
    /// Set from the signal to stop on.
    pub(crate) is_draining: AtomicBool,
    /// Dropped with the last handler, which ends the workers.
    pub(crate) _serving: watch::Sender<()>,
    pub(crate) settings: Settings,
    pub(crate) started: Instant,
    pub(crate) instance_id: String,
}

impl App {
    pub(crate) fn invalid(&self, faults: Vec<Fault>) -> ApiError {
        ApiError::Invalid { faults, status: self.settings.invalid_status }
    }
}
