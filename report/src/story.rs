//! Story of a key in sentences: what was sent, what was answered, what was seen, and why the two
//! contradict each other.

use judge::checks::REGISTRY;
use judge::numbers::{counted, grouped};
use judge::verdict::{Attempt, Check, Fate, Finding, Status};

use crate::sight::{Seen, Sight};
use crate::units::{moment, time};

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
    /// Set where several shards sent the run.
    pub is_sharded: bool,
}

impl Story {
    /// Tells the story of a key, and the faults that were found on it.
    pub fn of(key: &Protagonist<'_>, faults: &[(&Check, &Finding)]) -> Self {
        let mut sentences = vec![introduction(key)];
        sentences.extend(groups(key.attempts).iter().map(|group| group.sentence(key.is_sharded)));
        sentences.extend(seen(key, !faults.is_empty()));
        if faults.is_empty() {
            sentences.push(no_contradiction(key));
        }
        sentences.extend(faults.iter().map(|(check, finding)| conclusion(check, finding)));
        let checks = faults.iter().map(|(check, _)| *check);
        Self { sentences, rests_on: rests_on(checks) }
    }

    /// Tells a fault that is on no key.
    pub fn of_fault(check: &Check, finding: &Finding) -> Self {
        Self { sentences: vec![conclusion(check, finding)], rests_on: rests_on([check].into_iter()) }
    }
}

fn introduction(key: &Protagonist<'_>) -> String {
    match key.ordinal {
        Some(ordinal) => {
            format!("Key {} is the event `{}` of topic `{}`.", grouped(ordinal), key.event_id, key.topic)
        }
        None => format!("The row is the event `{}` of topic `{}`.", key.event_id, key.topic),
    }
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
            (first.run, &first.scope, first.request, first.try_number)
                == (attempt.run, &attempt.scope, attempt.request, attempt.try_number)
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
    pub fn connection(&self, is_sharded: bool) -> String {
        let shard = if is_sharded { format!("shard folder {}, ", self.first.run + 1) } else { String::new() };
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

    /// Describes the response: `200 new`, `no response: unknown`.
    pub fn answer(&self) -> String {
        let mut fates: Vec<&str> = self.copies.iter().map(|copy| copy.outcome.text()).collect();
        if fates.iter().all(|fate| *fate == fates[0]) && fates.len() > 1 {
            fates = vec![fates[0]];
        }
        let fates = fates.join(" and ");
        match (self.first.status, self.first.outcome) {
            (_, Fate::NeverSent) => "never sent".to_owned(),
            (0, _) => format!("no response: {fates}"),
            (status, _) => format!("{status} {fates}"),
        }
    }

    fn sentence(&self, is_sharded: bool) -> String {
        let attempt = self.first;
        let copies = match self.copies.len() {
            1 => "it".to_owned(),
            copies => format!("{copies} copies of it"),
        };
        let late = attempt.planned_us.filter(|planned| attempt.start_us > planned + 1_000);
        let due = late.map_or_else(String::new, |planned| format!(", due at {},", moment(planned)));
        let begin = format!(
            "Then, at {}, {} ({}, {}){due} carried {copies}",
            moment(attempt.start_us),
            self.connection(is_sharded),
            self.request(),
            self.places()
        );
        let end = match (attempt.outcome, attempt.end_us) {
            (Fate::NeverSent, _) => {
                let (request, places) = (self.request(), self.places());
                return format!("Then {request} ({places}) was to carry {copies}, and no byte of it left.");
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
        format!("{begin}{end}.")
    }

    fn said(&self) -> String {
        let fates: Vec<&str> = self.copies.iter().map(|copy| phrase(copy.outcome)).collect();
        fates.join(", then ")
    }
}

fn phrase(fate: Fate) -> &'static str {
    match fate {
        Fate::New => "acknowledged as new",
        Fate::Duplicate => "acknowledged as a duplicate",
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
        let looks = counted(sights.len() as u64, "look at the target", "looks at the target");
        let until = sights.last().map_or(0, |sight| sight.to_ms);
        let showed = match seen {
            Seen::Once => "showed it once",
            Seen::Twice => "showed it more than once",
            Seen::Not | Seen::Unkept => "did not show it",
        };
        format!("{begin}, {looks}, the last one {} after the looking began, {showed}.", time(until * 1_000))
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

/// Premises of faults that rest on some, each once.
fn rests_on<'a>(checks: impl Iterator<Item = &'a Check>) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for ground in checks.flat_map(|check| &check.premises) {
        let statement = ground.premise.statement();
        let sentence =
            format!("It rests on this: {statement} ({}: {}).", ground.standing.text(), ground.because);
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences
}

fn conclusion(check: &Check, finding: &Finding) -> String {
    let registered = REGISTRY.iter().find(|registered| registered.id == check.name);
    let rule = registered.map_or("", |registered| registered.fails_when);
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
    format!(
        "{detail}: a contradiction, because `{}` fails when {rule}.",
        check.name,
        detail = capital(detail)
    )
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
