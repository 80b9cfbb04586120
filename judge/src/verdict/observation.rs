//! Observations: what happened besides, without an effect on the verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

use truth::excerpt::excerpt;
use truth::record::trouble::{LostBecause, Specimen};

use super::premise::Premise;
use crate::numbers::{counted, enumerated, grouped};

/// Most characters of a text of the run folder that are shown.
const SHOWN: usize = 500;

/// Most reasons that are shown; `loadgen` knows fewer.
const SHOWN_REASONS: usize = 20;

/// Sentence about a run folder of the first release.
const OF_FIRST_RELEASE: &str = "the run folder is of release 0.1: none of its files is sealed, summary.json says how the run ended, \
     and a promise counts only where it differs from the preset `strict`, that release's default";

/// Something worth knowing that decides nothing. [`fmt::Display`] writes the sentence of reports
/// and files.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Observation {
    /// A run folder is in the format of 0.1.
    OfFirstRelease,
    /// The run sent a part of its plan.
    Unfinished {
        /// Attempts that left, or may have left.
        sent: u64,
        /// Attempts of the plan.
        planned: u64,
    },
    /// Repeats of acknowledged keys were refused, and nothing rules out that this was a bad time.
    RepeatsRefused {
        /// Sentence with the numbers.
        detail: String,
    },
    /// First copies were refused in bulk.
    FirstRefused {
        /// Sentence with the numbers.
        detail: String,
    },
    /// Acknowledged keys appeared in a later look only.
    SeenLate {
        /// Number of keys.
        keys: u64,
        /// Time from the first reading to the last look, in milliseconds.
        looked_ms: u64,
    },
    /// Presence was read from the database, as the target does not list all.
    ReadFromDatabase {
        /// Rows of this run that the target lists; none if it lists nothing.
        listed: Option<u64>,
    },
    /// A planned fault happened.
    FaultDone {
        /// Fault as planned: `kill at 30%`.
        planned: String,
        /// Time after the first send, in milliseconds.
        after_ms: u64,
        /// Attempts that had ended.
        attempts_ended: u64,
        /// Evidence that it happened.
        proof: String,
    },
    /// Connections went to several addresses of the target.
    SeveralAddresses {
        /// Number of addresses.
        addresses: usize,
        /// True if copies of one key overlapped.
        has_races: bool,
    },
    /// Others stored events after the run.
    StoredByOthers {
        /// Number of events.
        events: u64,
    },
    /// A counter was behind under load, without a promise that it is not.
    Lag {
        /// Sentence about the counter.
        detail: String,
    },
    /// The database holds more rows of others than before.
    OthersInDatabase {
        /// Number of rows.
        rows: u64,
    },
    /// No row shows some of the contents that were sent.
    ContentsHidden {
        /// Their names.
        contents: Vec<&'static str>,
    },
    /// The form of the listed timestamps is not understood.
    TimestampsUnclear {
        /// A listed timestamp.
        example: String,
    },
    /// The target restarted during the run, unplanned.
    Restarted {
        /// Time after the first send, in words.
        when: String,
    },
    /// The target restarted between the run and its reading.
    RestartedAfterRun,
    /// Responses reported server errors.
    ServerErrors {
        /// Number of responses, by status.
        responses: Vec<(u16, u64)>,
    },
    /// Requests of the run have no whole response.
    Unanswered {
        /// Reasons that the sender tells.
        because: Vec<LostBecause>,
    },
    /// The target did not acknowledge every request.
    Unexpected {
        /// First response without an acknowledgement.
        first: Specimen,
    },
    /// No response fits the description of the target, so the status alone acknowledges.
    StatusAlone {
        /// First response whose status does.
        first: Specimen,
    },
    /// Keys failed at every attempt, while others were acknowledged.
    Poisoned {
        /// Number of keys.
        keys: u64,
        /// Attempts that each of them had, at least.
        attempts: usize,
        /// The first key's number.
        first: u64,
        /// The first key's topic.
        topic: String,
        /// The first key's id.
        event_id: String,
    },
    /// `verify` has sent events of its own.
    SentinelsAdded {
        /// Number of these events that are stored, or may be.
        events: u64,
    },
    /// A finding breaks a promise that the target did not make.
    Unpromised {
        /// Summary of the check.
        summary: String,
        /// The promise.
        premise: Premise,
    },
    /// Sentence of a saved verdict; the file does not keep its kind.
    Saved(String),
}

impl fmt::Display for Observation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfFirstRelease => out.write_str(OF_FIRST_RELEASE),
            Self::Unfinished { sent, planned } => {
                write!(out, "run did not finish: sent {} of {}", grouped(*sent), grouped(*planned))
            }
            Self::RepeatsRefused { detail } => write!(out, "repeats are refused: {detail}"),
            Self::FirstRefused { detail } => write!(out, "first copies are refused: {detail}"),
            Self::SeenLate { keys, looked_ms } => write!(
                out,
                "{} not listed at first; the last look was {} ms after the first reading",
                counted(*keys, "acknowledged key was", "acknowledged keys were"),
                grouped(*looked_ms)
            ),
            Self::ReadFromDatabase { listed } => write_read_from_database(out, *listed),
            Self::FaultDone { planned, after_ms, attempts_ended, proof } => write!(
                out,
                "{planned}: {} ms after the first send, with {} ended: {proof}",
                grouped(*after_ms),
                counted(*attempts_ended, "attempt", "attempts"),
            ),
            Self::SeveralAddresses { addresses, has_races } => write_addresses(out, *addresses, *has_races),
            Self::StoredByOthers { events } => {
                write!(out, "since the run ended, others have stored {}", counted(*events, "event", "events"))
            }
            Self::Lag { detail } => write!(out, "{detail}; no `stats_lag` is promised"),
            Self::OthersInDatabase { rows } => {
                let rows = counted(*rows, "row that is not of this run", "rows that are not of this run");
                write!(out, "the database holds {rows} more than before it")
            }
            Self::ContentsHidden { contents } => write_hidden(out, contents),
            Self::TimestampsUnclear { example } => {
                write!(
                    out,
                    "timestamps are shown in a form that is not understood: `{example}`; not compared"
                )
            }
            Self::Restarted { when } => write!(out, "the target restarted {when}; nothing planned did that"),
            Self::RestartedAfterRun => {
                out.write_str("the target restarted after the run, before it was read")
            }
            Self::ServerErrors { responses } => write_server_errors(out, responses),
            Self::Unanswered { because } => write_unanswered(out, because),
            Self::Unexpected { first } => {
                write!(out, "first response that does not acknowledge: {}", shown(first))
            }
            Self::StatusAlone { first } => write!(
                out,
                "no response fits [target.answer], so each 2xx acknowledges; the first is {}",
                shown(first)
            ),
            Self::Poisoned { keys, attempts, first, topic, event_id } => write!(
                out,
                "{} with a server error at every attempt ({attempts} or more), while others were \
                 acknowledged; the first is key {first} ({topic}, {event_id})",
                counted(*keys, "key failed", "keys failed"),
            ),
            Self::SentinelsAdded { events } => {
                let events = counted(*events, "event was", "events were");
                write!(out, "{events} added to the target (sentinels)")
            }
            Self::Unpromised { summary, premise } => write!(
                out,
                "{summary}; nobody promised that {} ({} would)",
                premise.statement(),
                premise.promised_by()
            ),
            Self::Saved(sentence) => out.write_str(sentence),
        }
    }
}

/// Returns the beginning of a response.
fn shown(response: &Specimen) -> String {
    excerpt(response.to_string().as_bytes(), SHOWN)
}

/// Writes over how many addresses connections went, and races if there were any.
fn write_addresses(out: &mut fmt::Formatter<'_>, addresses: usize, has_races: bool) -> fmt::Result {
    match has_races {
        true => write!(
            out,
            "races were held over {addresses} addresses of the target, which connections took in turn"
        ),
        false => write!(out, "connections went to {addresses} addresses of the target in turn"),
    }
}

/// Writes that presence was read from the database, and what the target lists itself.
fn write_read_from_database(out: &mut fmt::Formatter<'_>, listed: Option<u64>) -> fmt::Result {
    out.write_str("presence of keys was read from the database: the target lists ")?;
    match listed {
        Some(rows) => write!(out, "only {} of this run", counted(rows, "row", "rows")),
        None => out.write_str("nothing"),
    }
}

/// Writes which contents no row shows.
fn write_hidden(out: &mut fmt::Formatter<'_>, contents: &[&str]) -> fmt::Result {
    let plural: Vec<String> = contents.iter().map(|content| format!("{content}s")).collect();
    let plural: Vec<&str> = plural.iter().map(String::as_str).collect();
    write!(out, "{} are not shown, so they were not compared", enumerated(&plural))
}

/// Writes the reasons why requests have no whole response.
fn write_unanswered(out: &mut fmt::Formatter<'_>, because: &[LostBecause]) -> fmt::Result {
    let each = |lost: &LostBecause| {
        format!("{} ({})", excerpt(lost.example.as_bytes(), SHOWN), grouped(lost.requests))
    };
    let each: Vec<String> = because.iter().take(SHOWN_REASONS).map(each).collect();
    write!(out, "requests without a whole response: {}", each.join(", "))
}

/// Writes the responses with a server error, by status.
fn write_server_errors(out: &mut fmt::Formatter<'_>, responses: &[(u16, u64)]) -> fmt::Result {
    let each = |(status, count): &(u16, u64)| format!("{} with status {status}", grouped(*count));
    let each: Vec<String> = responses.iter().map(each).collect();
    write!(out, "responses with a server error: {}", each.join(", "))
}

impl From<Observation> for String {
    fn from(observation: Observation) -> Self {
        observation.to_string()
    }
}

impl From<String> for Observation {
    fn from(sentence: String) -> Self {
        Self::Saved(sentence)
    }
}
