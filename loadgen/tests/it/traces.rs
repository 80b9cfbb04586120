//! `--trace`: each request has a trace context that the plan fixes, and a verdict names it.

use std::collections::HashSet;

use truth::plan::trace::{Departure, Traces};

use crate::program::{Loadgen, Ran, round_of};
use crate::raw::Raw;
use crate::stub::Stub;

/// Returns the trace contexts that the plan of a run gives its tries.
fn planned(ran: &Ran) -> HashSet<String> {
    let plan = ran.folder().manifest().unwrap().plan;
    let traces = Traces::new(&plan);
    let of = |done: &truth::record::ledger::Done| {
        let round = round_of(done);
        let departure = Departure { round, request: done.request, try_number: done.try_number };
        traces.of_request(departure, plan.round(round).request(done.request)).to_string()
    };
    ran.tries().iter().map(of).collect()
}

/// Returns the trace contexts in the headers of requests.
fn sent(heads: &[String]) -> HashSet<String> {
    let field = |head: &String| {
        let line = head.lines().find_map(|line| line.strip_prefix("traceparent: "));
        line.unwrap_or_else(|| panic!("no traceparent: {head}")).to_owned()
    };
    heads.iter().map(field).collect()
}

#[test]
fn each_request_has_the_context_that_the_plan_gives_it() {
    for (arguments, requests) in
        [("http http://{}/a -n 20 -c 3 -d {}", 20), ("--target {} -n 200 --batch 10", 20)]
    {
        let raw = Raw::answering("{}");
        let arguments = arguments.replacen("{}", &raw.address.to_string(), 1);
        let ran = Loadgen::with(&format!("{arguments} --trace")).run();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let sent = sent(&raw.heads("POST"));
        assert_eq!(sent.len(), requests, "{sent:?}");
        assert_eq!(sent, planned(&ran), "{arguments}");
        assert!(ran.folder().manifest().unwrap().scenario.load.trace);
    }
}

#[test]
fn nothing_is_traced_unless_asked_and_two_contexts_are_refused() {
    let raw = Raw::answering("{}");
    let ran = Loadgen::with(&format!("http http://{}/a -n 2 -H traceparent:x", raw.address)).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let heads = raw.heads("GET");
    assert!(heads.iter().all(|head| head.matches("traceparent").count() == 1), "{heads:?}");
    let ran = Loadgen::with(&format!("http http://{}/a --trace -H traceparent:x", raw.address)).run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("`traceparent` cannot be set beside --trace"), "{}", ran.stderr);
}

#[test]
fn a_verdict_names_the_traces_of_what_it_found() {
    let scenario = r#"
        [events.payload]
        template = '{"n":{{n}},"trace":"{{traceparent}}"}'
    "#;
    for (arguments, is_traced) in [("--trace", true), ("", false)] {
        let stub = Stub::scripted(|it| if it.nth == 50 { it.forget() } else { it.answer() });
        let arguments = format!("-n 1000 --batch 10 -c 4 --verify {arguments}");
        let ran = Loadgen::against(&stub, &arguments).scenario(scenario).run();
        assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
        let verdict: serde_json::Value = truth::files::read_json(&ran.folder().file("verdict.json")).unwrap();
        let checks = verdict["checks"].as_array().unwrap();
        let lost = checks.iter().find(|check| check["name"] == "lost").unwrap();
        let finding = &lost["findings"][0];
        let own = finding["traceparent"].as_str().unwrap();
        assert!(ran.stdout.contains(&format!("trace {} span ", &own[3..35])), "{}", ran.stdout);
        let attempt = finding["history"][0]["traceparent"].as_str();
        assert_eq!(attempt.is_some(), is_traced, "{finding:#}");
        assert!(attempt.is_none_or(|attempt| planned(&ran).contains(attempt)), "{finding:#}");
        let stored =
            stub.look(|seen| seen.rows.iter().map(|(_, row)| row.get().to_owned()).collect::<Vec<_>>());
        assert!(stored.iter().all(|row| row.contains(r#""trace":"00-"#)), "{:?}", stored.first());
    }
}
