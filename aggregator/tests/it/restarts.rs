//! Acknowledged events outlive the process.

use serde_json::json;

use crate::database::Database;
use crate::target::{Target, event};

on_both_databases! {
    a_restart_keeps_every_row_and_every_counter,
}

async fn a_restart_keeps_every_row_and_every_counter(database: &Database) {
    let target = Target::start(database).await;
    let batch = [event("a", "1"), event("b", "2"), event("a", "1")];
    target.client.publish(&batch).await;
    let rows = target.client.list("", 10).await;
    let counters = target.client.counters().await;
    let instance = target.client.stats().await["instance_id"].clone();
    target.stop().await;

    let target = Target::start(database).await;
    assert_eq!(target.client.list("", 10).await, rows);
    assert_eq!(target.client.counters().await, counters);
    assert_ne!(target.client.stats().await["instance_id"], instance);

    let again = target.client.publish(&[batch[0].clone(), event("a", "3")]).await;
    assert_eq!(again["results"], json!(["duplicate", "inserted"]));
    assert_eq!(target.client.ids().await, ["3", "2", "1"]);
    target.stop().await;
}
