//! The page: well-formed, alone, small, and true to what it is made of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use judge::evidence::{Evidence, Run};
use judge::try_judge;
use judge::verdict::{CheckId, Judgement};
use report::html::{Material, render};
use sha2::{Digest, Sha256};
use truth::observed::Observed;
use truth::record::ending::CheckedThreshold;
use truth::target::answer::Kind;

use crate::forge::{Fate, Forge, Forged, row};

/// Prints the page of a run, from its folder.
fn page(forged: &Forged) -> String {
    page_with(forged, Vec::new()).1
}

fn page_with(forged: &Forged, thresholds: Vec<CheckedThreshold>) -> (Judgement, String) {
    let out = tempfile::tempdir().expect("a folder");
    let folder = forged.write_observed(out.path());
    let observed = Observed::load(&folder.observation(1)).expect("an observation");
    let runs = [Run::open(folder).expect("a run")];
    let evidence = Evidence::assemble(&runs, observed, None).expect("evidence");
    let verdict = try_judge(&evidence).expect("a verdict");
    let material = Material::gather(&verdict, &evidence, &runs, thresholds).expect("material");
    let page = render(&verdict, &material);
    assert_well_formed(&page);
    assert_alone(&page);
    (verdict, page)
}

/// Elements that have no end.
const VOID: [&str; 4] = ["meta", "br", "hr", "!doctype"];

/// Fails unless each element is closed in its turn, and each attribute is quoted.
fn assert_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("a tag that ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes nothing, before {}", beginning(rest));
            continue;
        }
        assert!(tag.matches('"').count().is_multiple_of(2), "an attribute is not closed: <{tag}>");
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        assert_loads_nothing(name, tag);
        if name == "script" || name == "style" {
            let close = format!("</{name}>");
            rest = &rest[rest.find(&close).expect("an end") + close.len()..];
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}

/// Fails if an element loads something, leads somewhere, or has a script or style of its own, which
/// the policy forbids.
fn assert_loads_nothing(name: &str, tag: &str) {
    assert!(!["base", "iframe", "form", "link", "img", "a", "object", "embed"].contains(&name), "<{tag}>");
    let attributes = tag[name.len()..].split('"').step_by(2).flat_map(|part| part.split([' ', '=']));
    for attribute in attributes {
        let is_event = attribute.starts_with("on") && attribute.len() > 2;
        assert!(!is_event && !["src", "href", "xlink:href", "style"].contains(&attribute), "<{tag}>");
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Fails if the style would load anything, or if the page's policy does not let its own script and style
/// through.
fn assert_alone(page: &str) {
    let style = between(page, "<style>", "</style>");
    assert!(!style.contains("url(") && !style.contains("@import"), "{style}");
    let policy = between(page, "Content-Security-Policy\" content=\"", "\"");
    assert!(policy.contains("default-src 'none'") && policy.contains("base-uri 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("connect-src"), "{policy}");
    for (source, text) in [
        ("style-src", between(page, "<style>", "</style>")),
        ("script-src", between(page, "<script>", "</script>")),
    ] {
        let sum = STANDARD.encode(Sha256::digest(text.as_bytes()));
        assert!(policy.contains(&format!("{source} 'sha256-{sum}'")), "{source}: {policy}");
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let from = text.find(begin).unwrap_or_else(|| panic!("{begin} is missing")) + begin.len();
    let length = text[from..].find(end).unwrap_or_else(|| panic!("{end} is missing"));
    &text[from..from + length]
}

/// Section of a check.
fn section(page: &str, check: CheckId) -> &str {
    let from = page.find(&format!("id=\"check-{check}\"")).unwrap_or_else(|| panic!("no section of {check}"));
    let rest = &page[from..];
    &rest[..rest.find("\n</section>").unwrap_or(rest.len())]
}

#[test]
fn a_pass_has_charts_and_says_what_it_rests_on() {
    let fates = |round, request| match (round, request) {
        (2, 5) => vec![Fate::Unknown { executed: true }, Fate::Acked],
        (4, 1) => vec![Fate::Rejected, Fate::Acked],
        _ => vec![Fate::Acked],
    };
    let page = page(&Forge { fates, ..Forge::default() }.run());
    for text in [
        "<p class=\"verdict\">PASS</p>",
        "Nothing has to be done.",
        "<h3>Rate</h3>",
        "<h3>Service time</h3>",
        "<h3>Response time</h3>",
        "<h3>Counter received</h3>",
        "<path class=\"band limits\"",
        "<h3>Connections</h3>",
        "<h3>Distribution</h3>",
        "overlapping pairs",
        "shows with 95 % confidence",
        "<h2>Statuses</h2>",
        "verify --offline",
    ] {
        assert!(page.contains(text), "{text} is missing");
    }
    assert!(!page.contains("id=\"findings\""));
}

#[test]
fn each_kind_of_fault_on_a_key_has_a_swim_lane() {
    let mut lost = Forge::default().run();
    lost.lose(440);
    let mut twice = Forge::default().run();
    twice.rows.push(row(&twice.events, 8));
    let mut told = Forge::default().run();
    let key = told.key_where(|attempts| attempts.len() == 2 && attempts[0].0 != attempts[1].0);
    let second = told.attempts_of(key)[1];
    told.tell(second, Kind::New);
    let mut changed = Forge::default().run();
    changed.rows[12].payload = Some("{\"another\":1}".to_owned());
    let mut rejected = Forge {
        fates: |round, _| vec![if round == 6 { Fate::Rejected } else { Fate::Acked }],
        ..Forge::default()
    }
    .run();
    let alone = rejected.key_where(|attempts| attempts.iter().all(|(round, ..)| *round == 6));
    rejected.rows.push(row(&rejected.events, alone));
    let mut elsewhere = Forge::default().run();
    elsewhere.rows[9].topic =
        elsewhere.events.topics().iter().find(|topic| **topic != elsewhere.rows[9].topic).unwrap().clone();
    for (forged, check) in [
        (lost, CheckId::Lost),
        (twice, CheckId::StoredTwice),
        (told, CheckId::AnswerOrder),
        (changed, CheckId::PayloadChanged),
        (rejected, CheckId::RejectedButStored),
        (elsewhere, CheckId::WrongTopic),
    ] {
        let page = page(&forged);
        let section = section(&page, check);
        // A key with another fault has its lane there.
        let is_drawn =
            section.contains("<svg class=\"swimlane narrow\"") && section.contains("class=\"bar\"");
        assert!(is_drawn || section.contains("Finding 1 shows its attempts."), "{check}: {section}");
        assert!(page.contains("<svg class=\"swimlane"), "{check}: {page}");
        assert!(section.contains("a contradiction, because"), "{check}: {section}");
    }
}

/// Counter-example at the top of a page.
fn brief(page: &str) -> &str {
    between(page, "<section class=\"brief\">", "</section>")
}

#[test]
fn the_top_names_key_attempts_connections_looks_and_cause() {
    let mut lost = Forge::default().run();
    lost.lose(440);
    let page = page(&lost);
    let brief = brief(&page);
    let attempts = lost.attempts_of(440);
    for text in [
        "<h2>The counter-example</h2>",
        "<dt>Key</dt><dd><b>440</b>, topic <bdi",
        &lost.events.id_text(440),
        "acknowledged, and absent from the listing <small>(lost)</small>",
        "on <b>connection ",
        ": <b>200 new</b>",
        "1 look at the target: not seen",
        "drops events between response and store, or deletes them later",
        "Times count from ",
    ] {
        assert!(brief.contains(text), "{text}: {brief}");
    }
    let requests: std::collections::BTreeSet<_> =
        attempts.iter().map(|(round, request, _)| (round, request)).collect();
    assert_eq!(brief.matches("<li>at ").count(), requests.len(), "{brief}");
    assert!(page.find("<section class=\"brief\">") < page.find("id=\"findings\""));
}

#[test]
fn a_fault_on_no_key_says_so_and_names_the_part_that_is_wrong() {
    let mut forged = Forge::default().run();
    forged.now.unique = forged.now.unique.map(|unique| unique - 3);
    let page = page(&forged);
    let brief = brief(&page);
    assert!(brief.contains("none: the fault is on no single key"), "{brief}");
    assert!(brief.contains("The counters, not the store"), "{brief}");
    let passed = self::page(&Forge::default().run());
    assert!(!passed.contains("class=\"brief\""));
}

#[test]
fn a_key_that_is_taken_for_another_is_shown_with_the_other() {
    let mut forge = Forge::default();
    forge.scenario.traps.same_id = 16;
    let mut forged = forge.run();
    let is_in_pair = |key: &u64| forged.events.twin(*key).is_some();
    let merged = (0..400).find(is_in_pair).expect("a pair") | 1;
    forged.lose(merged);
    let page = page(&forged);
    let brief = brief(&page);
    let other = format!("<dt>The other key</dt><dd><b>{}</b>, topic ", merged - 1);
    assert!(brief.contains(&other), "{other}: {brief}");
    assert!(brief.contains("tells keys apart by less than topic and id"), "{brief}");
    let section = section(&page, CheckId::KeyMerged);
    assert!(section.contains(&format!("The other key: {} ", merged - 1)), "{section}");
    assert!(section.contains("<svg class=\"swimlane"), "{section}");
}

#[test]
fn the_cause_of_copies_is_told_by_when_they_came() {
    let mut race = Forge::default().run();
    let is_together = |attempts: &[(u64, u32, usize)]| matches!(attempts, [one, other] if one.0 == other.0 && one.1 != other.1);
    let together = race.key_where(is_together);
    let apart = race.key_where(|attempts| matches!(attempts, [first, last] if first.0 + 1 < last.0));
    let mut forgets = race.clone();
    let mut both = race.clone();
    let store_again = |forged: &mut Forged, key: u64| {
        let last = *forged.attempts_of(key).last().expect("an attempt");
        forged.tell(last, Kind::New);
        let again = row(&forged.events, key);
        forged.rows.push(again);
    };
    store_again(&mut race, together);
    store_again(&mut forgets, apart);
    [together, apart].into_iter().for_each(|key| store_again(&mut both, key));
    for (forged, cause) in [
        (race, "looks for a key and inserts it in two steps"),
        (forgets, "had forgotten the key when it came again"),
        (both, "each process or worker of the target has a memory of keys of its own"),
    ] {
        let page = page(&forged);
        assert!(brief(&page).contains(cause), "{cause}: {}", brief(&page));
    }
}

#[test]
fn lost_keys_beside_copies_have_a_cause_of_both() {
    let mut swapped = Forge::default().run();
    swapped.lose(440);
    let copied = swapped.key_where(|attempts| attempts.len() == 1);
    let again = row(&swapped.events, copied);
    swapped.rows.push(again);
    let page = page(&swapped);
    assert!(brief(&page).contains("loses some events and stores others twice"), "{}", brief(&page));
}

#[test]
fn of_many_requests_those_that_tell_most_are_at_the_top() {
    let mut forge = Forge::default();
    forge.scenario.load.dup = "0.9".to_owned();
    let mut forged = forge.run();
    let key = forged.key_where(|attempts| {
        let requests: std::collections::BTreeSet<_> = attempts.iter().map(|one| (one.0, one.1)).collect();
        requests.len() > 8
    });
    let last = *forged.attempts_of(key).last().expect("an attempt");
    forged.tell(last, Kind::New);
    forged.rows.push(row(&forged.events, key));
    let page = page(&forged);
    let brief = brief(&page);
    assert_eq!(brief.matches("<li>at ").count(), 6, "{brief}");
    let answers: Vec<&str> = brief.split("<b>200 ").skip(1).collect();
    assert!(answers[0].starts_with("new") && answers[5].contains("new"), "{brief}");
    assert!(brief.contains(" more requests, shown below"), "{brief}");
}

#[test]
fn the_place_in_which_a_payload_differs_is_marked() {
    let mut changed = Forge::default().run();
    let sent = changed.rows[12].payload.clone().expect("a payload");
    let at = sent.find("\"data\":\"").expect("data") + 8;
    changed.rows[12].payload = Some(format!("{}+{}", &sent[..at], &sent[at + 1..]));
    let page = page(&changed);
    let marked = |text: &str| format!("<mark>{text}</mark>");
    for place in [brief(&page), section(&page, CheckId::PayloadChanged)] {
        assert!(place.contains(&marked("+")) && place.contains(&marked(&sent[at..=at])), "{place}");
    }
}

#[test]
fn counters_that_are_off_stand_outside_their_band() {
    let mut forged = Forge::default().run();
    for counters in [&mut forged.now, forged.closing.as_mut().unwrap()] {
        counters.received = counters.received.map(|received| received + 300);
    }
    let page = page(&forged);
    let section = section(&page, CheckId::Counters);
    assert!(section.contains("FAIL") && section.contains("received had grown by 2300"), "{section}");
    assert!(section.contains("<h3>Counter received</h3>"), "{section}");
    assert!(section.contains("received above what can have been counted"), "{section}");
    assert!(page.contains("received <b data-values=\"counter.received\" data-unit=\"count\">2,300</b>"));
}

#[test]
fn counters_that_are_off_at_rest_stand_beside_what_they_must_be() {
    let mut forged = Forge::default().run();
    forged.now.unique = forged.now.unique.map(|unique| unique - 3);
    let page = page(&forged);
    let section = section(&page, CheckId::Counters);
    for text in
        ["unique: must have grown by 1,400", "grew by 1,397: 3 events too few", "circle class=\"off\""]
    {
        assert!(section.contains(text), "{text}: {section}");
    }
}

#[test]
fn a_fault_on_a_request_has_its_swim_lane() {
    let mut forged = Forge::default().run();
    forged.dones().nth(9).unwrap().answer.accepted = Some(21);
    let page = page(&forged);
    let section = section(&page, CheckId::AnswerSum);
    assert!(section.contains("class=\"bar\"") && section.contains("round 0, request "), "{section}");
    assert!(!section.contains("place "), "{section}");
}

#[test]
fn the_first_finding_of_a_check_is_open_and_the_others_are_folded() {
    let mut forged = Forge::default().run();
    (440..460).for_each(|key| forged.lose(key));
    let page = page(&forged);
    let section = section(&page, CheckId::Lost);
    let folded = section.find("<details class=\"more\">").expect("a fold");
    assert!(section.contains("7 more findings of <code>lost</code>, of 20 in all"), "{section}");
    assert_eq!(section[..folded].matches("<article").count(), 1, "{section}");
    assert_eq!(section[folded..].matches("<article").count(), 7, "{section}");
    assert!(section[..folded].contains("class=\"premises\""), "{section}");
}

#[test]
fn a_key_with_two_faults_has_one_swim_lane() {
    let mut forged = Forge::default().run();
    forged.rows.push(row(&forged.events, 8));
    forged.rows.last_mut().unwrap().payload = Some("{\"another\":1}".to_owned());
    let page = page(&forged);
    let later = section(&page, CheckId::PayloadChanged);
    assert!(section(&page, CheckId::StoredTwice).contains("<svg class=\"swimlane"), "{page}");
    assert!(later.contains("Finding 1 shows its attempts.") && !later.contains("<svg"), "{later}");
    assert!(later.contains("a contradiction, because"), "{later}");
}

#[test]
fn text_of_a_target_is_text() {
    let mut forge = Forge::default();
    let long = "x".repeat(180);
    let topics = [
        "<script>alert(1)</script>",
        "a\u{202e}b\u{200b}\u{ad}\"'&",
        "</svg><b onclick=x>",
        "`code` ![x](y)",
        "שלום: 12",
        &long,
    ];
    forge.scenario.events.topics = topics.map(str::to_owned).to_vec();
    let mut forged = forge.run();
    (440..447).for_each(|key| forged.lose(key));
    forged.rows[5].topic = "<b>\u{2066}id\u{feff}</b>".to_owned();
    forged.rows[3].payload = Some("{\"x\":\"</script><img src=x onerror=alert(1)>\u{202e}\"}".to_owned());
    let (_, page) = page_with(
        &forged,
        vec![CheckedThreshold {
            threshold: "<u>p(95)<1".to_owned(),
            value: Some(2.0),
            ok: false,
            not_evaluated: None,
        }],
    );
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("&lt;b&gt;\\u{2066}id\\u{feff}&lt;/b&gt;"));
    // What is read from right to left turns nothing beside it, and what is long can be broken.
    assert!(page.contains("<bdi class=\"id\"><bdi>שלום</bdi>: 12</bdi>"));
    assert!(page.contains(&format!("<bdi class=\"id\">{long}</bdi>")));
    let hidden = ["\u{202e}", "\u{2066}", "\u{200b}", "\u{ad}", "\u{feff}"];
    for text in ["<script>alert", "<img", "<b onclick", "<u>", "<b>\\"].into_iter().chain(hidden) {
        assert!(!page.contains(text), "{text:?} is in the page");
    }
}

#[test]
fn an_unknown_says_what_decides_it() {
    let mut forged = Forge::default().run();
    forged.rows.truncate(1000);
    forged.is_complete = false;
    let page = page(&forged);
    assert!(page.contains("<p class=\"verdict\">UNKNOWN</p>"));
    assert!(page.contains("If it is true of your target that the listing shows every stored event, write"));
    assert!(section(&page, CheckId::Lost).contains("That would be a contradiction"));
}

#[test]
fn a_run_of_20_000_events_has_a_page_of_at_most_300_kb() {
    let mut forge = Forge::default();
    (forge.scenario.load.count, forge.scenario.load.batch) = (Some(20_000), 5);
    let mut forged = forge.run();
    (100..140).for_each(|key| forged.lose(key));
    let page = page(&forged);
    assert!(page.len() > 60_000, "{} bytes", page.len());
    assert!(page.len() <= 300_000, "{} bytes", page.len());
}
