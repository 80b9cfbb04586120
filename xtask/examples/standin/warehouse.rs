//! SQLite file of an API whose scenario reads a database.

use anyhow::{Context, Result};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::setup::Setup;

/// SQLite file with one table.
#[derive(Debug)]
pub(crate) struct Warehouse {
    pool: SqlitePool,
    insert: &'static str,
}

impl Warehouse {
    /// Makes the table in the file of the setup. `insert` is the statement that stores a row.
    pub(crate) fn open(setup: &Setup, table: &'static str, insert: &'static str) -> Result<Self> {
        let file = setup.file.as_ref().context("this API needs --file, the SQLite file of its database")?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off);
        let pool = wait(SqlitePool::connect_with(options)).context("cannot open the file")?;
        wait(sqlx::query(table).execute(&pool)).context("cannot make the table")?;
        Ok(Self { pool, insert })
    }

    /// Stores a row. Returns true if it is new.
    pub(crate) fn store(&self, values: &[&str]) -> bool {
        let query =
            values.iter().fold(sqlx::query(self.insert), |query, value| query.bind((*value).to_owned()));
        let stored = wait(query.execute(&self.pool));
        stored.expect("an API whose disk fails has to end").rows_affected() > 0
    }
}

/// Waits for the database, on a thread that may.
fn wait<T>(future: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(future))
}
