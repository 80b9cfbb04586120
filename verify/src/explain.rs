//! `verify explain`: the story of a key, from the run folder alone.

mod curl;

use foldhash::HashSet;
use judge::history::histories;
use reader::console::{print_result, say};
use report::fault::FaultSpan;
use report::findings::numbered;
use report::sight::sights;
use report::story::{Protagonist, Story, groups};
use thiserror::Error;
use truth::chain::chain;
use truth::exit;
use truth::plan::event::{Decoded, Events};
use truth::printable::printable;

use crate::cli::{ExplainOptions, Options};
use crate::run::{Offline, VerifyError, offline};
use curl::Requests;

/// Columns of a terminal that prose fills.
const COLUMNS: usize = 98;

/// Reason why nothing is explained.
#[derive(Debug, Error)]
enum ExplainError {
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("the attempts of the key cannot be read")]
    Walk(#[from] judge::books::walk::WalkError),
    #[error(
        "name a key, such as `verify explain orders/3f0c...` or `verify explain 440`, or a finding with --finding 1"
    )]
    NoKey,
    #[error("the run has no key {key:?}; a key is topic/id, an id, or a number below {keys}")]
    UnknownKey { key: String, keys: u64 },
    #[error("the verdict has {} --finding {wanted} names none of them", counted(*.found))]
    UnknownFinding { wanted: usize, found: usize },
}

fn counted(findings: usize) -> String {
    match findings {
        0 => "no findings, so".to_owned(),
        1 => "1 finding;".to_owned(),
        findings => format!("{findings} findings;"),
    }
}

/// Prints the story that was asked for, and returns the exit code.
pub(crate) fn run(asked: &ExplainOptions) -> u8 {
    match explained(asked) {
        Ok(text) => print_result(&text, exit::OK),
        Err(error) => {
            say(&format!("verify explain: {}", chain(&error)));
            match error {
                ExplainError::Verify(error) => error.exit_code(),
                ExplainError::Walk(_) => exit::UNKNOWN,
                _ => exit::USAGE,
            }
        }
    }
}

fn explained(asked: &ExplainOptions) -> Result<String, ExplainError> {
    let (key, runs) = match (asked.finding, asked.words.split_first()) {
        (Some(_), _) => (None, asked.words.as_slice()),
        (None, Some((key, runs))) => (Some(key), runs),
        (None, None) => return Err(ExplainError::NoKey),
    };
    let options = Options::offline(runs.iter().map(Into::into).collect(), asked.out.clone());
    let judged = offline(&options)?;
    match key {
        Some(key) => {
            let ordinal = ordinal(&judged, key)?;
            of_key(&judged, ordinal, asked.whole)
        }
        None => of_finding(&judged, asked.finding.unwrap_or(0), asked.whole),
    }
}

/// Finds the key that a word names.
fn ordinal(judged: &Offline, word: &str) -> Result<u64, ExplainError> {
    let events = &judged.evidence.events;
    let keys = judged.evidence.keys.end;
    let unknown = || ExplainError::UnknownKey { key: word.to_owned(), keys };
    if let Some(ordinal) = named(events, word) {
        return Ok(ordinal);
    }
    let number: u64 = word.replace(',', "").parse().map_err(|_| unknown())?;
    if number < keys { Ok(number) } else { Err(unknown()) }
}

/// Finds a key by its topic and id. Either may hold a slash. An id alone will do.
fn named(events: &Events, word: &str) -> Option<u64> {
    let is_ours = |topic: &str, id: &str| match events.decode(topic, id) {
        Decoded::Ours(ordinal) => Some(ordinal),
        Decoded::WrongTopic(_) | Decoded::Foreign => None,
    };
    let slashes = word.match_indices('/').map(|(at, _)| at);
    let mut split = slashes.filter_map(|at| is_ours(&word[..at], &word[at + 1..]));
    split.next().or_else(|| events.topics().iter().find_map(|topic| is_ours(topic, word)))
}

fn of_finding(judged: &Offline, wanted: usize, is_whole: bool) -> Result<String, ExplainError> {
    let faults = numbered(&judged.verdict);
    let found = faults.len();
    let nth = wanted.checked_sub(1).and_then(|nth| faults.get(nth));
    let Some((check, finding)) = nth else { return Err(ExplainError::UnknownFinding { wanted, found }) };
    match (finding.ordinal, &finding.topic, &finding.event_id) {
        (Some(ordinal), ..) => of_key(judged, ordinal, is_whole),
        (None, Some(topic), Some(event_id)) => {
            let key = Protagonist { ordinal: None, topic, event_id, attempts: &[], sights: &[], faults: &[] };
            Ok(told(&Story::of(&key, &[(check, finding)])))
        }
        _ => Ok(told(&Story::of_fault(check, finding))),
    }
}

fn of_key(judged: &Offline, ordinal: u64, is_whole: bool) -> Result<String, ExplainError> {
    let evidence = &judged.evidence;
    let wanted: HashSet<u64> = std::iter::once(ordinal).collect();
    let attempts = histories(evidence, &wanted)?.remove(&ordinal).unwrap_or_default();
    let topic = evidence.events.topic(ordinal);
    let sights = sights(&evidence.observed, ordinal, topic);
    let event_id = evidence.events.id_text(ordinal);
    let key = Protagonist {
        ordinal: Some(ordinal),
        topic,
        event_id: &event_id,
        attempts: &attempts,
        sights: &sights,
        faults: &recorded_faults(judged),
    };
    let mut faults = numbered(&judged.verdict);
    faults.retain(|(_, finding)| finding.ordinal == Some(ordinal));
    let mut text = told(&Story::of(&key, &faults));
    let requests = Requests::new(&judged.runs[0].manifest, &evidence.plan, is_whole);
    text.push_str("\nIts requests, to send by hand:\n");
    let mut written: Vec<String> = Vec::new();
    for group in groups(&attempts) {
        let request = requests.of(&evidence.plan, group.first, ordinal);
        if !written.contains(&request) {
            text.push('\n');
            text.push_str(&request);
            written.push(request);
        }
    }
    if written.is_empty() {
        text.push_str("\nnone: no attempt of it is on record\n");
    }
    Ok(text)
}

/// Faults of all runs that are on record.
fn recorded_faults(judged: &Offline) -> Vec<FaultSpan> {
    let frames = &judged.evidence.frames;
    let clocks = frames.clocks();
    let run_of = frames.runs();
    let faults = judged.runs.iter().enumerate().flat_map(|(nth, run)| {
        let segment = run_of.iter().position(|run| *run == nth).unwrap_or(0);
        FaultSpan::all_of(&run.faults, |t| clocks.since_us(segment, t))
    });
    faults.collect()
}

/// Prints a story, a paragraph for each sentence.
fn told(story: &Story) -> String {
    let all = story.sentences.iter().chain(&story.rests_on);
    all.map(|sentence| filled(&printable(sentence))).collect()
}

/// Breaks a paragraph into lines.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > COLUMNS {
            out.push_str("\n  ");
            column = 2;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_is_broken_between_words() {
        let text = filled(&"word ".repeat(40));
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
