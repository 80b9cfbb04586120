//! The database: one interface, two backends.
//!
//! Readers are a small pool; every read is one autocommit statement, so that a handler that its client cancels leaves
//! no transaction open on a connection that others borrow next. Writers have connections that no handler ever sees, on
//! PostgreSQL one each, on SQLite one together; what they may commit is decided in `writer`.

mod counts;
mod fate;
mod group;
mod page;
mod postgres;
mod sqlite;
mod url;

use std::time::{Duration, Instant};

use tokio::time::sleep;

pub(crate) use self::counts::Counts;
pub use self::fate::OpenError;
pub(crate) use self::fate::{Drained, WriteError};
pub(crate) use self::group::{Group, Kind};
pub(crate) use self::page::{Page, PageRequest, PageRow};
pub use self::url::{DatabaseUrl, DatabaseUrlError};
use crate::event::Batch;

/// Between two attempts at the start; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The database, opened, migrated and writable.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
}

#[derive(Debug, Clone)]
enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// A way to store events; each belongs to one writer task.
#[derive(Debug)]
pub(crate) enum Writer {
    Sqlite(sqlite::Writer),
    Postgres(postgres::Writer),
}

/// A way to empty the inbox; each belongs to one worker task.
#[derive(Debug)]
pub(crate) enum Worker {
    Sqlite(sqlite::Worker),
    Postgres(postgres::Worker),
}

impl Store {
    /// The same as [`Self::open`], and tries again for so long where the database may only not be there yet.
    ///
    /// # Errors
    /// Names the database and the way out.
    pub async fn open_within(
        patience: Duration,
        url: &DatabaseUrl,
        statement_timeout: Duration,
    ) -> Result<Self, OpenError> {
        let deadline = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            match Self::open(url, statement_timeout).await {
                Err(error) if error.may_pass() && Instant::now() + pause < deadline => {
                    let left = (deadline - Instant::now()).as_secs() + 1;
                    tracing::warn!("{error}; it is tried again, for up to {left} s");
                    sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
                ended => return ended,
            }
        }
    }

    /// Connects, migrates, and proves that the database can be written.
    ///
    /// # Errors
    /// Names the database and the way out.
    pub async fn open(url: &DatabaseUrl, statement_timeout: Duration) -> Result<Self, OpenError> {
        let backend = match url {
            DatabaseUrl::Sqlite(options) => {
                Backend::Sqlite(sqlite::Sqlite::open(options, url, statement_timeout).await?)
            }
            DatabaseUrl::Postgres(options) => {
                Backend::Postgres(postgres::Postgres::open(options, url, statement_timeout).await?)
            }
        };
        Ok(Self { backend })
    }

    /// The connections that store events: `wanted` on PostgreSQL, one on SQLite, which has one writer anyway. They
    /// connect when they are first used.
    pub(crate) fn writers(&self, wanted: u32) -> Vec<Writer> {
        match &self.backend {
            Backend::Sqlite(store) => vec![Writer::Sqlite(store.writer())],
            Backend::Postgres(store) => (0..wanted).map(|_| Writer::Postgres(store.writer())).collect(),
        }
    }

    /// The connections that empty the inbox: `wanted` on PostgreSQL, one on SQLite. None keeps a transaction open for longer
    /// than `lease`.
    pub(crate) fn workers(&self, wanted: u32, lease: Duration) -> Vec<Worker> {
        match &self.backend {
            Backend::Sqlite(store) => vec![Worker::Sqlite(store.worker())],
            Backend::Postgres(store) => (0..wanted).map(|_| Worker::Postgres(store.worker(lease))).collect(),
        }
    }

    /// The counters and the topics, of one snapshot.
    pub(crate) async fn counts(&self) -> Result<Counts, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.counts().await,
            Backend::Postgres(store) => store.counts().await,
        }
    }

    /// How many events wait in the inbox.
    pub(crate) async fn pending(&self) -> Result<i64, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.pending().await,
            Backend::Postgres(store) => store.pending().await,
        }
    }

    /// One page of stored events, newest first.
    pub(crate) async fn page(&self, request: &PageRequest) -> Result<Page, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.page(request).await,
            Backend::Postgres(store) => store.page(request).await,
        }
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.ping().await,
            Backend::Postgres(store) => store.ping().await,
        }
    }

    /// Closes the readers' connections.
    pub(crate) async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(store) => store.close().await,
            Backend::Postgres(store) => store.close().await,
        }
    }
}

impl Writer {
    /// Stores what is new of the group and counts all of it, in one transaction. Answers the positions of the events
    /// that were new; they are durable, and so are the first copies of all others.
    pub(crate) async fn write(&mut self, group: &Group<'_>) -> Result<Vec<usize>, WriteError> {
        match self {
            Self::Sqlite(writer) => writer.write(group).await,
            Self::Postgres(writer) => writer.write(group).await,
        }
    }

    /// Puts all events of these batches into the inbox and counts them, in one transaction; they are durable then.
    pub(crate) async fn accept(&mut self, batches: &[&Batch]) -> Result<(), WriteError> {
        match self {
            Self::Sqlite(writer) => writer.accept(batches).await,
            Self::Postgres(writer) => writer.accept(batches).await,
        }
    }

    /// Work that no request waits for.
    pub(crate) async fn tidy(&mut self) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(writer) => writer.tidy().await,
        }
    }

    /// How many events make a full group: beyond, requests wait for the next one.
    pub(crate) fn full_group(&self) -> usize {
        match self {
            Self::Sqlite(_) => sqlite::FULL_GROUP,
            Self::Postgres(_) => postgres::FULL_GROUP,
        }
    }

    /// Closes the connection, if there is one; who shares it opens it again.
    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(writer) => writer.close().await,
            Self::Postgres(writer) => writer.close().await,
        }
    }
}

impl Worker {
    /// Takes so many events out of the inbox, stores what is new of them and counts all, in one transaction. Tells how
    /// many it took and stored.
    pub(crate) async fn drain(&mut self, most: u32) -> Result<Drained, WriteError> {
        match self {
            Self::Sqlite(worker) => worker.drain(most).await,
            Self::Postgres(worker) => worker.drain(most).await,
        }
    }

    /// Closes the connection, if there is one; who shares it opens it again.
    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(worker) => worker.close().await,
            Self::Postgres(worker) => worker.close().await,
        }
    }
}
