//! The judgement as Markdown, for the summary of a CI step or a comment on a change, and as
//! annotations of GitHub Actions.
//!
//! Text of a target stands in it escaped: nothing of it is read as Markdown, as HTML, or as a
//! command to the runner.

use std::fmt::Write;

use judge::numbers::grouped;
use judge::verdict::{Check, Finding, Judgement, Reason, Status, Verdict};
use truth::printable::printable;

use crate::advice::{counter_example, next_steps};
use crate::story::{conclusion, groups, rests_on};
use crate::text::sentence;
use crate::units::moment;

/// Most bytes of a summary: a comment takes 64 kB, and a step summary more.
pub const MOST: usize = 64 << 10;

/// Most annotations: GitHub shows ten of a step.
const MOST_ANNOTATIONS: usize = 10;

/// Most characters of a sentence.
const LONGEST: usize = 2_000;

/// Prints the summary: verdict, reasons, counter-example, likely cause, what to do next, and the checks.
/// `cause` is the likely cause of a FAIL, if it is known.
pub fn render(verdict: &Judgement, cause: Option<&str>) -> String {
    let mut sections = vec![head(verdict)];
    if let Some((check, finding)) = counter_example(verdict) {
        sections.push(example(verdict, check, finding));
    }
    sections.extend(cause.map(likely));
    sections.push(next(verdict));
    sections.push(checks(verdict));
    sections.push(coverage(verdict));
    let mut out = String::new();
    for section in sections {
        if out.len() + section.len() > MOST - 100 {
            out.push_str(
                "\nThe rest is longer than a summary may be: see `report.html` in the run folder.\n",
            );
            break;
        }
        out.push_str(&section);
    }
    out
}

fn head(verdict: &Judgement) -> String {
    let mut out = format!("## {}: {}\n\n", verdict.verdict.text(), escaped(sentence(verdict)));
    for reason in verdict.reasons.iter().take(20) {
        write_reason(&mut out, reason);
    }
    let sent = &verdict.attempts;
    let numbers = format!(
        "\n{} attempts sent, {} keys acknowledged, {} of unknown fate, on {}\n",
        grouped(sent.sent),
        grouped(sent.acked_keys),
        grouped(sent.doubtful_keys),
        code(&verdict.target)
    );
    out.push_str(&numbers);
    out
}

/// Writes a reason; below it, what is open and what would decide it.
fn write_reason(out: &mut String, reason: &Reason) {
    let Reason::Open { check, summary, open } = reason else {
        return line(out, &format!("- {}", prose(&reason.to_string())));
    };
    line(out, &format!("- {}: {}", escaped(check.text()), prose(summary)));
    for ground in open {
        let statement = escaped(ground.premise.statement());
        line(out, &format!("  - not certain: {statement}; {}", prose(&ground.because)));
        if let Some(remedy) = ground.remedy() {
            line(out, &format!("  - to decide: {}", prose(remedy)));
        }
    }
}

fn example(verdict: &Judgement, check: &Check, finding: &Finding) -> String {
    let title = if check.status == Status::Fail { "Counter-example" } else { "What is in question" };
    let mut out = format!("\n### {title}\n\n");
    let key = match (finding.ordinal, &finding.topic, &finding.event_id) {
        (Some(ordinal), Some(topic), Some(id)) => {
            format!("key {} ({}, {}). ", grouped(ordinal), code(topic), code(id))
        }
        (None, Some(topic), Some(id)) => format!("row ({}, {}). ", code(topic), code(id)),
        _ => String::new(),
    };
    line(&mut out, &format!("**{}**: {key}{}\n", check.name, prose(&conclusion(check, finding))));
    if !finding.history.is_empty() {
        line(&mut out, "| left | ended | response | connection | request |\n|---:|---:|---|---|---|");
        for group in groups(&finding.history) {
            let end = group.first.end_us.map_or_else(|| "no end".to_owned(), moment);
            let start = moment(group.first.start_us);
            let connection = group.connection();
            line(
                &mut out,
                &format!(
                    "| {start} | {end} | {} | {connection} | {}, {} |",
                    group.answer(),
                    escaped(&group.request()),
                    group.places()
                ),
            );
        }
    }
    if let Some(began) = verdict.began_utc.as_deref().filter(|_| !finding.history.is_empty()) {
        line(&mut out, &format!("\nTimes count from {}.", escaped(began)));
    }
    for sentence in rests_on([check].into_iter()) {
        line(&mut out, &format!("\n{}", prose(&sentence)));
    }
    out
}

fn likely(cause: &str) -> String {
    format!("\n**Likely cause**: {} A guess: the finding is proven, its cause is not.\n", prose(cause))
}

fn next(verdict: &Judgement) -> String {
    let mut out = String::from("\n### What to do next\n\n");
    for (nth, step) in next_steps(verdict).iter().take(20).enumerate() {
        line(&mut out, &format!("{}. {}", nth + 1, prose(step)));
    }
    out
}

fn checks(verdict: &Judgement) -> String {
    let mut out = String::from(
        "\n<details><summary>Checks</summary>\n\n| check | result | compared |\n|---|---|---|\n",
    );
    for check in verdict.checks.iter().filter(|check| check.status != Status::NotTested) {
        let word = match check.status {
            Status::Pass => "ok",
            Status::Fail => "**FAIL**",
            Status::Unknown => "**UNKNOWN**",
            Status::NotTested => "not tested",
        };
        line(&mut out, &format!("| {} | {word} | {} |", check.name, prose(&check.summary)));
    }
    out.push_str("\n</details>\n");
    out
}

fn coverage(verdict: &Judgement) -> String {
    let mut out = String::from("\n<details><summary>What it rests on, and what was not tested</summary>\n\n");
    for (name, seen) in verdict.coverage.kinds() {
        line(&mut out, &format!("- {name}: {} of {} planned", seen.observed, seen.planned));
    }
    for untested in &verdict.not_tested {
        line(&mut out, &format!("- not tested: {}", prose(untested)));
    }
    for observation in &verdict.observations {
        line(&mut out, &format!("- observed: {}", prose(&observation.to_string())));
    }
    out.push_str("\n</details>\n");
    out
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a String takes all that is written");
}

/// Returns the annotations of a verdict for GitHub Actions, a line each: an error for each failed
/// check, a warning for what is open.
pub fn annotations(verdict: &Judgement) -> Vec<String> {
    let level = match verdict.verdict {
        Verdict::Pass => return Vec::new(),
        Verdict::Fail => "error",
        Verdict::Unknown | Verdict::Void => "warning",
    };
    let title = format!("onceproof {}", verdict.verdict.text());
    let line = |message: &str| format!("::{level} title={title}::{}", command_text(message));
    let reasons = verdict.reasons.iter().map(|reason| line(&reason.to_string()));
    let mut lines: Vec<String> = reasons.take(MOST_ANNOTATIONS).collect();
    if lines.is_empty() {
        lines.push(line(sentence(verdict)));
    }
    lines
}

/// Writes a text as a command of the runner takes it.
fn command_text(text: &str) -> String {
    let short: String = text.chars().take(LONGEST).collect();
    printable(&short).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Writes a sentence of the judge: what stands in backquotes is code, and all else is escaped.
fn prose(sentence: &str) -> String {
    let short: String = sentence.chars().take(LONGEST).collect();
    let parts = short.split('`').enumerate();
    parts.map(|(nth, part)| if nth % 2 == 1 { code(part) } else { escaped(part) }).collect()
}

/// Sets a text as code, which is read as it is. A cell of a table ends at a bar even there.
fn code(text: &str) -> String {
    let shown = printable(text).replace('|', "\\|");
    if shown.is_empty() {
        return String::new();
    }
    let longest = shown.split(|one| one != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if shown.starts_with('`') || shown.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

/// Escapes a text, so that it is read as text.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let shown = printable(text);
    let mut letters = shown.chars().peekable();
    while let Some(one) = letters.next() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '`' => {
                out.push('\\');
                out.push(one);
            }
            // Nobody is to be told of it, and no address becomes a link.
            '@' => out.push_str("`@`"),
            ':' if letters.peek() == Some(&'/') => out.push_str("&#58;"),
            _ => out.push(one),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_read_as_markdown_or_html() {
        assert_eq!(escaped("<b>*x*</b> [a](b) @you"), "&lt;b&gt;\\*x\\*&lt;/b&gt; \\[a\\](b) `@`you");
        assert_eq!(code("a`b|c"), "``a`b\\|c``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(prose("set `a = 1` | now"), "set `a = 1` \\| now");
        assert_eq!(escaped("a\n# b\u{202e}"), "a\\\\n\\# b\\\\u{202e}");
    }

    #[test]
    fn an_annotation_is_one_line_whatever_it_quotes() {
        assert_eq!(command_text("50 %\r\n::error::x"), "50 %25\\r\\n::error::x");
    }
}
