//! The service over real sockets on real databases. Every test has its own database, and most run
//! once on each backend.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

/// Limit on a test, far beyond the longest wait that can succeed.
const TEST_LIMIT: Duration = Duration::from_secs(90);

/// Runs tests, functions of a database, once on SQLite and once on PostgreSQL.
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let database = crate::database::Database::sqlite();
                crate::in_time(super::$test(&database)).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let database = crate::database::Database::postgres().await;
                crate::in_time(super::$test(&database)).await;
                database.remove().await;
            }
        })+
    };
}

mod auth;
mod bodies;
mod browser;
mod clients;
mod clients_slow;
mod cluster;
mod contract;
mod database;
mod early_responses;
mod faults;
mod files;
#[cfg(target_os = "linux")]
mod full_disk;
mod hangups;
mod listing;
mod metrics;
mod openapi;
mod origins;
mod outages;
mod page;
mod process;
mod program;
mod queued;
mod races;
mod readiness;
mod refusals;
mod restarts;
mod target;

/// Fails a test that hangs.
async fn in_time<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_LIMIT, test).await.expect("the test ends in time")
}
