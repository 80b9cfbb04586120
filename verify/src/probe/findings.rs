//! Meaning of the experiments: which value is the id by which the target knows an event again.

use super::sight::Taken;

/// Results of the experiments with an event that the target knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Experiments {
    /// For each candidate: it alone was fresh.
    pub(super) alone: Vec<Option<Taken>>,
    /// All candidates were the same, and time and payload others.
    pub(super) contents: Option<Taken>,
    /// The topic alone was another.
    pub(super) topic: Option<Taken>,
    /// Contents of an event that could be others.
    pub(super) others: &'static str,
    /// True if rows showed it, and not responses: a row may be out of sight.
    pub(super) is_by_rows: bool,
}

/// Identity of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    /// Candidates that are the id.
    pub(super) ids: Vec<usize>,
    /// Sentence that says what was seen.
    pub(super) evidence: String,
    /// True if it was seen, and not guessed.
    pub(super) is_seen: bool,
}

impl Experiments {
    /// Returns the identity; `places` are those of the candidates.
    pub(super) fn identity(&self, places: &[&str]) -> Identity {
        let with = |taken: Taken| -> Vec<usize> {
            let all = self.alone.iter().enumerate();
            all.filter(|(_, found)| **found == Some(taken)).map(|(at, _)| at).collect()
        };
        let named = |ids: &[usize]| {
            ids.iter().filter_map(|at| places.get(*at).copied()).collect::<Vec<_>>().join(", ")
        };
        let new = with(Taken::New);
        let repeats = with(Taken::Repeat);
        let more = self.of_contents();
        if let Some(first) = new.first() {
            let also = match new.len() {
                1 => String::new(),
                _ => format!("; so was one with a fresh {}, which stays as it was given", named(&new[1..])),
            };
            let evidence = format!("an event with a fresh {} alone was new{also}{more}", named(&[*first]));
            return Identity { ids: vec![*first], evidence, is_seen: true };
        }
        if repeats.len() > 1 && repeats.len() == places.len() {
            let evidence = format!("an event was a repeat until all of {} were fresh{more}", named(&repeats));
            return Identity { ids: repeats, evidence, is_seen: true };
        }
        let ids: Vec<usize> = (0..places.len()).filter(|at| !repeats.contains(at)).take(1).collect();
        let ids = if ids.is_empty() { (0..places.len()).take(1).collect() } else { ids };
        let evidence = match places.is_empty() {
            true => "no value of the request looks like an id".to_owned(),
            false => format!("{} was chosen by its name and its looks{more}", named(&ids)),
        };
        Identity { ids, evidence, is_seen: false }
    }

    fn of_contents(&self) -> String {
        let others = self.others;
        match self.contents {
            Some(Taken::Repeat) if self.is_by_rows => {
                format!("; with another {others} under the same id no further row was shown")
            }
            Some(Taken::Repeat) => format!("; with another {others} under the same id it was a repeat"),
            Some(Taken::Refused) => format!("; with another {others} under the same id it was refused"),
            Some(Taken::New) => format!("; with another {others} under the same id it was new, too"),
            Some(Taken::Unclear) | None => String::new(),
        }
    }

    /// Sentence about the topic; none if it was not tried.
    pub(super) fn of_topic(&self) -> Option<&'static str> {
        Some(match self.topic? {
            Taken::Repeat if self.is_by_rows => "the same id under another topic showed no further row",
            Taken::Repeat => "the same id under another topic was a repeat",
            Taken::New => "the same id under another topic was a new event",
            Taken::Refused => "the same id under another topic was refused",
            Taken::Unclear => "what the same id under another topic is was not seen",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(alone: &[Option<Taken>], contents: Option<Taken>) -> Identity {
        let places = ["a", "b", "c"];
        let others = "time and payload";
        Experiments { alone: alone.to_vec(), contents, others, ..Experiments::default() }
            .identity(&places[..alone.len()])
    }

    #[test]
    fn the_id_is_what_makes_an_event_new_when_it_alone_is_fresh() {
        let (new, repeat) = (Some(Taken::New), Some(Taken::Repeat));
        let second = found(&[repeat, new], repeat);
        assert_eq!((second.ids.as_slice(), second.is_seen), (&[1][..], true));
        assert!(
            second.evidence.contains("fresh b alone") && second.evidence.contains("was a repeat"),
            "{second:?}"
        );
        let both = found(&[new, new], None);
        assert_eq!(both.ids, [0]);
        assert!(both.evidence.contains("fresh b, which stays"), "{both:?}");
        let all = found(&[repeat, repeat], None);
        assert_eq!((all.ids.as_slice(), all.is_seen), (&[0, 1][..], true));
    }

    #[test]
    fn what_was_not_seen_is_a_guess() {
        for (alone, ids) in [
            (vec![Some(Taken::Repeat)], vec![0]),
            (vec![Some(Taken::Unclear), Some(Taken::Refused)], vec![0]),
            (vec![Some(Taken::Repeat), None], vec![1]),
            (vec![], vec![]),
        ] {
            let guess = found(&alone, Some(Taken::New));
            assert_eq!((guess.ids, guess.is_seen), (ids, false), "{alone:?}");
        }
    }
}
