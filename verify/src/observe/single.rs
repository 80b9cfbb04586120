//! Questions for single keys: a second way to what is stored, where the listing does not show it.
//!
//! A wrong path would deny every key. So keys that the listing shows are asked for as well: the last
//! ones of each topic in question, which were acknowledged later than most of the missing ones.

use std::collections::{BTreeMap, VecDeque};

use truth::chain::chain;
use truth::observed::looks::SingleKeys;

use super::observer::Observer;
use super::sight::Sight;

/// Most missing keys that are asked for by themselves: as many as a listing of some pages lacks. If
/// more are missing, this number of them is asked for, spread evenly.
const MOST_MISSING: usize = 4_096;

/// Number of shown keys of each topic that are asked for.
const SHOWN: usize = 8;

/// Most topics whose shown keys are asked for.
const MOST_TOPICS: usize = 32;

impl Observer<'_, '_> {
    /// Asks for the keys that are missing, if the target can be asked for single keys.
    pub(super) async fn ask_for_single_keys(&mut self, sight: &mut Sight<'_>) {
        let client = self.lister.client;
        if !client.offers_single_keys() || self.lister.wanted.database.is_some() {
            return;
        }
        let missing: Vec<u64> = self.missing(sight).collect();
        if missing.is_empty() {
            return;
        }
        let every = missing.len().div_ceil(MOST_MISSING);
        let missing: Vec<u64> = missing.into_iter().step_by(every).collect();
        let shown = self.last_shown(sight, &missing);
        let events = self.lister.events;
        let mut single = SingleKeys::default();
        let asking = async {
            for (ordinal, is_shown) in
                shown.into_iter().map(|key| (key, true)).chain(missing.into_iter().map(|key| (key, false)))
            {
                let list = match (client.is_stored(events, ordinal).await, is_shown) {
                    (Ok(true), true) => &mut single.known,
                    (Ok(false), true) => &mut single.denied,
                    (Ok(true), false) => &mut single.found,
                    (Ok(false), false) => &mut single.absent,
                    (Err(error), _) => {
                        single.unread = Some(chain(&error));
                        return;
                    }
                };
                list.push(ordinal);
            }
        };
        self.lister.progress.during(asking).await;
        for sorted in [&mut single.known, &mut single.denied, &mut single.found, &mut single.absent] {
            sorted.sort_unstable();
        }
        if let Some(listed) = &mut sight.listed {
            single.found.iter().for_each(|ordinal| listed.besides.note(*ordinal));
        }
        self.lister.histories.note_single(single);
    }

    /// Returns the last acknowledged keys that are shown, of each topic of these keys.
    fn last_shown(&self, sight: &Sight<'_>, missing: &[u64]) -> Vec<u64> {
        let Some(tally) = sight.decisive() else { return Vec::new() };
        let lister = &self.lister;
        let mut topics: BTreeMap<&str, VecDeque<u64>> = BTreeMap::new();
        for ordinal in missing {
            let topic = lister.events.topic(*ordinal);
            if topics.len() < MOST_TOPICS || topics.contains_key(topic) {
                topics.entry(topic).or_default();
            }
        }
        for (ordinal, _) in lister.wanted.tally.keys.iter().filter(|(_, state)| state.acked() > 0) {
            if tally.presence.seen(ordinal) == 0 {
                continue;
            }
            if let Some(last) = topics.get_mut(lister.events.topic(ordinal)) {
                if last.len() == SHOWN {
                    last.pop_front();
                }
                last.push_back(ordinal);
            }
        }
        topics.into_values().flatten().collect()
    }
}
