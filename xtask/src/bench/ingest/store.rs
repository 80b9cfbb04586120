//! Empty stores, one for each turn, so that the rows of a turn do not slow the next.

use std::time::Duration;

use anyhow::Result;

use crate::rig::aggregator::sqlite_url;
use crate::rig::cluster::{Cluster, Durability};
use crate::rig::programs::Programs;
use crate::rig::scratch::Scratch;
use crate::rig::usage::family_cpu;

/// Name of the database of a turn; turns do not overlap.
const NAME: &str = "bench";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

/// Database in which stores are made. PostgreSQL runs with its own settings, so acknowledged means
/// durable on both.
pub(super) enum Database {
    Sqlite,
    Postgres(Box<Cluster>),
}

pub(super) struct Store<'a> {
    url: String,
    place: StorePlace<'a>,
}

enum StorePlace<'a> {
    Folder { _folder: Scratch },
    Cluster(&'a Cluster),
}

impl Database {
    pub(super) fn start(kind: Kind, programs: &Programs) -> Result<Self> {
        Ok(match kind {
            Kind::Sqlite => Self::Sqlite,
            Kind::Postgres => {
                Self::Postgres(Box::new(Cluster::start(Durability::Durable, programs.interrupt())?))
            }
        })
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Sqlite => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Sqlite => "SQLite".to_owned(),
            Self::Postgres(_) => "PostgreSQL".to_owned(),
        }
    }

    /// Returns the processor time that the server has taken; none for a database in the client's
    /// process.
    pub(super) fn cpu(&self) -> Result<Option<Duration>> {
        match self {
            Self::Sqlite => Ok(None),
            Self::Postgres(cluster) => family_cpu(cluster.server_id()).map(Some),
        }
    }

    pub(super) fn fresh(&self) -> Result<Store<'_>> {
        // The disk would otherwise write what the turn before left, beside this turn's commits.
        rustix::fs::sync();
        Ok(match self {
            Self::Sqlite => {
                let folder = Scratch::new()?;
                Store { url: sqlite_url(folder.path()), place: StorePlace::Folder { _folder: folder } }
            }
            Self::Postgres(cluster) => {
                Store { url: cluster.create_database(NAME)?, place: StorePlace::Cluster(cluster) }
            }
        })
    }
}

impl Store<'_> {
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Removes the store. PostgreSQL writes a checkpoint when it drops a database, so each turn
    /// begins after one.
    pub(super) fn remove(self) -> Result<()> {
        match self.place {
            StorePlace::Folder { .. } => Ok(()),
            StorePlace::Cluster(cluster) => cluster.drop_database(NAME),
        }
    }
}
