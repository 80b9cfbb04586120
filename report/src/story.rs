//! Story of a key in sentences: what was sent, what was answered, what was seen, and why the two
//! contradict each other.

use judge::history::SHOWN_ATTEMPTS;
use judge::numbers::grouped;
use judge::verdict::{Attempt, Check, CheckId, Fate, Finding, Ground, Standing, Status};

use crate::fault::FaultSpan;
use crate::sight::{Seen, Sight};
use crate::units::{moment, time};

/// Most faults of a story.
const MOST_FAULTS: usize = 4;

/// Story of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Story {
    /// Sentences, in the order of time. The last one says what follows.
    pub sentences: Vec<String>,
    /// Premises of the faults, in sentences.
    pub rests_on: Vec<String>,
}

/// Key whose story is told.
#[derive(Clone, Copy, Debug)]
pub struct Protagonist<'a> {
    /// Number of the key in the plan; none for a row that is no key.
    pub ordinal: Option<u64>,
    /// Topic, as sent or as listed.
    pub topic: &'a str,
    /// Id, as sent or as listed.
    pub event_id: &'a str,
    /// Attempts, in the order of their ends.
    pub attempts: &'a [Attempt],
    /// Sights of it.
    pub sights: &'a [Sight],
    /// Faults of the run.
    pub faults: &'a [FaultSpan],
}

impl<'a> Protagonist<'a> {
    /// Faults that struck after its first attempt had begun, the first few.
    pub fn struck_by(&self) -> Vec<&'a FaultSpan> {
        let first = self.attempts.iter().map(|attempt| attempt.start_us).min();
        let meets = |fault: &&FaultSpan| first.is_some_and(|first| fault.took_effect && fault.to_us >= first);
        self.faults.iter().filter(meets).take(MOST_FAULTS).collect()
    }
}

impl Story {
    /// Tells the story of a key, and the faults that were found on it.
    pub fn of(key: &Protagonist<'_>, faults: &[(&Check, &Finding)]) -> Self {
        let mut sentences = vec![introduction(key)];
        let groups = groups(key.attempts);
        let told = |(nth, group): (usize, &Group<'_>)| {
            let start_us = group.first.start_us;
            let is_under_way =
                |before: &Group<'_>| before.first.end_us.is_none_or(|end_us| end_us > start_us);
            let begin = match nth {
                0 => "First",
                _ if groups[..nth].iter().any(is_under_way) => "Meanwhile",
                _ => "Then",
            };
            (group.first.start_us, group.sentence(begin))
        };
        let struck = key.struck_by().into_iter().map(|fault| (fault.from_us, struck(fault)));
        let mut events: Vec<(u64, String)> = groups.iter().enumerate().map(told).chain(struck).collect();
        events.sort_by_key(|(at_us, _)| *at_us);
        sentences.extend(events.into_iter().map(|(_, sentence)| sentence));
        if key.attempts.len() == SHOWN_ATTEMPTS {
            sentences.push(format!(
                "Of its attempts, {SHOWN_ATTEMPTS} are told: all that a response called something other than a \
                 duplicate, and the first of the others."
            ));
        }
        sentences.extend(seen(key, !faults.is_empty()));
        if faults.is_empty() {
            sentences.push(no_contradiction(key));
        }
        sentences.extend(faults.iter().map(|(check, finding)| conclusion(check, finding)));
        let checks = faults.iter().map(|(check, _)| *check);
        Self { sentences, rests_on: rests_on(checks) }
    }

    /// Tells a fault that is on no key, and of its request if it is on one.
    pub fn of_fault(check: &Check, finding: &Finding) -> Self {
        let groups = groups(&finding.history);
        let mut sentences: Vec<String> = groups.iter().map(Group::of_request).collect();
        sentences.push(conclusion(check, finding));
        Self { sentences, rests_on: rests_on([check].into_iter()) }
    }
}

fn introduction(key: &Protagonist<'_>) -> String {
    match key.ordinal {
        Some(ordinal) => {
            let number = grouped(ordinal);
            format!("Let key {number} be the event `{}` of topic `{}`.", key.event_id, key.topic)
        }
        None => {
            let Protagonist { topic, event_id, .. } = key;
            format!("Let the row be that of event `{event_id}` under topic `{topic}`; no attempt sent it.")
        }
    }
}

fn struck(fault: &FaultSpan) -> String {
    let FaultSpan { planned, from_us, to_us, remark, .. } = fault;
    let from = moment(*from_us);
    let to = moment(*to_us);
    let remark = if remark.is_empty() { String::new() } else { format!("; {remark}") };
    format!("Then, between {from} and {to}, a fault struck the target: {planned}{remark}.")
}

/// Copies of a key in one try of one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group<'a> {
    /// First of them.
    pub first: &'a Attempt,
    /// All of them, in the order of their places.
    pub copies: Vec<&'a Attempt>,
}

/// Puts the copies together that left in one try of one request, and orders them by their start.
pub fn groups(attempts: &[Attempt]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for attempt in attempts {
        let is_same = |group: &&mut Group<'_>| {
            let first = group.first;
            (first.shard, &first.scope, first.request, first.try_number)
                == (attempt.shard, &attempt.scope, attempt.request, attempt.try_number)
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.copies.push(attempt),
            None => groups.push(Group { first: attempt, copies: vec![attempt] }),
        }
    }
    groups.sort_by_key(|group| group.first.start_us);
    groups
}

impl Group<'_> {
    /// Says which connection carried it.
    pub fn connection(&self) -> String {
        let shard = self.first.shard.map_or_else(String::new, |shard| format!("shard {shard}, "));
        match self.first.outcome {
            Fate::NeverEnded => format!("{shard}a connection that is not on record"),
            _ => format!("{shard}connection {}", self.first.connection),
        }
    }

    /// Names its request: `round 3, request 5`, and the try if there were several.
    pub fn request(&self) -> String {
        let Attempt { scope, request, try_number, .. } = self.first;
        match try_number {
            0 => format!("{scope}, request {request}"),
            _ => format!("{scope}, request {request}, try {}", try_number + 1),
        }
    }

    /// Says where in the request the key stood.
    pub fn places(&self) -> String {
        let places: Vec<String> = self.copies.iter().map(|copy| copy.place.to_string()).collect();
        match places.as_slice() {
            [place] => format!("place {place}"),
            [first @ .., last] => format!("places {} and {last}", first.join(", ")),
            [] => String::new(),
        }
    }

    /// Describes the response: `200 new`, `200 new twice`, `no response: unknown`.
    pub fn answer(&self) -> String {
        let fates: Vec<&str> = self.copies.iter().map(|copy| copy.outcome.text()).collect();
        let is_same = fates.iter().all(|fate| *fate == fates[0]);
        let fates = match fates.as_slice() {
            [one, _] if is_same => format!("{one} twice"),
            [one, _, _, ..] if is_same => format!("{one} {} times", fates.len()),
            _ => fates.join(" and "),
        };
        match (self.first.status, self.first.outcome) {
            (_, Fate::NeverSent) => "never sent".to_owned(),
            (0, _) => format!("no response: {fates}"),
            (status, _) => format!("{status} {fates}"),
        }
    }

    fn sentence(&self, begin: &str) -> String {
        let attempt = self.first;
        let copies = match self.copies.len() {
            1 => "it".to_owned(),
            copies => format!("{copies} copies of it"),
        };
        let late = attempt.planned_us.filter(|planned| attempt.start_us > planned + 1_000);
        let due = late.map_or_else(String::new, |planned| format!(", which was due at {}", moment(planned)));
        let sent = format!(
            "{begin}, at {}, {} ({}, {}) carried {copies}{due}",
            moment(attempt.start_us),
            self.connection(),
            self.request(),
            self.places()
        );
        let end = match (attempt.outcome, attempt.end_us) {
            (Fate::NeverSent, _) => {
                let (request, places) = (self.request(), self.places());
                return format!(
                    "{begin}, {request} ({places}) was to carry {copies}, and no byte of it left."
                );
            }
            (_, None) => "; the ledger has no end of it".to_owned(),
            (_, Some(end)) if attempt.status == 0 => {
                format!(
                    "; no response had come when it was given up at {}: it may have been executed once or not at all",
                    moment(end)
                )
            }
            (_, Some(end)) => {
                format!("; at {} the response had status {}: {}", moment(end), attempt.status, self.said())
            }
        };
        format!("{sent}{end}.")
    }

    /// Tells of the request alone, whatever it carried.
    fn of_request(&self) -> String {
        let attempt = self.first;
        let connection = self.connection();
        let request = self.request();
        let begin = format!("At {}, {connection} sent {request}", moment(attempt.start_us));
        match attempt.end_us {
            Some(end) if attempt.status > 0 => {
                format!("{begin}; at {} the response had status {}.", moment(end), attempt.status)
            }
            Some(end) => format!("{begin}; it was given up at {}, without a response.", moment(end)),
            None => format!("{begin}; the ledger has no end of it."),
        }
    }

    fn said(&self) -> String {
        let first = self.copies[0].outcome;
        let is_same = self.copies.iter().all(|copy| copy.outcome == first);
        match self.copies.len() {
            1 => phrase(first).to_owned(),
            2 if is_same => format!("both copies {}", phrase(first)),
            copies if is_same => format!("all {copies} copies {}", phrase(first)),
            _ => {
                let said = |copy: &&Attempt| format!("place {} {}", copy.place, phrase(copy.outcome));
                self.copies.iter().map(said).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

fn phrase(fate: Fate) -> &'static str {
    match fate {
        Fate::New => "acknowledged as new",
        Fate::Duplicate => "acknowledged as duplicate",
        Fate::Accepted => "acknowledged",
        Fate::Rejected => "rejected, which promises no effect",
        Fate::Unclear => "unclear, as the body contradicts the description of the target",
        Fate::Unknown | Fate::NeverEnded => "which leaves it unknown",
        Fate::NeverSent => "never sent",
    }
}

/// True if some attempt of the key was acknowledged.
fn is_acked(key: &Protagonist<'_>) -> bool {
    let is_acked = |fate: Fate| matches!(fate, Fate::New | Fate::Duplicate | Fate::Accepted);
    key.attempts.iter().any(|attempt| is_acked(attempt.outcome))
}

/// Says what the looks showed. To be shown once contradicts no acknowledgement.
fn seen(key: &Protagonist<'_>, has_fault: bool) -> Vec<String> {
    let kept: Vec<&Sight> = key.sights.iter().filter(|sight| sight.seen != Seen::Unkept).collect();
    let mut runs: Vec<(Seen, Vec<&Sight>)> = Vec::new();
    for sight in kept {
        match runs.last_mut() {
            Some((seen, sights)) if *seen == sight.seen => sights.push(sight),
            _ => runs.push((sight.seen, vec![sight])),
        }
    }
    let sentence = |(nth, (seen, sights)): (usize, &(Seen, Vec<&Sight>))| {
        let is_as_it_should_be = *seen == Seen::Once && is_acked(key);
        let begin = match nth {
            0 if has_fault && !is_as_it_should_be => "However",
            0 => "Then",
            _ => "Later",
        };
        let until = time(sights.last().map_or(0, |sight| sight.to_ms) * 1_000);
        let showed = match seen {
            Seen::Once => "showed it once",
            Seen::Twice => "showed it more than once",
            Seen::Not | Seen::Unkept => "did not show it",
        };
        match sights.len() {
            1 => {
                format!(
                    "{begin}, a look at the target that ended {until} after verify began to look {showed}."
                )
            }
            looks => format!(
                "{begin}, {looks} looks at the target {showed}; the last one ended {until} after verify began \
                 to look."
            ),
        }
    };
    runs.iter().enumerate().map(sentence).collect()
}

fn no_contradiction(key: &Protagonist<'_>) -> String {
    let is_once = key.sights.last().is_some_and(|sight| sight.seen == Seen::Once);
    match (is_acked(key), is_once) {
        (true, true) => "There is no contradiction: it was acknowledged, and it is stored once.".to_owned(),
        _ => "No check found a contradiction on it.".to_owned(),
    }
}

/// Premises of faults that rest on some, each once, in a sentence for each standing.
pub(crate) fn rests_on<'a>(checks: impl Iterator<Item = &'a Check>) -> Vec<String> {
    let mut grounds: Vec<&Ground> = Vec::new();
    for ground in checks.flat_map(|check| &check.premises) {
        if grounds.iter().all(|one| one.premise != ground.premise) {
            grounds.push(ground);
        }
    }
    let kinds = [
        (Standing::Promised, "what is promised"),
        (Standing::Shown, "what the run shows"),
        (Standing::Assumed, "what is only assumed"),
        (Standing::Refuted, "what the run refutes"),
    ];
    let sentence = |(standing, what): (Standing, &str)| {
        let of_it = grounds.iter().filter(|ground| ground.standing == standing);
        let all: Vec<String> = of_it.map(|ground| premise(ground)).collect();
        (!all.is_empty()).then(|| format!("It rests on {what}: {}.", all.join("; ")))
    };
    kinds.into_iter().filter_map(sentence).collect()
}

/// Writes a premise, and why it holds or not, unless its standing says it all.
fn premise(ground: &Ground) -> String {
    let Ground { premise, standing, because } = ground;
    match standing {
        Standing::Promised => premise.statement().to_owned(),
        _ => format!("{} ({because})", premise.statement()),
    }
}

/// Says what follows from a finding.
pub(crate) fn conclusion(check: &Check, finding: &Finding) -> String {
    let detail = &finding.detail;
    if check.status == Status::Unknown {
        let open = check.premises.iter().filter(|ground| !ground.holds());
        let open: Vec<String> =
            open.map(|ground| format!("it is not certain that {}", ground.premise.statement())).collect();
        return format!(
            "That would be a contradiction ({}: {detail}); but {}.",
            check.name,
            if open.is_empty() { "the evidence does not decide it".to_owned() } else { open.join(", and ") }
        );
    }
    format!("{}. This is a contradiction, because {} (`{}`).", capital(detail), law(check.name), check.name)
}

/// Law that a failed check shows to be broken.
fn law(check: CheckId) -> &'static str {
    match check {
        CheckId::Lost => "an acknowledged event has to be stored, and each stored event is listed",
        CheckId::KeyMerged => {
            "two events with different keys both have to be stored, however alike the keys are"
        }
        CheckId::Stranger => "each row has to be of an event that somebody sent",
        CheckId::WrongTopic => "an event is stored under the topic under which it was sent",
        CheckId::ScopeLeak => "a look at one topic has to show rows of that topic alone",
        CheckId::ForeignLost => "storing an event must not remove the rows of others",
        CheckId::ListingUnsound => "a listing shows each row once, and a stored event stays",
        CheckId::StoredTwice => "however often an event is sent, it is stored once",
        CheckId::RejectedButStored => "a rejected request must have no effect",
        CheckId::PayloadChanged => "an event is stored as it was sent",
        CheckId::WrongWinner => "of two payloads under one key, the promised one is kept",
        CheckId::AnswerOrder => "an event is new once, and a duplicate ever after",
        CheckId::AnswerSum => "the numbers of a response add up to the events of its request",
        CheckId::BatchCounts => "each key is counted as new once",
        CheckId::RepeatRefused => "a repeat of an acknowledged event is acknowledged, too",
        CheckId::TornBatch => "a request is stored as a whole or not at all",
        CheckId::InvalidTaken => "a request with an invalid event is refused as a whole",
        CheckId::RoutesDisagree => "all views of one store show the same events",
        CheckId::Counters => "the counters have to count the events that were sent, each once",
        CheckId::Epochs => "a counter does not fall while its process lives, and an uptime only grows",
        CheckId::Liveness => "accepted events are stored within the promised time",
        CheckId::Stillness => "a stored event stays",
        CheckId::Replay => "a key that was acknowledged is a duplicate ever after",
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
