//! `answer-sum`: the numbers of a response, which have to add up to what was sent, and to what it
//! names.

use truth::scenario::promises::Batch;
use truth::target::answer::{Answer, Kind, Kinds};

/// Describes what does not add up in an acknowledgement of `sent` events.
pub(crate) fn fault_in_sums(answer: &Answer, sent: u64, batch: Option<Batch>) -> Option<String> {
    let count = |count: Option<u32>| count.map(u64::from);
    let accepted = count(answer.accepted);
    let inserted = count(answer.inserted);
    let duplicates = count(answer.duplicates);
    let both = inserted.zip(duplicates);
    let sum = |(new, known): (u64, u64)| new + known;
    // Some targets count the new events alone as accepted, beside the duplicates.
    let new = inserted.or(accepted);
    let counts_new_alone = accepted == new && new.zip(duplicates).map(sum) == Some(sent);
    let taken = if counts_new_alone { Some(sent) } else { accepted.or(both.map(sum)) };
    let named = Named::of(&answer.kinds, sent);
    let unknown = answer.kinds.unknown().count() as u64;
    match (taken, inserted, both) {
        (Some(taken), _, Some((inserted, duplicates))) if taken != inserted + duplicates => {
            Some(format!("accepted={taken} is not inserted={inserted} + duplicates={duplicates}"))
        }
        (Some(taken), Some(inserted), None) if inserted > taken => {
            Some(format!("inserted={inserted} is more than accepted={taken}"))
        }
        (Some(taken), _, _) if taken > sent || (taken + unknown < sent && batch == Some(Batch::Atomic)) => {
            Some(format!("accepted={taken}, but {sent} events were sent"))
        }
        (Some(taken), _, _) if named.taken.is_some_and(|named| named != taken) => {
            Some(format!("accepted={taken}, but it names {} as taken", named.taken?))
        }
        (_, Some(inserted), _) if named.new.is_some_and(|named| named != inserted) => {
            Some(format!("inserted={inserted}, but it names {} as new", named.new?))
        }
        _ => None,
    }
}

/// Number of new events that an acknowledgement of `sent` events counts, or names one by one.
pub(crate) fn reported_new(answer: &Answer, sent: u64) -> Option<u64> {
    answer.inserted.map(u64::from).or(Named::of(&answer.kinds, sent).new)
}

/// Numbers of events that a response names; none if it does not name them all.
struct Named {
    taken: Option<u64>,
    new: Option<u64>,
}

impl Named {
    fn of(kinds: &Kinds, sent: u64) -> Self {
        match kinds {
            Kinds::Unreported => Self { taken: None, new: None },
            Kinds::AllNew => Self { taken: Some(sent), new: Some(sent) },
            Kinds::AllDuplicate => Self { taken: Some(sent), new: Some(0) },
            Kinds::Each(kinds) => {
                let count =
                    |wanted: fn(&Kind) -> bool| kinds.iter().filter(|kind| wanted(kind)).count() as u64;
                let tells_taken = !kinds.contains(&Kind::Unknown);
                let tells_new = tells_taken && !kinds.contains(&Kind::Accepted);
                Self {
                    taken: tells_taken.then(|| count(|kind| *kind != Kind::Rejected)),
                    new: tells_new.then(|| count(|kind| *kind == Kind::New)),
                }
            }
        }
    }
}
