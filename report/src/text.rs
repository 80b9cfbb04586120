//! The judgement for people: the verdict first, then the reasons, then what it rests on.

use judge::books::region::Bounds;
use judge::numbers::{counted, grouped, grouped_signed};
use judge::resend::hangs_on_sentinels;
use judge::verdict::{
    Attempt, Attempts, Check, CheckId, Finding, Ground, Judgement, Observation, Premise, Reason, SHOWN_KEYS,
    SentAgain, Status, Verdict,
};
use truth::printable::printable;

/// Report in the making. Each line is made printable as a whole, whatever it quotes.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(&printable(line));
        self.0.push('\n');
    }

    /// Adds lines that are printable already.
    fn lines(&mut self, lines: &str) {
        self.0.push_str(lines);
    }
}

/// Adds a line, written as `format!` takes it.
macro_rules! line {
    ($page:expr) => { $page.line("") };
    ($page:expr, $($text:tt)+) => { $page.line(&format!($($text)+)) };
}

/// Prints the report.
pub fn render(verdict: &Judgement) -> String {
    let mut out = Page::default();
    head(&mut out, verdict);
    checks(&mut out, verdict);
    findings(&mut out, verdict);
    rests_on(&mut out, verdict);
    tail(&mut out, verdict);
    out.0
}

fn head(out: &mut Page, verdict: &Judgement) {
    for observation in verdict.observations.iter().filter(|observation| is_first(observation)) {
        line!(out, "{observation}");
    }
    line!(out, "{}  {}", verdict.verdict.text(), sentence(verdict));
    verdict.reasons.iter().for_each(|reason| write_reason(out, reason, verdict));
    let sent = &verdict.attempts;
    line!(out);
    for observation in verdict.observations.iter().filter(|observation| is_at_the_top(observation)) {
        line!(out, "  observed    {observation}");
    }
    line!(
        out,
        "  sent        {}: {} acknowledged ({}), {} unknown{}, {} rejected, {} never sent",
        counted(sent.sent, "attempt", "attempts"),
        grouped(sent.acked),
        kinds(sent),
        grouped(sent.unknown),
        if sent.unclear > 0 { format!(", {} unclear", grouped(sent.unclear)) } else { String::new() },
        grouped(sent.rejected),
        grouped(sent.never_sent),
    );
    line!(
        out,
        "  keys        {} acknowledged, {} whose fate is unknown",
        grouped(sent.acked_keys),
        grouped(sent.doubtful_keys)
    );
    line!(out, "  target      {}", verdict.target);
    if let Some(began) = &verdict.began_utc {
        line!(out, "  began       {began}; times of attempts count from then");
    }
}

/// Writes a reason; below it, what is open and what would decide it.
fn write_reason(out: &mut Page, reason: &Reason, verdict: &Judgement) {
    let Reason::Open { check, summary, open } = reason else {
        line!(out, "  - {reason}");
        return;
    };
    line!(out, "  - {check}: {summary}");
    for ground in open {
        let Ground { premise, because, .. } = ground;
        line!(out, "      not certain: {}; {because}", premise.statement());
        if let Some(remedy) = ground.remedy() {
            line!(out, "      to decide:   {remedy}");
        }
    }
    if open.iter().any(|ground| ground.remedy().is_some()) {
        line!(out, "      Write only what is true of your target, and run loadgen again.");
    }
    if open.iter().any(|ground| is_open_to_sentinels(ground, verdict)) {
        line!(
            out,
            "      Or try `{} --sentinels`, which sends some more events and looks if they are shown.",
            verdict.called
        );
    }
}

/// True if sentinels would show more about what is open, and none were sent yet.
fn is_open_to_sentinels(open: &Ground, verdict: &Judgement) -> bool {
    let were_sent =
        verdict.observations.iter().any(|said| matches!(said, Observation::SentinelsAdded { .. }));
    matches!(open.premise, Premise::Whole | Premise::Fresh) && !were_sent && hangs_on_sentinels(verdict)
}

/// Says how many acknowledged attempts were reported as new and as duplicates, if any were.
fn kinds(sent: &Attempts) -> String {
    if sent.acked > 0 && sent.reported_new == 0 && sent.reported_duplicate == 0 {
        return "new or duplicate not reported".to_owned();
    }
    format!("{} new, {} duplicate", grouped(sent.reported_new), grouped(sent.reported_duplicate))
}

/// Returns true for an observation that comes before all else.
fn is_first(observation: &Observation) -> bool {
    matches!(
        observation,
        Observation::OfFirstRelease | Observation::Unfinished { .. } | Observation::SentinelsAdded { .. }
    )
}

/// Returns true for the observations that stand at the top, before what was sent.
fn is_at_the_top(observation: &Observation) -> bool {
    matches!(
        observation,
        Observation::RepeatsRefused { .. }
            | Observation::FirstRefused { .. }
            | Observation::Unpromised { premise: Premise::RepeatAccepted, .. }
    )
}

/// Meaning of a verdict, in one sentence.
pub(crate) fn sentence(verdict: &Judgement) -> &'static str {
    // Where no key is shown, the counters are all that was compared.
    let is_shown = |check: &Check| check.name == CheckId::StoredTwice && check.status != Status::NotTested;
    match verdict.verdict {
        Verdict::Pass if !verdict.checks.iter().any(is_shown) => {
            "every acknowledged event is counted once; which events are stored was not shown"
        }
        Verdict::Pass => "every acknowledged event is stored exactly once",
        Verdict::Fail => "the target broke what it acknowledged or promised",
        Verdict::Unknown => "the evidence does not show whether every event is stored exactly once",
        Verdict::Void => "the run did not test what it was meant to",
    }
}

fn checks(out: &mut Page, verdict: &Judgement) {
    // What was not tested stands further down, each with its reason.
    let mut made = verdict.checks.iter().filter(|check| check.status != Status::NotTested).peekable();
    if made.peek().is_some() {
        line!(out);
    }
    for check in made {
        line!(out, "  {:<20} {:<10} {}", check.name, status(check.status), check.summary);
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Pass => "ok",
        Status::Fail => "FAIL",
        Status::Unknown => "UNKNOWN",
        Status::NotTested => "not tested",
    }
}

fn findings(out: &mut Page, verdict: &Judgement) {
    for check in &verdict.checks {
        let details = details(check);
        if !details.is_empty() || !check.premises.is_empty() {
            line!(out);
            line!(out, "  {}", title(check));
            out.lines(&details);
            premises(out, &check.premises);
        }
    }
}

/// Premises that the findings of a check rest on, one line each.
fn premises(out: &mut Page, premises: &[Ground]) {
    for (nth, ground) in premises.iter().enumerate() {
        let label = if nth == 0 { "rests on" } else { "" };
        let Ground { standing, because, premise } = ground;
        let remedy = ground.remedy().map_or_else(String::new, |remedy| format!("; to decide: {remedy}"));
        line!(out, "    {label:<9}{premise:<22} {:<9} {because}{remedy}", standing.text());
    }
}

/// Table of all premises of a run.
pub fn premise_table(verdict: &Judgement) -> String {
    let mut out = Page::default();
    line!(out, "Premises of this run");
    for ground in &verdict.premises {
        let Ground { premise, standing, because } = ground;
        line!(out, "  {premise:<22} {:<9} {because}", standing.text());
        if let Some(remedy) = ground.remedy() {
            line!(out, "  {:<32} to decide: {remedy}", "");
        }
    }
    out.0
}

/// Findings of a check, each key with its attempts.
pub(crate) fn details(check: &Check) -> String {
    let mut out = Page::default();
    // A finding that is all there is to say stands in the summary.
    let findings = check.findings.iter().filter(|finding| finding.detail != check.summary);
    findings.for_each(|finding| write_finding(&mut out, finding));
    out.0
}

fn title(check: &Check) -> String {
    let shown = check.findings.len() as u64;
    if shown < check.count && check.findings.len() == SHOWN_KEYS {
        format!("{} (the first {shown})", check.name)
    } else {
        check.name.to_string()
    }
}

fn write_finding(out: &mut Page, finding: &Finding) {
    match (&finding.topic, &finding.event_id) {
        (Some(topic), Some(id)) => {
            let key = finding.ordinal.map_or_else(|| "row".to_owned(), |ordinal| format!("key {ordinal}"));
            line!(out, "    {key} ({topic}, {id}): {}", finding.detail);
        }
        _ => line!(out, "    {}", finding.detail),
    }
    if let Some(traceparent) = &finding.traceparent {
        line!(out, "      trace {}", trace(traceparent));
    }
    for attempt in &finding.history {
        line!(out, "      {}", attempt_line(attempt));
    }
}

fn attempt_line(attempt: &Attempt) -> String {
    let ms = |micros: u64| format!("{}.{:03} ms", micros / 1000, micros % 1000);
    let end = attempt.end_us.map_or_else(|| "?".to_owned(), ms);
    let retry =
        if attempt.try_number == 0 { String::new() } else { format!(", try {}", attempt.try_number + 1) };
    let status =
        if attempt.status == 0 { "no response".to_owned() } else { format!("status {}", attempt.status) };
    let shard = attempt.shard.map_or_else(String::new, |shard| format!("shard {shard}, "));
    let trace = attempt.traceparent.as_deref().map(|traceparent| format!(", trace {}", trace(traceparent)));
    format!(
        "{} to {end}: {}, {status} ({shard}{}, request {}, place {}, connection {}{retry}{})",
        ms(attempt.start_us),
        attempt.outcome.text(),
        attempt.scope,
        attempt.request,
        attempt.place,
        attempt.connection,
        trace.unwrap_or_default()
    )
}

/// Returns the two ids of a trace context, by which traces are looked up.
fn trace(traceparent: &str) -> String {
    let mut parts = traceparent.split('-').skip(1);
    let [trace, span] = [(); 2].map(|()| parts.next().unwrap_or_default());
    format!("{trace} span {span}")
}

fn rests_on(out: &mut Page, verdict: &Judgement) {
    if verdict.checks.is_empty() {
        return;
    }
    line!(out);
    for (name, seen) in verdict.coverage.kinds() {
        let bound = bound_in_percent(seen.observed).map_or_else(String::new, |bound| {
            format!("; a fault in {bound} of them shows with 95 % confidence")
        });
        line!(out, "  {name:<20} {} of {} planned{bound}", grouped(seen.observed), grouped(seen.planned));
    }
    if let Some(slack) = &verdict.counters {
        let counter = |delta: Option<i128>, bounds: Bounds| {
            let said = match delta.map(u64::try_from) {
                None => "not reported".to_owned(),
                Some(Ok(grown)) => grouped(grown),
                Some(Err(_)) => grouped_signed(delta.unwrap_or_default()),
            };
            match bounds.slack() {
                0 => format!("{said}; must be {}", grouped(bounds.low)),
                _ => {
                    let low = grouped(bounds.low);
                    let high = grouped(bounds.high);
                    format!("{said}; must be {low} to {high}")
                }
            }
        };
        line!(out, "  {:<20} {}", "received", counter(slack.deltas.received, slack.received));
        line!(out, "  {:<20} {}", "unique", counter(slack.deltas.unique, slack.unique));
        line!(out, "  {:<20} {}", "duplicates", counter(slack.deltas.duplicates, slack.duplicates));
    }
    for (name, again) in [("resolved", &verdict.resolved), ("replayed", &verdict.replayed)] {
        if let Some(again) = again {
            line!(out, "  {name:<20} {}", sent_again(again));
        }
    }
    let count = |seen: Option<bool>| verdict.planted.iter().filter(|planted| planted.seen == seen).count();
    let seen = count(Some(true));
    let missed = count(Some(false));
    let self_test = match seen + missed {
        0 => "skipped: no suitable evidence in this run".to_owned(),
        tried => format!("{seen} of {tried} defects planted in this run's evidence were found"),
    };
    line!(out, "  {:<20} {self_test}", "self-test");
    let is_further = |observation: &&Observation| !is_first(observation) && !is_at_the_top(observation);
    for observation in verdict.observations.iter().filter(is_further) {
        line!(out, "  {:<20} {observation}", "observed");
    }
    if !verdict.not_tested.is_empty() {
        line!(out);
        line!(out, "  not tested");
        for line in &verdict.not_tested {
            line!(out, "    {line}");
        }
    }
}

fn sent_again(again: &SentAgain) -> String {
    let kinds = [
        ("new", again.reported_new),
        ("duplicate", again.reported_duplicate),
        ("accepted", again.accepted),
        ("unknown", again.unknown),
        ("unclear", again.unclear),
        ("rejected", again.rejected),
        ("never sent", again.never_sent),
    ];
    let kinds = kinds.into_iter().filter(|(_, count)| *count > 0);
    let kinds: Vec<String> = kinds.map(|(name, count)| format!("{} {name}", grouped(count))).collect();
    format!("{} sent again: {}", counted(again.keys, "key", "keys"), kinds.join(", "))
}

/// The rule of three: nothing seen in n samples bounds the rate at 3/n.
pub(crate) fn bound_in_percent(samples: u64) -> Option<String> {
    (samples >= 3).then(|| {
        let bound = 300.0 / samples as f64;
        if bound >= 0.1 { format!("{bound:.1} %") } else { format!("{bound:.4} %") }
    })
}

fn tail(out: &mut Page, verdict: &Judgement) {
    line!(out);
    for run in &verdict.runs {
        line!(out, "  run         {run}");
    }
    if verdict.observation > 0 {
        line!(out, "  observation {}", verdict.observation);
    }
    if !verdict.rerun.is_empty() {
        line!(out, "  rerun       {}", verdict.rerun);
    }
}
