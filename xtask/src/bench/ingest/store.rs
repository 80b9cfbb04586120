//! Empty stores, one for each turn: what a turn leaves behind must not weigh on the next.

use std::time::Duration;

use anyhow::Result;

use crate::rig::aggregator::sqlite_url;
use crate::rig::cluster::{Cluster, Durability};
use crate::rig::programs::Programs;
use crate::rig::scratch::Scratch;
use crate::rig::usage::family_cpu;

/// The name of the database of a turn; turns do not overlap.
const NAME: &str = "bench";

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

/// Where stores are made. PostgreSQL runs with its own settings: acknowledged means durable on both.
pub(super) enum Database {
    Sqlite,
    Postgres(Box<Cluster>),
}

/// An empty store.
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

    /// Processor time that its server has taken so far; none of a database that is a part of who uses it.
    pub(super) fn cpu(&self) -> Result<Duration> {
        match self {
            Self::Sqlite => Ok(Duration::ZERO),
            Self::Postgres(cluster) => family_cpu(cluster.server_id()),
        }
    }

    pub(super) fn fresh(&self) -> Result<Store<'_>> {
        // Else the disk would still write what the turn before left, beside this one's commits.
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

    /// Removes it. PostgreSQL writes a checkpoint as it drops a database, so each turn begins after one.
    pub(super) fn remove(self) -> Result<()> {
        match self.place {
            StorePlace::Folder { .. } => Ok(()),
            StorePlace::Cluster(cluster) => cluster.drop_database(NAME),
        }
    }
}
