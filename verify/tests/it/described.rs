//! Listings that a scenario describes as requests: each form of paging, and each form of a body.

use std::net::TcpListener;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use judge::verdict::{CheckId, Verdict};
use reader::looking::Looking;
use serde_json::{Value, json};
use truth::observed::Observed;
use truth::observed::rows::Row;
use truth::scenario::promises::TimestampEquality;
use truth::target::{Stats, Target, Template};

use crate::api::{Api, Came, document, ok, status};
use crate::forge::{Forged, assert_fails, check};
use crate::looked::{brief, judged, look_at};

const LOOKING: Looking =
    Looking { settle: Duration::from_millis(500), max_wait: Duration::from_secs(20), watch: Duration::ZERO };

fn small() -> Forged {
    let mut forged = brief().run();
    forged.promises.timestamp = TimestampEquality::Instant;
    forged.rows.sort_by(|one, other| one.event_id.cmp(&other.event_id));
    forged
}

/// A target without counters, whose listing this is.
fn target(api: &Api, listing: &str) -> Target {
    let listing = toml::from_str(listing).unwrap_or_else(|error| panic!("{error}: {listing}"));
    Target { url: api.url.clone(), stats: Stats::default(), listing, ..Target::default() }
}

async fn look(forged: &Forged, target: &Target) -> Observed {
    look_at(target, forged, None, LOOKING).await.expect("something was read")
}

async fn assert_passes(forged: &Forged, target: &Target) -> Observed {
    let observed = look(forged, target).await;
    assert_eq!(observed.listing.unread, None);
    assert_eq!(observed.listing.rows, 210);
    let verdict = judged(forged, observed.clone());
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    observed
}

fn documents(rows: &[Row]) -> Vec<Value> {
    rows.iter().map(document).collect()
}

const FIELDS: &str =
    "fields = { topic = \"topic\", event_id = \"id\", timestamp = \"at\", payload = \"data\" }";

/// A search that goes on after the last row's sort values, in a point in time.
fn search(rows: &[Row]) -> impl Fn(&Came) -> Response + Send + 'static {
    let rows = rows.to_vec();
    move |came| match (came.method.as_str(), came.path()) {
        ("POST", "/events/_pit") => ok(json!({"id": "p\"1"})),
        ("DELETE", "/_pit") => ok(json!({"succeeded": came.json()["id"] == "p\"1"})),
        ("POST", "/_search") => {
            let asked = came.json();
            if asked["pit"]["id"] != "p\"1" {
                return status(404);
            }
            let after = asked["search_after"][0].as_str().expect("a cursor").to_owned();
            let size = asked["size"].as_u64().expect("a size") as usize;
            let page: Vec<Value> = rows
                .iter()
                .filter(|row| row.event_id > after)
                .take(size)
                .map(|row| json!({"_source": document(row), "sort": [row.event_id]}))
                .collect();
            ok(json!({"hits": {"hits": page}}))
        }
        _ => status(404),
    }
}

const SEARCH: &str = r#"
    before = [{ path = "/events/_pit?keep_alive=1m", keep = { pit = "/id" } }]
    method = "POST"
    path = "/_search"
    body = '{"size":{{limit}},"pit":{"id":"{{kept.pit}}"},"sort":[{"id":"asc"}],"search_after":{{cursor}}}'
    first = '[""]'
    rows = "/hits/hits"
    next = { last_row = "/sort" }
    limit = 32
    after = [{ method = "DELETE", path = "/_pit", body = '{"id":"{{kept.pit}}"}' }]
    [fields]
    topic = "/_source/topic"
    event_id = "/_source/id"
    timestamp = "/_source/at"
    payload = "/_source/data"
"#;

#[tokio::test]
async fn a_search_goes_on_after_the_last_row_in_a_point_in_time() {
    let forged = small();
    let api = Api::start(search(&forged.rows)).await;
    let observed = assert_passes(&forged, &target(&api, SEARCH)).await;
    assert_eq!(observed.listing.pages % 8, 0, "seven pages with rows and one without, in each look");
    let opened = api.count("POST", "/events/_pit");
    assert!(opened > 0 && opened == api.count("DELETE", "/_pit"), "{opened}");
    let lists: Vec<String> = judged(&forged, observed)
        .checks
        .iter()
        .filter(|check| check.name == CheckId::PayloadChanged)
        .map(|check| check.summary.clone())
        .collect();
    assert_eq!(lists, ["210 stored events are as sent in timestamp and payload"]);
}

#[tokio::test]
async fn a_changed_payload_is_found_through_a_search() {
    let mut forged = small();
    let sent = forged.rows[3].payload.replace("{\"n\":-1}".to_owned());
    let api = Api::start(search(&forged.rows)).await;
    forged.rows[3].payload = sent;
    let verdict = judged(&forged, look(&forged, &target(&api, SEARCH)).await);
    assert_fails(&verdict, &[CheckId::PayloadChanged]);
    assert_eq!(check(&verdict, CheckId::PayloadChanged).count, 1);
}

#[tokio::test]
async fn without_its_request_before_there_was_no_look() {
    let forged = small();
    let api = Api::start(|came| if came.path() == "/_pit" { ok(json!({})) } else { status(404) }).await;
    let observed = look(&forged, &target(&api, SEARCH)).await;
    let unread = observed.listing.unread.expect("it could not be read");
    assert!(unread.contains("/events/_pit") && unread.contains("404"), "{unread}");
    assert_eq!(api.count("POST", "/_search"), 0);
    assert_eq!(judged(&forged, look(&forged, &target(&api, SEARCH)).await).verdict, Verdict::Unknown);
}

#[tokio::test]
async fn a_cursor_of_the_body_goes_into_the_next_body_until_the_target_says_it_is_done() {
    let forged = small();
    let rows = documents(&forged.rows);
    let api = Api::start(move |came| {
        let asked = came.json();
        let from = asked["cursor"].as_str().and_then(|text| text.strip_prefix('c'));
        let from: usize = from.map_or(0, |text| text.parse().expect("a cursor of ours"));
        let page: Vec<&Value> = rows.iter().skip(from).take(50).collect();
        // The last page has a cursor too, which leads round.
        let next = if from + 50 < rows.len() { from + 50 } else { 0 };
        ok(json!({"items": page, "next": format!("c{next}"), "done": next == 0}))
    })
    .await;
    let listing = format!(
        "method = \"POST\"\npath = \"/query\"\nbody = '{{\"cursor\":\"{{{{cursor}}}}\"}}'\nrows = \"/items\"\n\
         next = \"/next\"\nuntil = {{ \"/done\" = true }}\n{FIELDS}"
    );
    assert_passes(&forged, &target(&api, &listing)).await;
    let asked: Vec<Value> = api.came().iter().take(2).map(Came::json).collect();
    assert_eq!(asked, [json!({"cursor": ""}), json!({"cursor": "c50"})]);
}

#[tokio::test]
async fn a_cursor_that_stays_the_same_ends_the_listing() {
    let forged = small();
    let rows = documents(&forged.rows);
    let api = Api::start(move |came| {
        let from = came.number("after").unwrap_or(0);
        let page: Vec<&Value> = rows.iter().skip(from).take(100).collect();
        let next = (from + 100).min(200);
        ok(json!({"items": page, "next": next}))
    })
    .await;
    let listing =
        format!("path = \"/e?after={{{{cursor}}}}\"\nrows = \"/items\"\nnext = \"/next\"\n{FIELDS}");
    assert_passes(&forged, &target(&api, &listing)).await;
    assert_eq!(api.came()[0].target, "/e", "an empty cursor is left out");
}

#[tokio::test]
async fn a_header_leads_to_the_next_page_and_never_to_another_host() {
    let forged = small();
    let rows = documents(&forged.rows);
    let api = Api::start(move |came| {
        let from = came.number("token").unwrap_or(0);
        let page: Vec<&Value> = rows.iter().skip(from).take(64).collect();
        let mut response = ok(json!({"data": page}));
        if from + 64 < rows.len() {
            let next = format!("https://elsewhere.invalid:1/v1/records?token={}", from + 64);
            response.headers_mut().insert("next-page", HeaderValue::from_str(&next).expect("ASCII"));
        }
        response
    })
    .await;
    let listing = format!(
        "path = \"/v1/records?_limit={{{{limit}}}}\"\nrows = \"/data\"\nnext = \"header:Next-Page\"\n{FIELDS}"
    );
    assert_passes(&forged, &target(&api, &listing)).await;
    let asked: Vec<String> = api.came().into_iter().take(2).map(|came| came.target).collect();
    assert_eq!(asked, ["/v1/records?_limit=1000", "/v1/records?token=64"]);
}

#[tokio::test]
async fn lines_of_json_are_rows() {
    let forged = small();
    let rows = documents(&forged.rows);
    let api = Api::start(move |came| {
        // SELECT ... LIMIT offset, limit
        let numbers = came.body.split("LIMIT ").nth(1).expect("a limit").split([',', ' ']);
        let numbers: Vec<usize> = numbers.filter_map(|number| number.parse().ok()).collect();
        let page = rows.iter().skip(numbers[0]).take(numbers[1]);
        page.map(|row| format!("{row}\n")).collect::<String>().into_response()
    })
    .await;
    let listing = format!(
        "method = \"POST\"\npath = \"/\"\n\
         body = \"SELECT * FROM events ORDER BY id LIMIT {{{{offset}}}}, {{{{limit}}}} FORMAT JSONEachRow\"\n\
         format = \"ndjson\"\nnext = \"offset\"\nlimit = 64\n{FIELDS}"
    );
    assert_passes(&forged, &target(&api, &listing)).await;
    assert!(api.came()[1].body.contains("LIMIT 64, 64 "), "{}", api.came()[1].body);
}

#[tokio::test]
async fn a_table_is_read_topic_by_topic_and_page_by_page() {
    let forged = small();
    let rows = forged.rows.clone();
    let api = Api::start(move |came| {
        let topic = came.path().trim_start_matches("/export/").to_owned();
        let page = came.number("page").expect("a page");
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["id", "at", "data"]).expect("memory");
        for row in rows.iter().filter(|row| row.topic == topic).skip(page * 20).take(20) {
            let cell = |text: &Option<String>| text.clone().unwrap_or_default();
            table.write_record([&row.event_id, &cell(&row.timestamp), &cell(&row.payload)]).expect("memory");
        }
        String::from_utf8(table.into_inner().expect("memory")).expect("text").into_response()
    })
    .await;
    let listing = "path = \"/export/{{topic}}?page={{page}}\"\nformat = \"csv\"\nnext = \"page\"\nfirst = \"0\"\n\
                   fields = { event_id = \"id\", timestamp = \"at\", payload = \"data\" }";
    let observed = assert_passes(&forged, &target(&api, listing)).await;
    assert!(!observed.listing.all_topics);
}

#[tokio::test]
async fn rows_at_an_inclusive_cursor_count_once() {
    let forged = small();
    let rows = forged.rows.clone();
    let api = Api::start(move |came| {
        let from = came.parameter("from").unwrap_or_default();
        let limit = came.number("limit").expect("a limit");
        let page: Vec<Value> =
            rows.iter().filter(|row| row.event_id >= from).take(limit).map(document).collect();
        ok(Value::from(page))
    })
    .await;
    let listing = format!(
        "path = \"/e?limit={{{{limit}}}}&from={{{{cursor}}}}\"\nnext = {{ last_row = \"/id\" }}\nlimit = 33\n{FIELDS}"
    );
    assert_passes(&forged, &target(&api, &format!("inclusive = true\n{listing}"))).await;
    let plain = look(&forged, &target(&api, &listing)).await;
    assert!(plain.looks.border_repeats > 0, "without the word they are repeated rows");
}

#[tokio::test]
async fn two_rows_of_one_name_are_one_and_two_names_are_a_copy() {
    let forged = small();
    for (twice, is_copy) in [("7", false), ("copy", true)] {
        let mut rows: Vec<Value> = documents(&forged.rows);
        for (nth, row) in rows.iter_mut().enumerate() {
            row["row"] = json!(nth.to_string());
        }
        let mut again = rows[7].clone();
        again["row"] = json!(twice);
        rows.push(again);
        let api = Api::start(move |_| ok(Value::from(rows.clone()))).await;
        let fields = FIELDS.replace(" }", ", row = \"row\" }");
        let listing = target(&api, &format!("path = \"/e\"\nnext = \"none\"\n{fields}"));
        let observed = look(&forged, &listing).await;
        assert_eq!(observed.listing.rows, if is_copy { 211 } else { 210 }, "{twice}");
        let stored_twice = check(&judged(&forged, observed), CheckId::StoredTwice).count;
        assert_eq!(stored_twice, u64::from(is_copy), "{twice}");
    }
}

#[tokio::test]
async fn looks_at_a_listing_that_drains_add_up() {
    let forged = small();
    let queue = std::sync::Mutex::new(documents(&forged.rows));
    let api = Api::start(move |came| {
        assert_eq!(came.headers["x-amz-target"], "AmazonSQS.ReceiveMessage");
        let mut queue = queue.lock().expect("no test panics here");
        // The last ten never come.
        let most = 10.min(queue.len().saturating_sub(10));
        let page: Vec<Value> = queue.drain(..most).collect();
        let messages: Vec<Value> =
            page.into_iter().map(|row| json!({"MessageId": row["id"], "Body": row.to_string()})).collect();
        ok(if messages.is_empty() { json!({"Messages": []}) } else { json!({"Messages": messages}) })
    })
    .await;
    let listing = r#"
        method = "POST"
        path = "/"
        headers = { content-type = "application/x-amz-json-1.0", x-amz-target = "AmazonSQS.ReceiveMessage" }
        body = '{"MaxNumberOfMessages":10}'
        rows = "/Messages"
        next = "again"
        drains = true
        [fields]
        row = "/MessageId"
        topic = "/Body/topic"
        event_id = "/Body/id"
        timestamp = "/Body/at"
        payload = "/Body/data"
    "#;
    let observed = look(&forged, &target(&api, listing)).await;
    assert_eq!(observed.listing.unread, None);
    assert_eq!((observed.listing.rows, observed.presence.shown()), (200, 200), "no look takes rows back");
    let last = observed.looks.looks.last().expect("several looks");
    assert_eq!((last.rows, observed.looks.shrank), (200, false));
}

#[tokio::test]
async fn a_request_that_is_not_authorised_says_where_its_secret_comes_from() {
    let forged = small();
    let api = Api::start(|came| if came.path() == "/_pit" { ok(json!({})) } else { status(401) }).await;
    let plain = target(&api, SEARCH);
    let mut with_secret = target(&api, SEARCH);
    let header = Template::parse("Bearer {{env:PATH}}").expect("a template");
    with_secret.listing.before[0].headers.insert("authorization".to_owned(), header);
    for (target, told) in [(plain, "--bearer-file"), (with_secret, "check the variable")] {
        let unread = look(&forged, &target).await.listing.unread.expect("it could not be read");
        assert!(unread.contains("401") && unread.contains(told), "{unread}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_that_cannot_be_reached_is_named() {
    let api = Api::start(|_| status(404)).await;
    let dead = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", dead.local_addr().expect("the address of a listener"));
    drop(dead);
    let mut forge = crate::binary::small();
    forge.scenario.target =
        target(&api, &format!("url = \"{address}\"\npath = \"/e?l={{{{limit}}}}\"\n{FIELDS}"));
    let out = tempfile::tempdir().expect("a folder");
    let folder = forge.run().write(out.path());
    let path = folder.path().to_str().expect("an ASCII path");
    let output = crate::binary::verify(&[path, "--run-commands"], std::path::Path::new("."));
    let told = crate::binary::stderr(&output);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains(&format!("cannot reach {address}")), "{told}");
    assert!(told.contains("which a `url` under [target]") && !told.contains("--target"), "{told}");
}
