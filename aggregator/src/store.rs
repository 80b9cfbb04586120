//! The database: one interface, two backends.
//!
//! Readers share a small pool, and every read is one autocommit statement. So a cancelled handler
//! leaves no transaction open on a connection that others borrow next. Writers have connections
//! that no handler uses: one each on PostgreSQL, one for all on SQLite.

mod counts;
mod fate;
mod group;
mod migrations;
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
pub(crate) use self::page::{Page, PageRequest, PageRow, Place, next_part};
pub use self::url::{DatabaseUrl, DatabaseUrlError};
use crate::event::Batch;

/// Pause between two attempts at the start. It doubles up to the longest.
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

/// A way to store events, for one writer task.
#[derive(Debug)]
pub(crate) enum Writer {
    Sqlite(sqlite::Writer),
    Postgres(postgres::Writer),
}

/// A way to empty the inbox, for one worker task.
#[derive(Debug)]
pub(crate) enum Worker {
    Sqlite(sqlite::Worker),
    Postgres(postgres::Worker),
}

impl Store {
    /// Opens the database as [`Self::open`] does, and retries for `patience` if the database may
    /// not be there yet.
    ///
    /// # Errors
    /// Names the database and what to do.
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
                    tracing::warn!("{error}; retrying for up to {left} s");
                    sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
                ended => return ended,
            }
        }
    }

    /// Connects, migrates, and proves that the database is writable.
    ///
    /// # Errors
    /// Names the database and what to do.
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

    /// Makes the connections that store events: `wanted` on PostgreSQL, one on SQLite, which has
    /// one writer anyway. They connect at their first use.
    pub(crate) fn writers(&self, wanted: u32) -> Vec<Writer> {
        match &self.backend {
            Backend::Sqlite(store) => vec![Writer::Sqlite(store.writer())],
            Backend::Postgres(store) => (0..wanted).map(|_| Writer::Postgres(store.writer())).collect(),
        }
    }

    /// Makes the connections that empty the inbox: `wanted` on PostgreSQL, one on SQLite. None
    /// keeps a transaction open for longer than `lease`.
    pub(crate) fn workers(&self, wanted: u32, lease: Duration) -> Vec<Worker> {
        match &self.backend {
            Backend::Sqlite(store) => vec![Worker::Sqlite(store.worker())],
            Backend::Postgres(store) => (0..wanted).map(|_| Worker::Postgres(store.worker(lease))).collect(),
        }
    }

    /// Reads the counters and the first topics after this one, of one snapshot.
    pub(crate) async fn counts(&self, topics_after: &str) -> Result<Counts, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.counts(topics_after).await,
            Backend::Postgres(store) => store.counts(topics_after).await,
        }
    }

    /// Reads the number of events in the inbox.
    pub(crate) async fn pending(&self) -> Result<i64, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.pending().await,
            Backend::Postgres(store) => store.pending().await,
        }
    }

    /// Reads one page of stored events, newest first.
    pub(crate) async fn page(&self, request: &PageRequest) -> Result<Page, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.page(request).await,
            Backend::Postgres(store) => store.page(request).await,
        }
    }

    /// Reads the rows of these places, of a page of this topic or of all. A row that somebody has
    /// deleted meanwhile is left out.
    pub(crate) async fn rows(
        &self,
        topic: Option<&str>,
        places: &[Place],
    ) -> Result<Vec<PageRow>, sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.rows(topic, places).await,
            Backend::Postgres(store) => store.rows(topic, places).await,
        }
    }

    /// Fails if the database does not answer.
    pub(crate) async fn ping(&self) -> Result<(), sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.ping().await,
            Backend::Postgres(store) => store.ping().await,
        }
    }

    /// Fails if the database takes no writes.
    pub(crate) async fn prove_writable(&self) -> Result<(), sqlx::Error> {
        match &self.backend {
            Backend::Sqlite(store) => store.prove_writable().await,
            Backend::Postgres(store) => store.prove_writable().await,
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
    /// Stores the new events of the group and counts all of it, in one transaction. Returns the
    /// positions of the new events. They are durable, and so are the first copies of all others.
    pub(crate) async fn write(&mut self, group: &Group<'_>) -> Result<Vec<usize>, WriteError> {
        match self {
            Self::Sqlite(writer) => writer.write(group).await,
            Self::Postgres(writer) => writer.write(group).await,
        }
    }

    /// Puts all events of these batches into the inbox and counts them, in one transaction. They
    /// are durable then.
    pub(crate) async fn accept(&mut self, batches: &[&Batch]) -> Result<(), WriteError> {
        match self {
            Self::Sqlite(writer) => writer.accept(batches).await,
            Self::Postgres(writer) => writer.accept(batches).await,
        }
    }

    /// Does work that no request waits for.
    pub(crate) async fn tidy(&mut self) {
        match self {
            Self::Sqlite(writer) => writer.tidy().await,
            Self::Postgres(writer) => writer.tidy().await,
        }
    }

    /// Number of events in a full group. Further requests wait for the next one.
    pub(crate) fn full_group(&self) -> usize {
        match self {
            Self::Sqlite(_) => sqlite::FULL_GROUP,
            Self::Postgres(_) => postgres::FULL_GROUP,
        }
    }

    /// Closes the connection, if there is one. Others that share it open it again.
    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(writer) => writer.close().await,
            Self::Postgres(writer) => writer.close().await,
        }
    }
}

impl Worker {
    /// Takes at most `most` events from the inbox, stores the new ones and counts all, in one
    /// transaction.
    pub(crate) async fn drain(&mut self, most: u32) -> Result<Drained, WriteError> {
        match self {
            Self::Sqlite(worker) => worker.drain(most).await,
            Self::Postgres(worker) => worker.drain(most).await,
        }
    }

    /// Closes the connection, if there is one. Others that share it open it again.
    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(worker) => worker.close().await,
            Self::Postgres(worker) => worker.close().await,
        }
    }
}
