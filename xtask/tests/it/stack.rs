//! A complete run against a real aggregator: load, damage, verify.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use xtask::rig::aggregator::{self, sqlite_url};
use xtask::rig::cluster::{Cluster, Durability};
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Finished, Profile, Programs, Running};
use xtask::rig::scratch::Scratch;
use xtask::rig::service::Service;

/// A database server for any number of stores.
pub(crate) enum Server {
    Sqlite(Scratch),
    Postgres(Cluster),
}

impl Server {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(Scratch::new().unwrap())
    }

    pub(crate) fn postgres(durability: Durability) -> Self {
        Self::Postgres(Cluster::start(durability, &Interrupt::never()).unwrap())
    }

    /// Makes an empty database.
    pub(crate) fn database(&self, name: &str) -> String {
        match self {
            Self::Sqlite(scratch) => {
                let folder = scratch.path().join(name);
                std::fs::create_dir(&folder).unwrap();
                sqlite_url(&folder)
            }
            Self::Postgres(cluster) => cluster.create_database(name).unwrap(),
        }
    }

    /// Returns one of two statements, by the kind of database.
    pub(crate) fn sql<'a>(&self, sqlite: &'a str, postgres: &'a str) -> &'a str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }
}

/// An aggregator on a store, and a folder for the results of runs against it.
pub(crate) struct Stack {
    pub(crate) programs: Programs,
    pub(crate) aggregator: Service,
    database_url: String,
    results: Scratch,
}

impl Stack {
    pub(crate) fn start(database_url: String) -> Self {
        Self::start_with(database_url, &[])
    }

    /// Starts an aggregator with more settings.
    pub(crate) fn start_with(database_url: String, more: &[(&'static str, &str)]) -> Self {
        let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
        let aggregator = aggregator::start_with(&programs, &database_url, more).unwrap();
        Self { programs, aggregator, database_url, results: Scratch::new().unwrap() }
    }

    pub(crate) fn database_url(&self) -> &str {
        &self.database_url
    }

    pub(crate) fn results(&self) -> &Path {
        self.results.path()
    }

    /// Starts `loadgen` with these arguments.
    pub(crate) fn loading(&self, args: &str) -> Running {
        self.programs.start("loadgen", self.with_target(args)).unwrap()
    }

    /// Runs `loadgen` to its end, which must be exit code 0.
    pub(crate) fn load(&self, args: &str) -> Finished {
        let finished = self.loading(args).finish().unwrap();
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        finished
    }

    /// Runs `verify` with these arguments.
    pub(crate) fn verify(&self, args: &str) -> Finished {
        let out = self.results().to_str().unwrap();
        let args = args.split_whitespace().chain(["--out", out]);
        self.programs.run("verify", args).unwrap()
    }

    fn with_target(&self, args: &str) -> Vec<String> {
        let fixed = ["--target", &self.aggregator.url(), "--out", self.results().to_str().unwrap()]
            .map(str::to_owned);
        args.split_whitespace().map(str::to_owned).chain(fixed).collect()
    }

    /// Changes the store without the aggregator.
    pub(crate) fn sql(&self, statement: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let statement = || sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        let changed = runtime.block_on(async {
            if self.database_url.starts_with("postgres") {
                let mut connection = PgConnection::connect(&self.database_url).await.unwrap();
                statement().execute(&mut connection).await.unwrap().rows_affected()
            } else {
                let mut connection = SqliteConnection::connect(&self.database_url).await.unwrap();
                statement().execute(&mut connection).await.unwrap().rows_affected()
            }
        });
        assert_eq!(changed, 1, "the damage has to be done");
    }

    /// Returns the only column of the only row of a query.
    pub(crate) fn ask(&self, query: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let query = AssertSqlSafe(query.to_owned());
        runtime.block_on(async {
            if self.database_url.starts_with("postgres") {
                let mut connection = PgConnection::connect(&self.database_url).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
            } else {
                let mut connection = SqliteConnection::connect(&self.database_url).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
            }
        })
    }
}
