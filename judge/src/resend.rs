//! Keys that may be sent again without hiding a loss.

use truth::scenario::share::Share;

use crate::facts::Facts;

/// Request to send keys again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// Set to send keys whose fate is unknown.
    pub resolve: bool,
    /// Share of the acknowledged keys to send.
    pub replay: Option<Share>,
}

impl Wish {
    /// Returns true if it asks for any key.
    pub fn sends(&self) -> bool {
        self.resolve || self.replay.is_some()
    }
}

/// The keys to send.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lists {
    /// Keys without an acknowledgement and with an unknown attempt that are not listed.
    pub resolve: Vec<u64>,
    /// Acknowledged keys. They are listed, if the target lists at all.
    pub replay: Vec<u64>,
    /// Sentences that say why keys that were asked for are not among them.
    pub withheld: Vec<&'static str>,
}

impl Lists {
    /// Chooses keys after a first look.
    pub fn choose(wish: &Wish, facts: &Facts<'_>) -> Self {
        let mut lists = Self::default();
        if !facts.is_at_rest() {
            lists.withheld.push("nothing is sent again: the target is not at rest");
            return lists;
        }
        let keys = &facts.tally.keys;
        let events = &facts.evidence.events;
        if events.has_variants() {
            lists.withheld.push(
                "keys with two contents ([traps]) are not sent again: that would decide which one stays",
            );
        }
        let has_one_content = |ordinal: &u64| events.variant(*ordinal).is_none();
        if wish.resolve && facts.tells_presence() {
            // The status of an unclear response acknowledges: that its key is absent is evidence.
            let in_doubt = keys.iter().filter(|(ordinal, key)| {
                key.acked() == 0 && key.unknown() > 0 && key.seen() == 0 && !keys.is_unclear(*ordinal)
            });
            lists.resolve = in_doubt.map(|(ordinal, _)| ordinal).filter(has_one_content).collect();
        } else if wish.resolve {
            lists.withheld.push(
                "nothing is resolved: the listing is incomplete, so it is unknown which keys are absent",
            );
        }
        if let Some(share) = wish.replay {
            let is_listed = facts.evidence.observed.listing.offered;
            let acked = keys.iter().filter(|(_, key)| key.acked() > 0 && (key.seen() > 0 || !is_listed));
            let acked = acked.filter(|(ordinal, _)| has_one_content(ordinal));
            let chosen = (0..).zip(acked).filter(|(index, _)| share.holds(*index));
            lists.replay = chosen.map(|(_, (ordinal, _))| ordinal).collect();
        }
        lists
    }

    /// Returns true if there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.resolve.is_empty() && self.replay.is_empty()
    }
}
