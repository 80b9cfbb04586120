//! The file of SQLite: several starts at once, and a file that somebody deletes or replaces.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aggregator::{DatabaseUrl, Store};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use crate::database::Database;
use crate::in_time;
use crate::target::{Client, Target, event};

#[tokio::test]
async fn several_starts_at_once_on_a_new_file_all_succeed() {
    in_time(async {
        for _ in 0..10 {
            let database = Database::sqlite();
            let url: DatabaseUrl = database.url().parse().unwrap();
            let starts = (0..8).map(|_| Store::open(&url, Duration::from_secs(30)));
            for started in join_all(starts).await {
                started.unwrap();
            }
        }
    })
    .await;
}

fn path(database: &Database) -> PathBuf {
    Path::new(database.url().strip_prefix("sqlite:").unwrap()).to_owned()
}

async fn assert_unavailable(client: &Client) {
    let response = client.post("/publish", event("t", "2").to_string()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    for path in ["/stats", "/events", "/health", "/ready"] {
        assert_eq!(client.get(path).await.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_file_is_deleted_or_replaced() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    in_time(async {
        let client = &target.client;
        client.publish(&[event("t", "1")]).await;
        let file = path(&database);
        let moved = file.with_extension("moved");
        fs::rename(&file, &moved).unwrap();
        assert_unavailable(client).await;
        assert!(!file.exists(), "no empty database takes its place");

        fs::copy(&moved, &file).unwrap();
        assert_unavailable(client).await;

        // Once it is back, all is as before.
        fs::rename(&moved, &file).unwrap();
        let receipt = client.publish(&[event("t", "1"), event("t", "2")]).await;
        assert_eq!(receipt["results"], json!(["duplicate", "inserted"]));
        assert_eq!(client.get("/ready").await.status(), StatusCode::OK);
    })
    .await;
    target.stop().await;
}
