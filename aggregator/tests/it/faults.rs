//! A database that rejects, aborts, or dies at the commit: the requests affected, and their
//! responses.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::database::Database;
use crate::target::{Client, Counters, Target, event};

on_both_databases! {
    an_event_that_the_database_refuses_spoils_no_other_request,
}

async fn publish(client: Client, id: String) -> (String, StatusCode, Value) {
    let response = client.post("/publish", event("t", &id).to_string()).await;
    let status = response.status();
    (id, status, response.json().await.unwrap())
}

async fn an_event_that_the_database_refuses_spoils_no_other_request(database: &Database) {
    // One writer, so that requests meet in one transaction.
    let target = Target::start_with(database, |settings| settings.writers = 1).await;
    let trigger = if database.is_sqlite() {
        "CREATE TRIGGER refuse BEFORE INSERT ON processed_events WHEN NEW.event_id LIKE 'poison%'
         BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
    } else {
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN IF NEW.event_id LIKE 'poison%' THEN RAISE 'poisoned'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON processed_events FOR EACH ROW EXECUTE FUNCTION refuse()"
    };
    database.execute(trigger).await;
    let mut requests = JoinSet::new();
    for number in 0..40 {
        let id = if number % 10 == 5 { format!("poison {number}") } else { number.to_string() };
        requests.spawn(publish(target.client.another(), id));
    }
    for (id, status, answer) in requests.join_all().await {
        if id.starts_with("poison") {
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(answer, json!({ "detail": "the database refused the events" }));
        } else {
            assert_eq!((status, &answer["inserted"]), (StatusCode::OK, &json!(1)), "{id}");
        }
    }
    assert_eq!(target.client.counters().await, Counters { received: 36, unique: 36, duplicates: 0 });
    assert_eq!(target.client.ids().await.len(), 36);
    target.stop().await;
}

/// Makes the first `attempts` inserts fail with `sqlstate`. A sequence is not rolled back, so it
/// counts attempts.
async fn fail_first(database: &Database, attempts: usize, sqlstate: &str) {
    database
        .execute(&format!(
            "CREATE SEQUENCE attempts;
             CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN IF nextval('attempts') <= {attempts} THEN RAISE 'again' USING ERRCODE = '{sqlstate}'; END IF;
                    RETURN NEW; END $$;
             CREATE TRIGGER fail BEFORE INSERT ON processed_events FOR EACH ROW EXECUTE FUNCTION fail()"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_aborts_are_tried_again_and_counted_once() {
    for sqlstate in ["40001", "40P01"] {
        let database = Database::postgres().await;
        let target = Target::start(&database).await;
        fail_first(&database, 3, sqlstate).await;
        let receipt = target.client.publish(&[event("t", "1")]).await;
        assert_eq!(receipt["inserted"], 1);
        assert_eq!(target.client.counters().await, Counters { received: 1, unique: 1, duplicates: 0 });
        target.stop().await;
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aborts_without_end_are_a_503() {
    let database = Database::postgres().await;
    let target = Target::start(&database).await;
    fail_first(&database, 1_000, "40001").await;
    let response = target.client.post("/publish", event("t", "1").to_string()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(target.client.counters().await.received, 0);
    target.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_dies_at_its_commit_leaves_the_outcome_unknown() {
    let database = Database::postgres().await;
    let target = Target::start(&database).await;
    // Only the first attempt dies, so that a hidden second one would succeed.
    database
        .execute(
            "CREATE SEQUENCE attempts;
             CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN IF nextval('attempts') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
                    RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER die AFTER INSERT ON processed_events
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.event_id = 'deadly') EXECUTE FUNCTION die()",
        )
        .await;
    let response = target.client.post("/publish", event("t", "deadly").to_string()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.headers().contains_key("retry-after"));
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "detail": "outcome unknown" }));

    target.client.publish(&[event("t", "harmless")]).await;
    assert_eq!(target.client.ids().await, ["harmless"]);
    assert_eq!(target.client.counters().await, Counters { received: 1, unique: 1, duplicates: 0 });
    assert_eq!(
        database.number("SELECT last_value FROM attempts").await,
        1,
        "the server tried again by itself"
    );

    // The client may retry: it knows that a duplicate is harmless.
    assert_eq!(target.client.publish(&[event("t", "deadly")]).await["inserted"], 1);
    target.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgres_is_a_503_until_there_is_room_again() {
    let database = Database::postgres().await;
    let target = Target::start(&database).await;
    target.client.publish(&[event("t", "before")]).await;
    fail_first(&database, 1, "53100").await;
    let response = target.client.post("/publish", event("t", "during").to_string()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));

    target.client.publish(&[event("t", "after")]).await;
    assert_eq!(target.client.ids().await, ["after", "before"]);
    assert_eq!(target.client.counters().await, Counters { received: 2, unique: 2, duplicates: 0 });
    target.stop().await;
    database.remove().await;
}
