//! A database for each test.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

const ADMIN_URL: &str = "ONCEPROOF_TEST_POSTGRES";

pub(crate) enum Database {
    Sqlite { folder: TempDir },
    Postgres { admin_url: String, name: String },
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) async fn postgres() -> Self {
        let Ok(admin_url) = std::env::var(ADMIN_URL) else {
            panic!("{ADMIN_URL} is not set: run `cargo xtask test`, which starts a private PostgreSQL");
        };
        let name = format!("aggregator_{:016x}", rand::random::<u64>());
        execute(&admin_url, &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        Self::Postgres { admin_url, name }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// Returns the value of `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite { folder } => format!("sqlite:{}", Self::file(folder).display()),
            Self::Postgres { admin_url, name } => {
                let (server, parameters) = admin_url.split_once('?').unwrap_or((admin_url, ""));
                let (server, _maintenance) = server.rsplit_once('/').unwrap();
                format!("{server}/{name}?{parameters}")
            }
        }
    }

    fn file(folder: &TempDir) -> PathBuf {
        folder.path().join("events.db")
    }

    /// Runs statements as a person with a database client would.
    pub(crate) async fn execute(&self, sql: &str) {
        match self {
            Self::Sqlite { .. } => {
                let mut connection = SqliteConnection::connect(&self.url()).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres { .. } => execute(&self.url(), sql).await,
        }
    }

    /// Runs statements on the server of the database.
    pub(crate) async fn execute_beside(&self, sql: &str) {
        let Self::Postgres { admin_url, .. } = self else { panic!("SQLite has no server") };
        execute(admin_url, sql).await;
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Sqlite { .. } => "main",
            Self::Postgres { name, .. } => name,
        }
    }

    /// Reads one number as a person with a database client would.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite { .. } => {
                let mut connection = SqliteConnection::connect(&self.url()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
            }
            Self::Postgres { .. } => {
                let mut connection = PgConnection::connect(&self.url()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    /// Blocks every writer until it is released.
    pub(crate) async fn block_writers(&self) -> Blockade {
        match self {
            Self::Sqlite { .. } => {
                let mut connection = SqliteConnection::connect(&self.url()).await.unwrap();
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                Blockade::Sqlite(connection)
            }
            Self::Postgres { .. } => {
                let mut connection = PgConnection::connect(&self.url()).await.unwrap();
                let lock = "BEGIN; LOCK TABLE processed_events IN EXCLUSIVE MODE";
                sqlx::raw_sql(lock).execute(&mut connection).await.unwrap();
                Blockade::Postgres(connection)
            }
        }
    }

    /// Blocks every transaction that stores an event of the topic `held`, when its rows are
    /// inserted.
    pub(crate) async fn hold_transactions(&self) -> Gate {
        match self {
            Self::Sqlite { .. } => {
                // No other connection can block a SQLite transaction that has begun. So the
                // transaction keeps itself busy: counting takes it seconds.
                self.execute(
                    "CREATE TRIGGER hold AFTER INSERT ON processed_events WHEN NEW.topic = 'held' BEGIN
                         SELECT count(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                                               SELECT i FROM n LIMIT 1500000);
                     END",
                )
                .await;
                let options: SqliteConnectOptions = self.url().parse().unwrap();
                Gate::Sqlite(options.busy_timeout(Duration::ZERO).connect().await.unwrap())
            }
            Self::Postgres { .. } => {
                // A deferred trigger runs within the COMMIT.
                self.execute(
                    "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
                         $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
                     CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON processed_events
                     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.topic = 'held') EXECUTE FUNCTION hold()",
                )
                .await;
                let mut connection = PgConnection::connect(&self.url()).await.unwrap();
                sqlx::raw_sql("SELECT pg_advisory_lock(1)").execute(&mut connection).await.unwrap();
                Gate::Postgres(connection)
            }
        }
    }

    /// Blocks every statement that stores an event of the topic `held`, on PostgreSQL, while it
    /// runs.
    pub(crate) async fn hold_statements(&self) -> Gate {
        self.execute(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
             CREATE TRIGGER hold BEFORE INSERT ON processed_events
             FOR EACH ROW WHEN (NEW.topic = 'held') EXECUTE FUNCTION hold()",
        )
        .await;
        let mut connection = PgConnection::connect(&self.url()).await.unwrap();
        sqlx::raw_sql("SELECT pg_advisory_lock(1)").execute(&mut connection).await.unwrap();
        Gate::Postgres(connection)
    }

    /// Drops the database. After a failed test it stays on the private server, which is thrown
    /// away.
    pub(crate) async fn remove(self) {
        if let Self::Postgres { admin_url, name } = &self {
            execute(admin_url, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

/// A transaction that blocks every writer.
pub(crate) enum Blockade {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Blockade {
    pub(crate) async fn release(self) {
        match self {
            Self::Sqlite(mut connection) => {
                sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
            }
            Self::Postgres(mut connection) => {
                sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
            }
        }
    }
}

/// Lock at which held transactions wait.
pub(crate) enum Gate {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Gate {
    /// Returns the session that waits here, once a session other than `known` does.
    pub(crate) async fn reached_by_another_than(&mut self, known: i32) -> i32 {
        let Self::Postgres(connection) = self else { panic!("SQLite has no sessions") };
        let waiting = "SELECT max(pid) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event = 'advisory' AND pid <> $1";
        loop {
            let pid: Option<i32> =
                sqlx::query_scalar(waiting).bind(known).fetch_one(&mut *connection).await.unwrap();
            if let Some(pid) = pid {
                return pid;
            }
        }
    }

    /// Waits until a transaction waits here.
    pub(crate) async fn reached(&mut self) {
        while !self.is_reached().await {}
    }

    async fn is_reached(&mut self) -> bool {
        match self {
            Self::Sqlite(connection) => {
                let is_free = sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(connection).await.is_ok();
                !is_free
            }
            Self::Postgres(connection) => {
                let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity
                                              WHERE datname = current_database() AND wait_event = 'advisory')";
                sqlx::query_scalar(waiting).fetch_one(connection).await.unwrap()
            }
        }
    }

    /// Lets all pass from now on. On SQLite they pass by themselves.
    pub(crate) async fn open(self) {
        if let Self::Postgres(connection) = self {
            // The lock ends with its session.
            connection.close().await.unwrap();
        }
    }
}

async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
