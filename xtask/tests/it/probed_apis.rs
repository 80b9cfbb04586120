//! `verify probe --from` on services of the shapes of public APIs, and runs of what it writes.

use std::process::Output;

use xtask::cookbook::probed::Entered;
use xtask::cookbook::recipe;
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Profile, Programs};
use xtask::rig::scratch::Scratch;
use xtask::rig::service::Service;

/// Secret that the services ask for.
const SECRET: &str = "sk4f9aK2mQ8zP1xV7bN3cR6t";

/// A service, and the folder of its scenario.
struct Met {
    programs: Programs,
    service: Service,
    folder: Scratch,
}

impl Met {
    fn shaped(shape: &str) -> Self {
        let folder = Scratch::new().unwrap();
        let journal = folder.path().join("journal").display().to_string();
        let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
        let settings = vec![("SHAPE", shape.to_owned()), ("JOURNAL", journal)];
        let service = Service::start(&programs, "examples/shaped", settings).unwrap();
        Self { programs, service, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, program: &str, args: &[&str], secret: Option<&str>) -> Output {
        let mut command = self.programs.command(program).unwrap();
        command.args(args).envs(secret.map(|name| (name, SECRET)));
        command.output().unwrap()
    }

    /// Probes with a request, in which `URL` stands for the URL of the service.
    fn probe(&self, request: &str, more: &[&str]) -> Output {
        let from = self.path("request.txt");
        std::fs::write(&from, request.replace("URL", &self.service.url())).unwrap();
        let out = self.path("probed.toml");
        let more: Vec<String> = more.iter().map(|word| word.replace("URL", &self.service.url())).collect();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        self.run("verify", &[&["probe", "--from", &from, "--out", &out][..], &more].concat(), None)
    }

    fn written(&self) -> String {
        std::fs::read_to_string(self.path("probed.toml")).unwrap()
    }

    /// Checks the scenario, runs it, and returns the report of a run that passed.
    fn assert_passes(&self, secret: Option<&str>) -> String {
        let scenario = self.path("probed.toml");
        let checked = self.run("loadgen", &["check", &scenario], secret);
        assert_eq!(checked.status.code(), Some(0), "{}\n{}", told(&checked), self.written());
        let results = self.path("results");
        let args = ["--scenario", &scenario, "--out", &results, "--count", "1000", "--verify"];
        let judged = self.run("loadgen", &args, secret);
        assert_eq!(judged.status.code(), Some(0), "{}\n{}", told(&judged), self.written());
        told(&judged)
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn assert_probed(met: &Met, probed: &Output, lines: &[&str]) {
    assert_eq!(probed.status.code(), Some(0), "{}", told(probed));
    let written = met.written();
    for line in lines {
        assert!(written.contains(&format!("\n{line}\n")), "{line}: {written}{}", told(probed));
    }
    assert!(!written.contains(SECRET), "{written}");
    assert!(!told(probed).contains(SECRET), "{}", told(probed));
}

/// Event of the service that counts.
const COUNTED: &str =
    r#"{"kind":"{{topic}}","uuid":"{{event_id}}","at":{{timestamp.epoch_ms}},"attributes":{{payload}}}"#;

const UUID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

#[test]
fn one_object_a_request_with_its_id_in_a_header_is_entered_by_a_curl_line() {
    let met = Met::shaped("keyed");
    let request = format!(
        "curl -sS 'URL/v1/payments' \\\n  -H 'Authorization: Bearer {SECRET}' -H 'Idempotency-Key: {UUID}' \\\n  \
         --json '{{\"type\":\"order.paid\",\"occurred_at\":\"2026-01-01T00:00:00Z\",\"data\":{{\"amount\":5}}}}'\n"
    );
    let probed = met.probe(&request, &[]);
    let body = r#"body = '{"type":"{{topic}}","occurred_at":"{{timestamp}}","data":{{payload}}}'"#;
    assert_probed(
        &met,
        &probed,
        &[
            body,
            "headers.idempotency-key = \"{{event_id}}\"",
            "headers.authorization = \"Bearer {{env:INGEST_AUTHORIZATION}}\"",
            "topics = [\"order.paid\", \"order.paid-2\"]",
            "status = \"201\"",
            "next = \"offset\"",
        ],
    );
    assert!(told(&probed).contains("export INGEST_AUTHORIZATION=..."), "{}", told(&probed));
    let report = met.assert_passes(Some("INGEST_AUTHORIZATION"));
    assert!(report.contains("700 stored events are as sent"), "{report}");
}

#[test]
fn lines_are_entered_by_an_http_file() {
    let met = Met::shaped("bulk");
    let document = format!(
        "{{\"create\":{{\"_index\":\"orders\",\"_id\":\"{UUID}\"}}}}\n\
         {{\"@timestamp\":\"2026-01-01T00:00:00.000Z\",\"message\":{{\"a\":1}}}}\n"
    );
    let request = format!("### index\nPOST URL/_bulk\nContent-Type: application/x-ndjson\n\n{document}");
    let probed = met.probe(&request, &["--listing", "URL/_search?size=50"]);
    assert_probed(
        &met,
        &probed,
        &[
            "{\"create\":{\"_index\":\"{{topic}}\",\"_id\":\"{{event_id}}\"}}",
            "separator = \"\\n\"",
            "each = \"/items/*\"",
            "word = \"/create/status\"",
            "path = \"/_search?size={{limit}}&offset={{offset}}\"",
            "rows = \"/hits/hits\"",
            "event_id = \"_id\"",
        ],
    );
    let report = met.assert_passes(None);
    assert!(report.contains("new/duplicate responses are consistent"), "{report}");
}

#[test]
fn a_form_is_entered_by_the_effect_that_its_answers_name() {
    let met = Met::shaped("form");
    let request = format!(
        "curl URL/v1/charges -H 'Authorization: Bearer {SECRET}' -H 'Idempotency-Key: order-4711' \\\n \
         -d amount=500 -d currency=eur --data-urlencode 'description=a first charge'"
    );
    let probed = met.probe(&request, &[]);
    assert_probed(
        &met,
        &probed,
        &[
            "body = \"amount=500&currency=eur&description={{payload}}\"",
            "id = \"order-{{integer}}\"",
            "topics = [\"\"]",
            "event_id = \"/metadata/key\"",
        ],
    );
    assert!(met.written().contains("/id names what was made"), "{}", met.written());
    met.assert_passes(Some("INGEST_AUTHORIZATION"));
}

#[test]
fn a_list_in_an_object_is_entered_by_a_har() {
    let met = Met::shaped("tracked");
    let body = format!(
        "{{\"api_key\":\"{SECRET}\",\"batch\":[{{\"event\":\"signup\",\"messageId\":\"{UUID}\",\"timestamp\":\
         \"2026-01-01T00:00:00Z\",\"properties\":{{\"plan\":\"a\"}}}}],\"sentAt\":1767225600000}}"
    );
    let entry = serde_json::json!({"request": {"method": "POST", "url": "URL/v1/batch", "headers": [],
        "postData": {"mimeType": "application/json", "text": body}}});
    let har = serde_json::json!({"log": {"entries": [entry]}}).to_string();
    let probed = met.probe(&har, &["--listing", "URL/v1/events", "--deep"]);
    assert_probed(
        &met,
        &probed,
        &[
            r#"body = '{"api_key":"{{env:INGEST_API_KEY}}","batch":[{{events}}],"sentAt":{{now.epoch_ms}}}'"#,
            "each = \"/results/*\"",
            r#"words = { "created" = "new", "duplicate" = "duplicate", "invalid" = "rejected" }"#,
            "complete = true",
        ],
    );
    met.assert_passes(Some("INGEST_API_KEY"));
}

#[test]
fn a_bare_list_under_other_names_is_entered_and_its_counters_are_found() {
    let met = Met::shaped("counted");
    let request = format!(
        "curl URL/collect --json \
         '[{{\"kind\":\"click\",\"uuid\":\"{UUID}\",\"at\":1767225600000,\"attributes\":{{\"x\":1}}}}]'"
    );
    let probed = met.probe(&request, &[]);
    assert_probed(
        &met,
        &probed,
        &[
            &format!("event = '{COUNTED}'"),
            r#"counts = { new = "/stored", duplicate = "/known" }"#,
            "unique = \"/unique\"",
            "path = \"/collect?limit={{limit}}&offset={{offset}}\"",
        ],
    );
    met.assert_passes(None);
}

/// APIs of the cookbook that need more of the probe than a request and a listing of rows: a database;
/// a signature; a topic in the path, and beside a word that never changes; JSON in a text of a list,
/// of a list of lists and of a numbered form; a listing that drains; a listing whose payload is the whole
/// message.
#[test]
fn apis_of_each_kind_are_entered_with_what_their_owner_knows() {
    let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
    for name in [
        "cloudevents-binary",
        "github-webhook",
        "elasticsearch-create",
        "segment",
        "sqs-json",
        "sqs-query",
        "loki",
    ] {
        let recipe = recipe::ALL.iter().find(|recipe| recipe.name == name).unwrap();
        let probed = recipe.probed(&programs).unwrap();
        assert_eq!(probed.entered, Entered::Runs, "{name}: {probed}");
    }
}

#[test]
fn a_service_that_shows_nothing_leaves_guesses_and_one_that_refuses_ends_the_probe() {
    let blind = Met::shaped("blind");
    let request = format!("curl URL/hook --json '{{\"id\":\"{UUID}\",\"data\":{{}}}}'");
    let probed = blind.probe(&request, &[]);
    assert_eq!(probed.status.code(), Some(3), "{}", told(&probed));
    assert!(blind.written().contains("# a guess, which nothing showed"), "{}", blind.written());
    assert!(told(&probed).contains("--listing URL"), "{}", told(&probed));

    let locked = Met::shaped("keyed");
    let request = "curl URL/v1/payments -H 'Authorization: Bearer another-secret-77' \
                   -H 'Idempotency-Key: k-1' --json '{}'";
    let probed = locked.probe(request, &[]);
    assert_eq!(probed.status.code(), Some(3), "{}", told(&probed));
    let all = told(&probed);
    assert!(all.contains("the target answered 401") && !all.contains("another-secret-77"), "{all}");
    assert!(!locked.folder.path().join("probed.toml").exists());
}

#[test]
fn a_target_elsewhere_needs_a_word_and_shows_its_plan_without_secrets() {
    let met = Met::shaped("blind");
    let request = format!("curl https://ingest.invalid/v1 -u u:{SECRET} --json '{{\"id\":\"{UUID}\"}}'");
    let probed = met.probe(&request, &[]);
    let all = told(&probed);
    assert_eq!(probed.status.code(), Some(2), "{all}");
    assert!(all.contains("add --yes") && all.contains("POST https://ingest.invalid/v1"), "{all}");
    assert!(all.contains("{\"id\":\"{{event_id}}\"}") && !all.contains(SECRET), "{all}");
}

#[test]
fn a_scenario_that_is_half_filled_in_keeps_what_it_says() {
    let met = Met::shaped("counted");
    let half = met.path("half.toml");
    let text = format!(
        "# mine\nname = \"own\"\n\n[target]\nurl = \"{}\"\n\n[target.publish]\npath = \"/collect?x=1\"\n\
         body = '[{{{{events}}}}]'\nevent = '{COUNTED}'\n",
        met.service.url()
    );
    std::fs::write(&half, &text).unwrap();
    let listing = format!("{}/collect", met.service.url());
    let out = met.path("probed.toml");
    let args = ["probe", "--scenario", &half, "--listing", &listing, "--out", &out];
    let probed = met.run("verify", &args, None);
    assert_eq!(probed.status.code(), Some(0), "{}", told(&probed));
    let written = met.written();
    assert!(text.lines().all(|line| written.contains(line)), "{written}");
    for line in ["unique = \"/unique\"", "event_id = \"uuid\"", "next = \"offset\""] {
        assert!(written.contains(&format!("\n{line}\n")), "{line}: {written}");
    }
    met.assert_passes(None);
}
