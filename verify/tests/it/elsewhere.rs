//! Single keys, counters in several responses, and requests to another host than the target's.

use std::time::Duration;

use axum::response::IntoResponse;
use judge::verdict::{CheckId, Verdict};
use reader::client::TargetClient;
use reader::looking::Looking;
use reader::tunnel::ProxyLogin;
use serde_json::{Value, json};
use truth::observed::Observed;
use truth::observed::counters::Counters;
use truth::target::{Stats, Target};

use crate::api::{Api, Came, document, ok, status};
use crate::forge::{Forged, assert_fails, assert_names, check};
use crate::looked::{brief, judged, look_at};

const LOOKING: Looking =
    Looking { settle: Duration::from_millis(500), max_wait: Duration::from_secs(20), watch: Duration::ZERO };

const LISTING: &str = r#"
    path = "/e?limit={{limit}}&offset={{offset}}"
    next = "offset"
    fields = { topic = "topic", event_id = "id", timestamp = "at", payload = "data" }
    one = { path = "/e/{{topic}}/{{event_id}}" }
"#;

/// A run whose first key is not listed, which no bracket holds, and of whose listing nothing is
/// promised.
fn first_lost() -> Forged {
    let mut forged = brief().run();
    forged.is_complete = false;
    forged.promises.timestamp = truth::scenario::promises::TimestampEquality::Instant;
    forged.lose(0);
    forged
}

/// A target that lists these rows. `one` answers for single keys, by their ids.
async fn lists(forged: &Forged, one: impl Fn(&str) -> bool + Send + 'static) -> Api {
    let rows: Vec<Value> = forged.rows.iter().map(document).collect();
    Api::start(move |came| match came.path() {
        "/e" => {
            let [offset, limit] = ["offset", "limit"].map(|name| came.number(name).expect("a number"));
            let page: Vec<&Value> = rows.iter().skip(offset).take(limit).collect();
            ok(json!(page))
        }
        path => {
            let id = path.rsplit('/').next().unwrap_or_default();
            if one(id) { ok(json!({})) } else { status(404) }
        }
    })
    .await
}

fn target(api: &Api) -> Target {
    let listing = toml::from_str(LISTING).expect("a listing");
    Target { url: api.url.clone(), stats: Stats::default(), listing, ..Target::default() }
}

async fn look(forged: &Forged, target: &Target) -> Observed {
    look_at(target, forged, None, LOOKING).await.expect("something was read")
}

fn is_listed(forged: &Forged) -> impl Fn(&str) -> bool + Send + 'static {
    let ids: Vec<String> = forged.rows.iter().map(|row| row.event_id.clone()).collect();
    move |id| ids.iter().any(|own| own == id)
}

#[tokio::test]
async fn a_key_that_is_denied_by_itself_is_lost_though_nothing_is_promised_of_the_listing() {
    let forged = first_lost();
    let api = lists(&forged, is_listed(&forged)).await;
    let observed = look(&forged, &target(&api)).await;
    let single = observed.looks.single.clone().expect("it was asked");
    assert_eq!((single.absent.as_slice(), single.known.len(), single.are_sound()), (&[0][..], 8, true));
    let verdict = judged(&forged, observed);
    assert_fails(&verdict, &[CheckId::Lost]);
    assert_names(&verdict, CheckId::Lost, 0);
    let text = format!("{:?}", check(&verdict, CheckId::Lost));
    assert!(text.contains("listing.one"), "{text}");
    // Without the second way nobody knows.
    let mut unasked = target(&api);
    unasked.listing.one = None;
    let verdict = judged(&forged, look(&forged, &unasked).await);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn a_key_that_is_found_by_itself_is_stored() {
    let forged = first_lost();
    let api = lists(&forged, |_| true).await;
    let observed = look(&forged, &target(&api)).await;
    let single = observed.looks.single.clone().expect("it was asked");
    assert_eq!((single.found.as_slice(), single.absent.len()), (&[0][..], 0));
    assert_eq!(observed.presence.seen(0), 1);
    let verdict = judged(&forged, observed);
    assert_ne!(verdict.verdict, Verdict::Fail, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn a_target_that_denies_keys_that_it_lists_says_nothing() {
    let forged = first_lost();
    let api = lists(&forged, |_| false).await;
    let observed = look(&forged, &target(&api)).await;
    let single = observed.looks.single.clone().expect("it was asked");
    assert!(!single.are_sound() && single.denied.len() == 8, "{single:?}");
    assert_eq!(judged(&forged, observed).verdict, Verdict::Unknown);
}

#[tokio::test]
async fn a_run_without_a_finding_asks_for_no_single_key() {
    let mut forged = first_lost();
    forged = Forged { is_complete: true, ..forged };
    let sound = brief().run();
    let api = lists(&sound, |_| true).await;
    let observed = look(&sound, &target(&api)).await;
    assert_eq!((observed.looks.single, observed.presence.shown()), (None, 210));
    assert!(api.came().iter().all(|came| came.path() == "/e"));
    drop(forged);
}

#[tokio::test]
async fn counters_of_several_responses_are_put_together() {
    let api = Api::start(|came| match came.path() {
        "/metrics" => "# TYPE events_total counter\nevents_total{result=\"new\",topic=\"a\"} 7\n\
                       events_total{result=\"new\",topic=\"b\"} 5\nevents_total{result=\"known\"} 3\n"
            .into_response(),
        "/count" if came.method == "POST" => ok(json!([{"n": "15"}])),
        _ => status(404),
    })
    .await;
    let stats: Stats = toml::from_str::<std::collections::BTreeMap<String, Stats>>(
        r#"
        [[stats]]
        path = "/metrics"
        format = "prometheus"
        unique = 'events_total{result="new"}'
        duplicates = 'events_total{result="known"}'
        [[stats]]
        method = "POST"
        path = "/count"
        body = '{"sql":"SELECT count(*) AS n"}'
        received = "/0/n"
        "#,
    )
    .expect("counters")
    .remove("stats")
    .expect("the table");
    let target = Target { url: api.url.clone(), stats, ..Target::default() };
    let client = TargetClient::new(&target, &[], &ProxyLogin::default()).expect("a client");
    let counters = client.stats().await.expect("counters");
    let expected =
        Counters { received: Some(15), unique: Some(12), duplicates: Some(3), ..Counters::default() };
    assert_eq!(counters, expected);
    let count = api.came().into_iter().find(|came| came.path() == "/count").expect("it was asked");
    assert_eq!(count.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_listing_on_another_host_gets_its_own_headers_and_not_those_of_the_command_line() {
    let forged = brief().run();
    let rows: Vec<Value> = forged.rows.iter().map(document).collect();
    let ingest = Api::start(|_| status(500)).await;
    let query =
        Api::start(move |came| if came.path() == "/api/q" { ok(json!(rows)) } else { status(404) }).await;
    let listing = format!(
        "url = \"{}/api\"\npath = \"/q?l={{{{limit}}}}\"\nnext = \"none\"\nheaders = {{ x-own = \"q {{{{source}}}}\" }}\n\
         fields = {{ topic = \"topic\", event_id = \"id\" }}",
        query.url
    );
    let target = Target {
        url: ingest.url.clone(),
        stats: Stats::default(),
        listing: toml::from_str(&listing).expect("a listing"),
        ..Target::default()
    };
    let secret = ["authorization: Bearer hunter22".to_owned()];
    let client = TargetClient::new(&target, &secret, &ProxyLogin::default()).expect("a client");
    let mut tally = truth::observed::rows::RowTally::new(
        &forged.events,
        forged.plan.nonce,
        210,
        truth::observed::rows::Equality::NONE,
    );
    client.list_into(&forged.plan.topics, &mut tally).await.expect("a listing");
    assert_eq!((tally.presence.shown(), ingest.came().len()), (210, 0));
    let Came { headers, .. } = query.came().remove(0);
    assert_eq!(headers["x-own"], "q loadgen");
    assert_eq!(headers.get("authorization"), None, "it may be a secret of the target's");
}
