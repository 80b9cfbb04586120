//! The page for people, in a real browser.

use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;

use crate::browser::Browser;
use crate::database::Database;
use crate::program::{Program, command};
use crate::target::{Client, Target, event};

on_both_databases! {
    the_page_shows_the_counters,
    an_outage_is_shown_and_recovered_from,
}

/// Texts that would run, or spoil the page around them, if the page set them as anything but text.
const HOSTILE: [&str; 6] = [
    "<img src=x onerror=\"document.title='taken'\">",
    "<script>document.title='taken'</script>",
    "</td></tr></table><h1>out</h1>",
    "\u{202e}desrever\u{2066}",
    "مرحبا بالعالم",
    "&lt;b&gt;javascript:alert(1)",
];

/// Returns an expression that is true if the element with this id shows this number.
fn shows(id: &str, number: u64) -> String {
    format!("document.getElementById('{id}').textContent.replaceAll(',', '') === '{number}'")
}

async fn opened(client: &Client) -> Browser {
    let mut browser = Browser::start().await;
    browser.open(&format!("http://{}/", client.address)).await;
    browser
}

/// Checks that the page requested nothing from elsewhere, and that nothing went wrong.
fn assert_calm(browser: &Browser, client: &Client) {
    let own = format!("http://{}/", client.address);
    for url in browser.requests() {
        assert!(url.starts_with(&own) || url == "about:blank", "{url}");
    }
    assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new());
}

async fn the_page_shows_the_counters(database: &Database) {
    let target = Target::start(database).await;
    let mut browser = opened(&target.client).await;
    browser.wait_until(&shows("received", 0)).await;
    browser.wait_until("document.getElementById('state').textContent === 'The database answers'").await;

    let batch: Vec<_> = (0..1500).map(|id| event("orders", &(id % 1000).to_string())).collect();
    target.client.publish(&batch).await;
    for (id, number) in [("received", 1500), ("unique", 1000), ("duplicates", 500), ("waiting", 0)] {
        browser.wait_until(&shows(id, number)).await;
    }
    browser.wait_until("document.querySelector('#topics li').textContent === 'orders'").await;
    browser.wait_until("document.querySelector('#events tr td.id')?.textContent === '999'").await;
    browser.wait_until("document.getElementById('received-rate').textContent === '0 per second'").await;

    // No element is hidden from a screen reader.
    let heading = "document.querySelectorAll('h1').length === 1 && document.documentElement.lang === 'en'";
    assert_eq!(browser.value(heading).await, true);
    let columns = "[...document.querySelectorAll('th')].every(head => head.scope === 'col')";
    assert_eq!(browser.value(columns).await, true);
    assert_calm(&browser, &target.client);
    drop(browser);
    target.stop().await;
}

#[tokio::test]
async fn hostile_texts_are_shown_as_texts_and_fit_a_narrow_window() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    let long = "long".repeat(60);
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        let mut odd = event(text, text);
        odd["source"] = json!(text);
        odd["payload"] = json!({ text: text });
        target.client.publish(&[odd]).await;
    }
    let mut browser = opened(&target.client).await;
    browser.wait_until("document.querySelectorAll('#events tr').length === 7").await;
    for text in HOSTILE {
        let text = json!(text);
        for place in ["#topics li", "#events td.id", "#events td.source"] {
            let is_there =
                format!("[...document.querySelectorAll('{place}')].some(e => e.textContent === {text})");
            assert_eq!(browser.value(&is_there).await, true, "{place} {text}");
        }
    }
    assert_eq!(browser.value("document.querySelectorAll('img, main script, h1 ~ h1').length").await, 0);
    assert_eq!(browser.value("document.title").await, "Onceproof aggregator");
    for width in [360, 1280] {
        for scheme in ["light", "dark"] {
            browser.look(width, scheme).await;
            let room = "document.documentElement.clientWidth - document.documentElement.scrollWidth";
            assert_eq!(browser.value(room).await, 0, "{width}");
        }
    }
    // Even a script that gets into the page is not run.
    let ran = "(() => { const s = document.createElement('script'); try { s.text = 'window.ran = 1' } catch { return 'refused' } \
               document.body.append(s); return window.ran ?? 'blocked' })()";
    assert_eq!(browser.value(ran).await, "refused");
    drop(browser);
    target.stop().await;
}

async fn an_outage_is_shown_and_recovered_from(database: &Database) {
    let mut program = Program::start(database).await;
    program.client.publish(&[event("t", "1")]).await;
    let address = program.client.address;
    let mut browser = opened(&program.client).await;
    browser.wait_until(&shows("unique", 1)).await;

    program.child.kill().await.unwrap();
    browser.wait_until("document.getElementById('state').dataset.is === 'bad'").await;
    let state = browser.value("document.getElementById('state').textContent").await;
    assert_eq!(state, "The server does not respond; retrying");
    assert_eq!(browser.value(&shows("unique", 1)).await, true, "what was known stays");

    // No client can be connected to an ephemeral port that nothing listens on, but another program
    // may have taken it.
    drop(TcpListener::bind(address).await.unwrap());
    let program = Program::spawn(command(&database.url()).env("LISTEN", address.to_string())).await;
    program.client.publish(&[event("t", "2")]).await;
    browser.wait_until(&shows("unique", 2)).await;
    browser.wait_until("document.getElementById('state').dataset.is === 'good'").await;
    assert_calm(&browser, &program.client);

    database.execute("ALTER TABLE processed_events RENAME TO elsewhere").await;
    browser
        .wait_until("document.getElementById('state').textContent === 'The server cannot read its database'")
        .await;
    database.execute("ALTER TABLE elsewhere RENAME TO processed_events").await;
    browser.wait_until("document.getElementById('state').dataset.is === 'good'").await;
}

#[tokio::test]
async fn a_token_is_asked_for_where_one_is_wanted() {
    let database = Database::sqlite();
    let target =
        Target::start_with(&database, |settings| settings.auth_token = Some("open sesame".parse().unwrap()))
            .await;
    let request = target.client.request(Method::POST, "/publish").bearer_auth("open sesame");
    assert_eq!(request.body(event("t", "1").to_string()).send().await.unwrap().status(), 200);
    let mut browser = Browser::start().await;
    browser.open(&format!("http://{}/", target.client.address)).await;
    browser.wait_until("!document.getElementById('login').hidden").await;
    for (token, outcome) in [
        ("wrong", "document.getElementById('state').textContent === 'The token was refused'"),
        ("open sesame", "document.getElementById('login').hidden"),
    ] {
        browser
            .value(&format!(
                "document.getElementById('token').value = '{token}'; document.querySelector('#login button').click()"
            ))
            .await;
        browser.wait_until(outcome).await;
    }
    browser.wait_until(&shows("unique", 1)).await;
    browser.reload().await;
    browser.wait_until(&shows("unique", 1)).await;
    assert_calm(&browser, &target.client);
    drop(browser);
    target.stop().await;
}
