//! The service over real sockets on real databases: every test has its own database, and most run once on each backend.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

/// Runs tests, functions of a database, once on SQLite and once on PostgreSQL.
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let database = crate::database::Database::sqlite();
                super::$test(&database).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let database = crate::database::Database::postgres().await;
                super::$test(&database).await;
                database.remove().await;
            }
        })+
    };
}

mod contract;
mod database;
mod faults;
mod hangups;
mod listing;
mod outages;
mod process;
mod races;
mod refusals;
mod restarts;
mod target;
