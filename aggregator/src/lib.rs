//! The reference target of Onceproof: an HTTP service that stores each event exactly once.
//!
//! A request takes this way. `api` reads and unpacks it, `event` parses it, and `ingest` queues it.
//! A task of `ingest::writer` makes one group of all waiting requests and `store`s it. The handler
//! responds once the commit is durable. In the queued mode the writer fills the inbox, and an
//! `ingest::worker` stores what is in it. Listings and counters are read through a pool of their
//! own. `connections` holds the clients' connections and their limits.

#![allow(missing_docs, reason = "only this crate's own program and tests read it")]

mod api;
pub mod check;
mod connections;
mod event;
mod ingest;
pub mod logs;
mod metrics;
pub mod program;
pub mod settings;
mod store;

use std::future::{Future, pending};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use crate::settings::{Ack, InvalidStatus, ListenAddress, LogFormat, Settings, Token, TokenError};
pub use crate::store::{DatabaseUrl, DatabaseUrlError, OpenError, Store};

use crate::api::app::App;
use crate::api::outgoing::Outgoing;
use crate::connections::Room;
use crate::ingest::inbox::Inbox;
use crate::ingest::intake::Intake;
use crate::ingest::{LastWrite, Queue, worker, writer};
use crate::metrics::Metrics;

/// Pause between two looks into an inbox that this process does not fill itself.
const REMAINDER_INTERVAL: Duration = Duration::from_secs(1);

/// Reasons for the service to end before it was told to.
#[derive(Debug, Error)]
pub enum RunError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(
        "cannot listen on {address}: {reason}; choose another address with LISTEN (port 0 takes a free port)"
    )]
    Listen { address: String, reason: io::Error },
    /// A task that stores events has ended.
    #[error("a writer stopped unexpectedly, which is a defect of this program; please report it")]
    WriterStopped,
}

/// Opens the database, listens, logs the address, and serves until `shutdown` ends.
///
/// # Errors
/// Names what failed and what to do.
pub async fn run(
    mut settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let mut shutdown = Box::pin(shutdown);
    let opening =
        Store::open_within(settings.database_wait(), &settings.database_url, settings.store_timeout());
    let store = tokio::select! {
        store = opening => store?,
        () = &mut shutdown => return Ok(()),
    };
    let address = settings.listen.as_str();
    let cannot_listen = |reason| RunError::Listen { address: address.to_owned(), reason };
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    let local_address = listener.local_addr().map_err(cannot_listen)?;
    tracing::info!("listening on http://{local_address}, events go to {}", settings.database_url);
    settings.environment.iter().for_each(|line| tracing::info!("{line}"));
    settings.max_connections =
        connections::affordable(settings.max_connections, settings.writers, settings.workers);
    serve(listener, store, settings, shutdown).await
}

/// Serves until `shutdown` ends. Then it waits for the requests in progress, at most for the drain
/// timeout.
///
/// # Errors
/// A writer has stopped, or the listener is broken.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let drain_timeout = settings.drain_timeout();
    let limits = settings.limits();
    let address = settings.listen.as_str().to_owned();
    let listening = listener.local_addr().map_err(|reason| RunError::Listen { address, reason })?;
    let (app, mut writers) = start(store.clone(), settings);
    let (stopping, stopped) = watch::channel(());
    let room = app.room.clone();
    let draining = Arc::clone(&app);
    let server = connections::serve(listener, api::router(app, listening), room, limits, async move {
        shutdown.await;
        draining.is_draining.store(true, Ordering::Relaxed);
        drop(draining);
        tracing::info!("stopping: no new requests");
        stopping.send_replace(());
    });
    let work = async {
        tokio::select! {
            // First, since the writers end when the server has dropped the last handler.
            biased;
            () = server => {}
            _ = writers.join_next() => return Err(RunError::WriterStopped),
        }
        // The queue has no sender any more: the writers store what is left in it, and end.
        while writers.join_next().await.is_some() {}
        store.close().await;
        Ok(())
    };
    tokio::select! {
        result = work => result,
        () = overdue(stopped, drain_timeout) => {
            tracing::warn!(
                "stopped after {drain_timeout:?} with requests in progress; no acknowledged event is lost"
            );
            Ok(())
        }
    }
}

/// Ends when the drain timeout is over, counted from the signal to stop.
async fn overdue(mut stopped: watch::Receiver<()>, drain_timeout: Duration) {
    match stopped.changed().await {
        Ok(()) => sleep(drain_timeout).await,
        // Without a signal the server ended by itself, and the remaining work has no limit.
        Err(_) => pending().await,
    }
}

/// Starts the writers and the workers, and makes the handlers' state.
fn start(store: Store, settings: Settings) -> (Arc<App>, JoinSet<()>) {
    let (ingest, queue) = ingest::queue(settings.queue_requests as usize, settings.queue_bytes());
    let (serving, served) = watch::channel(());
    let inbox = Arc::<Inbox>::default();
    let metrics = Arc::new(Metrics::new());
    let last_write = Arc::<LastWrite>::default();
    let mut tasks = JoinSet::new();
    spawn_writers(&store, &settings, &queue, &inbox, &metrics, &last_write, &mut tasks);
    spawn_workers(&store, &settings, &inbox, &metrics, &served, &mut tasks);
    if settings.ack == Ack::Queued {
        tasks.spawn(worker::watch(store.clone(), Arc::clone(&inbox), served));
    }
    let room = Room::new(settings.max_connections);
    let started = Instant::now();
    let instance_id = format!("{:016x}", rand::random::<u64>());
    let parsing = Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from)));
    let app = App {
        store,
        ingest,
        metrics,
        room,
        inbox,
        intake: Intake::new(settings.intake_bytes()),
        outgoing: Outgoing::new(settings.responses_bytes()),
        parsing,
        last_write,
        is_draining: AtomicBool::new(false),
        _serving: serving,
        settings,
        started,
        instance_id,
    };
    (Arc::new(app), tasks)
}

fn spawn_writers(
    store: &Store,
    settings: &Settings,
    queue: &Queue,
    inbox: &Arc<Inbox>,
    metrics: &Arc<Metrics>,
    last_write: &Arc<LastWrite>,
    tasks: &mut JoinSet<()>,
) {
    for writer in store.writers(settings.writers) {
        let inbox = (settings.ack == Ack::Queued).then(|| Arc::clone(inbox));
        let metrics = Arc::clone(metrics);
        let last_write = Arc::clone(last_write);
        let timeout = settings.store_timeout();
        tasks.spawn(writer::run(writer, queue.clone(), timeout, inbox, metrics, last_write));
    }
}

/// Starts the workers in both modes: events that another process left in the inbox are stored too.
fn spawn_workers(
    store: &Store,
    settings: &Settings,
    inbox: &Arc<Inbox>,
    metrics: &Arc<Metrics>,
    serving: &watch::Receiver<()>,
    tasks: &mut JoinSet<()>,
) {
    let job = worker::Job {
        inbox: Arc::clone(inbox),
        metrics: Arc::clone(metrics),
        batch_size: settings.worker_batch_size,
        poll_interval: match settings.ack {
            Ack::Queued => settings.poll_interval(),
            Ack::Committed => REMAINDER_INTERVAL,
        },
    };
    let wanted = match settings.ack {
        Ack::Queued => settings.workers,
        Ack::Committed => 1,
    };
    for worker in store.workers(wanted, settings.lease()) {
        tasks.spawn(worker::run(worker, job.clone(), serving.clone()));
    }
}
