//! Keys that may be sent again without hiding a loss, and sentinels that may be sent besides.

use truth::plan::sentinel::{ALL_TOPICS, Sender};
use truth::plan::shard::Shard;
use truth::scenario::share::Share;

use crate::books::keys::Class;
use crate::facts::Facts;
use crate::verdict::{Check, Ground, Judgement, Premise, Status, Verdict};

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
    /// Sentinels: events of the run's own, which are no keys of its plan.
    pub sentinels: Vec<u64>,
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
        if facts.evidence.promises.is_by_request() && (wish.resolve || wish.replay.is_some()) {
            lists.withheld.push(
                "nothing is sent again: only copies of whole requests are known again (`unit = \"request\"`), and \
                 these keys would stand in other requests",
            );
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

    /// Chooses sentinels for the next invocation on behalf of a shard. They are new to the target,
    /// so none of them can hide a loss.
    pub fn of_sentinels(facts: &Facts<'_>, shard: Shard) -> Self {
        let shard = u64::from(shard.index - 1);
        let senders = facts.tally.keys.sentinels().map(|(ordinal, _)| Sender::of(ordinal));
        let last = senders.filter(|sender| sender.shard == shard).max();
        let invocation = last.map_or(0, |last| last.invocation + 1);
        let topics = facts.evidence.plan.topics.len();
        match (Sender { invocation, shard }).sentinels(topics, &topics_in_question(facts)) {
            Some(sentinels) => Self { sentinels, ..Self::default() },
            None => Self {
                withheld: vec!["no sentinels are sent: no ordinals are left for this shard"],
                ..Self::default()
            },
        }
    }

    /// Returns true if there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.resolve.is_empty() && self.replay.is_empty() && self.sentinels.is_empty()
    }
}

/// True if sentinels would show more about a finding: it lacks nothing but a view that is whole and
/// up to date. A FAIL stands without them, and they might push out what it rests on.
pub fn hangs_on_sentinels(verdict: &Judgement) -> bool {
    let is_of_view = |ground: &Ground| matches!(ground.premise, Premise::Whole | Premise::Fresh);
    let is_open = |check: &Check| {
        let mut missing = check.premises.iter().filter(|ground| !ground.holds()).peekable();
        check.status == Status::Unknown && missing.peek().is_some() && missing.all(is_of_view)
    };
    verdict.verdict == Verdict::Unknown && verdict.checks.iter().any(is_open)
}

/// Places of the topics of absent keys. They matter only where not all topics get sentinels.
fn topics_in_question(facts: &Facts<'_>) -> Vec<usize> {
    let mut topics = Vec::new();
    if facts.evidence.plan.topics.len() <= ALL_TOPICS {
        return topics;
    }
    let absent = facts.tally.keys.iter().filter(|(_, state)| state.is(Class::Lost));
    for topic in absent.map(|(ordinal, _)| facts.evidence.events.topic_index(ordinal)) {
        if topics.len() < ALL_TOPICS && !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    topics
}
