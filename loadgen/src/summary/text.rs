//! Summary for people, in k6's form, and a last line for scripts.

use std::borrow::Cow;
use std::path::Path;

use reader::invocation::{Program, called};
use truth::printable::printable;
use truth::record::ending::{CheckedThreshold, Ending, Reached};

use super::Summary;
use super::executor::ExecutorSummary;
use super::punctuality::Punctuality;
use super::samples::Submetric;
use super::sections::{RetryAfter, Unit};
use crate::connection::shortage::Met;
use crate::meter::latency::{Quantiles, ms};
use crate::watch::notice::counted;

/// Column of the values.
const LEADERS: usize = 24;

/// Renders the block and the last line.
pub(super) fn render(summary: &Summary, folder: &Path, judged_later: Option<&Path>) -> String {
    let mut lines = vec![String::new()];
    let not_held = summary.schedule.and_then(|schedule| schedule.fault());
    let not_held = not_held.map(|why| format!("     the rate was not held: {why}"));
    lines.extend(ending(summary).into_iter().chain(not_held).flat_map(|line| [line, String::new()]));
    lines.extend(outcomes(summary));
    lines.push(String::new());
    lines.extend(traffic(summary));
    lines.push(String::new());
    if !summary.executors.is_empty() {
        lines.extend(summary.executors.iter().map(|one| executor(one, summary.unit)));
        lines.push(String::new());
    }
    if !summary.beside.is_empty() {
        lines.extend(summary.beside.iter().map(|one| line(&format!("beside {}", one.name), &one.text())));
        lines.push(String::new());
    }
    if !summary.thresholds.is_empty() {
        lines.extend(summary.thresholds.iter().map(threshold));
        lines.push(String::new());
    }
    lines.push(format!("     run folder: {}", folder.display()));
    if let Some(out) = judged_later {
        lines.push(format!("     to judge the target: {}", verify_command(folder, out)));
    }
    lines.push(String::new());
    lines.push(done(summary));
    lines.push(String::new());
    let lines: Vec<Cow<'_, str>> = lines.iter().map(|line| printable(line)).collect();
    lines.join("\n")
}

fn ending(summary: &Summary) -> Option<String> {
    let never = summary.events.never_sent;
    let planned = summary.planned.map(|planned| planned.events);
    let left = planned.unwrap_or_else(|| attempted(summary)).saturating_sub(never);
    let of = planned.map_or_else(String::new, |planned| format!(" of {planned}"));
    let text = match summary.ended {
        Ending::Complete if summary.ledger_written => return None,
        Ending::Complete | Ending::LaneLost => "the run was stopped: its ledger could not be written",
        Ending::OutOfPatience => match summary.lacked() {
            Some(shortage) => &format!("the run was given up: {}", shortage.text()),
            None => "the run was given up: the target no longer responded",
        },
        Ending::Interrupted | Ending::Aborted => "the run was interrupted",
        Ending::Threshold => "the run was ended by a threshold",
    };
    let unit = summary.unit.name();
    Some(format!("     {text}; at most {left}{of} {unit} were sent"))
}

fn outcomes(summary: &Summary) -> Vec<String> {
    let events = &summary.events;
    // The share of all attempts, because outcomes are counted in attempts, and a retry is one more
    // than was planned.
    let all = attempted(summary);
    let share = |count: u64| count as f64 * 100.0 / all.max(1) as f64;
    let kinds = match (events.acked, events.reported_new + events.reported_duplicate) {
        (1.., 0) => "new or duplicate not reported".to_owned(),
        _ => format!("new={} duplicate={}", events.reported_new, events.reported_duplicate),
    };
    let of_events = line("acked", &format!("{} {:.2}%  {kinds}", events.acked, share(events.acked)));
    let first = if summary.unit == Unit::Requests { line("statuses", &statuses(summary)) } else { of_events };
    let mut lines = vec![first];
    let rest = [
        ("rejected", events.rejected),
        ("unknown", events.unknown),
        ("unclear", events.unclear),
        ("never_sent", events.never_sent),
    ];
    for (name, count) in rest.into_iter().filter(|(_, count)| *count > 0) {
        lines.push(line(name, &format!("{count} {:.2}%{}", share(count), why(summary, name))));
    }
    lines.extend(trouble(summary));
    if summary.unit == Unit::Events {
        lines.push(line("races", &races(summary)));
    }
    lines
}

/// Returns why requests have no usable response, and what the first unexpected one says.
fn trouble(summary: &Summary) -> Vec<String> {
    let trouble = &summary.trouble;
    let lost = trouble.lost_because.iter();
    let lost =
        lost.map(|lost| line("because", &format!("{}: {}", counted(lost.requests, "request"), lost.example)));
    let unexpected =
        trouble.first_unexpected.iter().map(|first| line("first_unexpected", &first.to_string()));
    let unclear = trouble.first_unclear.iter().map(|first| match summary.events.unclear {
        0 => line(
            "by_status_alone",
            &format!("no response fits [target.answer], so each 2xx acknowledges; the first is {first}"),
        ),
        _ => line("first_unclear", &first.to_string()),
    });
    let redirected = summary.redirected().map(|redirected| line("redirects", &redirected));
    let asked =
        summary.retry_after.map(|asked| line("retry_after", &paused(asked, summary.schedule.is_some())));
    lost.chain(unexpected).chain(unclear).chain(redirected).chain(asked).collect()
}

/// Returns the pauses that responses asked for. At a rate, connections pause only before a retry.
fn paused(asked: RetryAfter, is_paced: bool) -> String {
    let responses = counted(asked.responses, "response");
    let kept = if is_paced { "; the schedule went on" } else { "" };
    format!(
        "{responses} asked for a pause: {:.1}s in all, {:.1}s at most{kept}",
        asked.paused_s, asked.longest_s
    )
}

fn statuses(summary: &Summary) -> String {
    let answered = summary.requests.statuses.iter().map(|(status, count)| format!("{status}={count}"));
    let answered: Vec<String> = answered.collect();
    if answered.is_empty() { "no response".to_owned() } else { answered.join(" ") }
}

/// Returns all attempts, retries included, and the events that were never sent.
fn attempted(summary: &Summary) -> u64 {
    let events = &summary.events;
    events.acked + events.rejected + events.unknown + events.unclear + events.never_sent
}

/// Returns the causes of failed attempts, in requests.
fn why(summary: &Summary, outcome: &str) -> String {
    let requests = &summary.requests;
    let mut text = String::new();
    let mut add = |what: &str, count: u64| {
        if count > 0 {
            text.push_str(&format!("  {what}={count}"));
        }
    };
    match outcome {
        "unknown" => {
            let doubts = requests.unknown_because;
            add("timed_out", doubts.timed_out);
            add("connection_broke", doubts.connection_broke);
            add("answer_malformed", doubts.answer_malformed);
            for (status, count) in &requests.undeclared_statuses {
                add(&format!("status_{status}"), *count);
            }
            add("cut_short", doubts.cut_short);
        }
        "unclear" => text.push_str("  the body contradicts [target.answer] or [[target.answers]]"),
        "rejected" => {
            for (status, count) in &requests.rejected_statuses {
                add(&format!("status_{status}"), *count);
            }
        }
        _ => {}
    }
    text
}

fn races(summary: &Summary) -> String {
    let races = summary.races;
    let releases = races.releases_complete + races.releases_incomplete;
    if releases == 0 {
        let reason = if summary.connections_used == 1 {
            "one connection sends one request after the other"
        } else {
            "no key is in two requests that are sent together"
        };
        return format!("0 expected: {reason}");
    }
    let incomplete = match races.releases_incomplete {
        0 => String::new(),
        some => format!(", {some} of them incomplete"),
    };
    let addresses = match summary.addresses_used() {
        0 | 1 => String::new(),
        several => format!(", over {several} addresses"),
    };
    format!(
        "{} of {} planned pairs of one key overlapped, in {}{incomplete}{addresses}",
        races.pairs_observed,
        races.pairs_planned,
        counted(releases, "release")
    )
}

fn traffic(summary: &Summary) -> Vec<String> {
    let requests = summary.requests_measured();
    let bytes = summary.bytes_measured();
    let mut all_requests = format!("{}  {:.1}/s", requests.sent, summary.requests_per_s);
    if requests.retries > 0 {
        all_requests.push_str(&format!("  retries={}", requests.retries));
    }
    let events = &summary.events;
    let warm_up = summary.warm_up.unwrap_or_default();
    let left = attempted(summary) - events.never_sent - warm_up.events;
    let connections = summary.connections;
    let mut used = format!("opened={} broken={}", connections.opened, connections.broken);
    for (name, count) in [("reconnects", connections.reconnects), ("refused", connections.refused)] {
        if count > 0 {
            used.push_str(&format!(" {name}={count}"));
        }
    }
    let memory = summary
        .generator
        .peak_rss_bytes
        .map_or("?".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
    let mut lines = vec![
        ("http_req_duration", quantiles(summary.service_time.as_ref())),
        ("response_time", quantiles(summary.response_time.as_ref())),
        ("parts", parts(summary)),
    ];
    lines.extend(summary.schedule.map(|schedule| ("schedule", kept(&schedule))));
    lines.extend(summary.warm_up.map(|warm_up| {
        let events = format!("{} events in ", warm_up.events);
        let events = if summary.unit == Unit::Events { events } else { String::new() };
        ("warm_up", format!("{events}{} requests, not counted in these lines", warm_up.requests))
    }));
    lines.push(("http_req_failed", failed(requests.failed, requests.sent)));
    lines.push(("http_reqs", all_requests));
    if summary.unit == Unit::Events {
        lines.push(("events", format!("{left}  {:.0}/s", summary.events_per_s)));
    }
    lines.extend([
        ("data_sent", data(bytes.sent, summary.duration_s)),
        ("data_received", data(bytes.received, summary.duration_s)),
        ("connections", used),
    ]);
    lines.extend(addresses(summary).map(|each| ("addresses", each)));
    lines.extend(summary.own_limits.met().map(|Met { shortage, count }| {
        let connections = counted(count, "connection");
        ("this_machine", format!("{connections} failed: {}; {}", shortage.text(), shortage.way_out()))
    }));
    lines.extend([(
        "generator",
        format!("cpu={:.2}s memory={memory} duration={:.2}s", summary.generator.cpu_s, summary.duration_s),
    )]);
    with_submetrics(&lines, summary)
}

/// Returns the connections of each address, if there are several.
fn addresses(summary: &Summary) -> Option<String> {
    let each = summary.addresses.iter().map(|Reached { address, opened, failed }| match failed {
        0 => format!("{address}={opened}"),
        failed => format!("{address}={opened} (failed={failed})"),
    });
    let each: Vec<String> = each.collect();
    (each.len() > 1).then(|| each.join(" "))
}

/// Puts the metrics with tags under the lines of their metrics, as k6 does, and the others at the
/// end.
fn with_submetrics(lines: &[(&str, String)], summary: &Summary) -> Vec<String> {
    let mut rest: Vec<(&String, &Submetric)> = summary.submetrics.iter().collect();
    let mut all = Vec::new();
    for (metric, value) in lines {
        all.push(line(metric, value));
        rest.retain(|(name, part)| {
            let tags = name.strip_prefix(metric).map(str::trim_start).filter(|tags| tags.starts_with('{'));
            all.extend(tags.map(|tags| line(&format!("  {tags}"), &submetric(name, part, summary))));
            tags.is_none()
        });
    }
    all.extend(rest.iter().map(|(name, part)| line(name, &submetric(name, part, summary))));
    all
}

fn submetric(name: &str, part: &Submetric, summary: &Summary) -> String {
    match part {
        Submetric::Trend(all) => quantiles(all.as_ref()),
        Submetric::Rate { failed: count, requests } => failed(*count, *requests),
        Submetric::Counter { count, .. } if name.starts_with("data_") => data(*count, summary.duration_s),
        Submetric::Counter { count, per_s } => format!("{count}  {per_s:.1}/s"),
    }
}

/// Returns the parts of the times of connections and requests.
fn parts(summary: &Summary) -> String {
    let parts = summary.parts;
    let each = [
        ("connecting", parts.connecting),
        ("tls", parts.tls_handshaking),
        ("waiting", parts.waiting),
        ("receiving", parts.receiving),
    ];
    let shown = each.into_iter().filter_map(|(name, all)| {
        let all = all?;
        Some(format!("{name} med={} p(95)={}", ms(all.p50_ms), ms(all.p95_ms)))
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "no sample".to_owned() } else { shown.join("  ") }
}

/// Returns the line of one executor.
fn executor(executor: &ExecutorSummary, unit: Unit) -> String {
    let Some(began_s) = executor.began_s else { return line(&executor.name, "never began") };
    let times = executor.response_time.map_or_else(String::new, |all| {
        format!("  response_time med={} p(95)={} max={}", ms(all.p50_ms), ms(all.p95_ms), ms(all.max_ms))
    });
    let warm_up = if executor.measured { "" } else { "  (warm-up)" };
    let unit = unit.name();
    let value = format!(
        "from {began_s:.1}s for {:.1}s  {} {unit}  {:.0}/s{times}{warm_up}",
        executor.duration_s, executor.events, executor.events_per_s
    );
    line(&executor.name, &value)
}

/// Returns the line of a threshold, marked as k6 does.
fn threshold(checked: &CheckedThreshold) -> String {
    let mark = if checked.ok { '✓' } else { '✗' };
    format!("     {mark} {}  ({})", checked.threshold, checked.remarks())
}

/// Returns how the planned instants were kept.
fn kept(schedule: &Punctuality) -> String {
    let part = |name: &str, quantiles: Option<Quantiles>| {
        quantiles.map_or_else(String::new, |all| {
            format!("{name} med={} p(99)={} max={}  ", ms(all.p50_ms), ms(all.p99_ms), ms(all.max_ms))
        })
    };
    format!(
        "{}{}late={} dropped={}",
        part("lateness", schedule.lateness),
        part("lag", schedule.generator_lag),
        schedule.late_iterations,
        schedule.dropped_iterations
    )
}

fn failed(failed: u64, requests: u64) -> String {
    let share = failed as f64 * 100.0 / requests.max(1) as f64;
    format!("{share:.2}%  {failed} out of {requests}")
}

fn line(name: &str, value: &str) -> String {
    format!("     {name:.<LEADERS$}: {value}")
}

fn quantiles(quantiles: Option<&Quantiles>) -> String {
    match quantiles {
        None => "no sample".to_owned(),
        Some(all) => format!(
            "avg={} min={} med={} max={} p(90)={} p(95)={}",
            ms(all.avg_ms),
            ms(all.min_ms),
            ms(all.p50_ms),
            ms(all.max_ms),
            ms(all.p90_ms),
            ms(all.p95_ms)
        ),
    }
}

fn data(bytes: u64, seconds: f64) -> String {
    let rate = if seconds > 0.0 { bytes as f64 / seconds } else { 0.0 };
    format!("{}  {}/s", size(bytes as f64), size(rate))
}

fn size(bytes: f64) -> String {
    match bytes {
        small if small < 1e3 => format!("{small:.0} B"),
        medium if medium < 1e6 => format!("{:.1} kB", medium / 1e3),
        large if large < 1e9 => format!("{:.1} MB", large / 1e6),
        huge => format!("{:.1} GB", huge / 1e9),
    }
}

/// Returns the command to judge the run. The folder is optional where `verify` finds it by itself.
fn verify_command(folder: &Path, out: &Path) -> String {
    let verify = called(Program::Verify);
    if out == Path::new("results") {
        format!("{verify}   (after a later run: {verify} {})", folder.display())
    } else {
        format!("{verify} {}", folder.display())
    }
}

/// Returns the line for scripts: the sums of the responses.
fn done(summary: &Summary) -> String {
    let answers = summary.answers;
    let sum = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
    let rate = match answers.duplicates {
        Some(duplicates) if answers.received > 0 => {
            format!("{:.2}%", duplicates as f64 * 100.0 / answers.received as f64)
        }
        Some(_) => "0.00%".to_owned(),
        None => "?".to_owned(),
    };
    let mut text = match summary.unit {
        Unit::Events => format!(
            "done received={} inserted={} duplicates={} dup_rate={rate}",
            answers.received,
            sum(answers.inserted),
            sum(answers.duplicates)
        ),
        Unit::Requests => {
            format!("done requests={} failed={}", summary.requests.sent, summary.requests.failed)
        }
    };
    let events = &summary.events;
    let rest = [
        ("unknown", events.unknown),
        ("unclear", events.unclear),
        ("rejected", events.rejected),
        ("never_sent", events.never_sent),
    ];
    for (name, count) in rest.into_iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!(" {name}={count}"));
    }
    text
}
