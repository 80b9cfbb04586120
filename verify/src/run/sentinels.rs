//! Sentinels: sent after a look, and looked for until the target shows all of them.

use std::time::Duration;

use judge::evidence::Evidence;
use judge::facts::Facts;
use judge::numbers::counted;
use judge::resend::Lists;
use reader::client::TargetClient;
use tokio::time::{Instant, sleep};
use truth::clock::monotonic_ns;
use truth::duration::format;
use truth::observed::presence::Presence;
use truth::observed::sentinels::{FALLEN_EXAMPLES, SentSentinel, Sentinels};
use truth::plan::shard::Shard;
use truth::record::folder::RunFolder;

use crate::observe::{Wanted, glimpse};
use crate::resend::{self, ResendError, SentAt};

/// Longest time that sentinels are looked for, unless all looks have to end before.
const PATIENCE: Duration = Duration::from_secs(90);

/// First pause between two looks for sentinels; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between two looks for sentinels.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Run whose sentinels are sent, and its target.
pub(super) struct Sending<'a> {
    pub(super) client: &'a TargetClient,
    pub(super) folder: &'a RunFolder,
    pub(super) shard: Shard,
    /// Longest time for a response.
    pub(super) timeout: Duration,
    /// Evidence of the look before, which is saved.
    pub(super) evidence: &'a Evidence,
    pub(super) wanted: &'a Wanted<'a>,
}

impl Sending<'_> {
    /// Sends sentinels and looks for them. None if there is nothing to send.
    pub(super) async fn send(&self) -> Result<Option<Sentinels>, ResendError> {
        let lists = Lists::of_sentinels(&Facts::gather(self.evidence)?, self.shard);
        for reason in &lists.withheld {
            self.wanted.notes.say(&format!("note: {reason}"));
        }
        if lists.is_empty() {
            return Ok(None);
        }
        self.wanted.notes.say(&format!(
            "sending {}: events of the run's own, which show how the target lists what it has just acknowledged",
            counted(lists.sentinels.len() as u64, "sentinel", "sentinels")
        ));
        let sent = resend::send(self.client, self.folder, self.evidence, self.timeout, &lists).await?;
        Ok(Some(self.look_for(&sent).await))
    }

    /// Looks until all acknowledged sentinels are shown, or patience is over.
    async fn look_for(&self, sent: &[SentAt]) -> Sentinels {
        let origin = sent.iter().map(|sentinel| sentinel.t_start).min().unwrap_or_default();
        let after_ms = |t: u64| t.saturating_sub(origin) / 1_000_000;
        let events = &self.evidence.events;
        let unseen = |sentinel: &SentAt| SentSentinel {
            ordinal: sentinel.ordinal,
            topic: events.topic(sentinel.ordinal).to_owned(),
            sent_ms: after_ms(sentinel.t_start),
            acked_ms: sentinel.t_acked.map(after_ms),
            seen_ms: None,
        };
        let mut sentinels = Sentinels {
            schema_version: 1,
            sent: sent.iter().map(unseen).collect(),
            looks: 0,
            looked_ms: 0,
            fallen_out: 0,
            fallen_out_keys: Vec::new(),
        };
        let is_shown = self.client.offers_listing() || self.wanted.database.is_some();
        let patience = PATIENCE.min(self.wanted.looking.max_wait);
        let until = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        while is_shown && is_awaited(&sentinels) {
            let looked = glimpse(self.client, self.wanted).await;
            sentinels.looks += 1;
            sentinels.looked_ms = after_ms(monotonic_ns());
            if let Ok(seen) = &looked {
                let shown = |sentinel: &&mut SentSentinel| seen.contains(&sentinel.ordinal);
                for sentinel in sentinels.sent.iter_mut().filter(shown) {
                    sentinel.seen_ms.get_or_insert(sentinels.looked_ms);
                }
            }
            if Instant::now() >= until {
                let why = looked.err().map_or_else(String::new, |error| format!("; {error}"));
                self.wanted
                    .notes
                    .say(&format!("note: not all sentinels were shown within {}{why}", format(patience)));
                break;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        sentinels
    }
}

/// True if a sentinel was acknowledged and is not seen yet.
fn is_awaited(sentinels: &Sentinels) -> bool {
    sentinels.sent.iter().any(|sentinel| sentinel.acked_ms.is_some() && sentinel.seen_ms.is_none())
}

/// Notes the keys that were shown before the sentinels were sent, and are shown no longer.
pub(super) fn note_fallen(sentinels: &mut Sentinels, before: &Presence, now: &Presence) {
    let fallen = (0..before.keys()).filter(|ordinal| before.seen(*ordinal) > 0 && now.seen(*ordinal) == 0);
    for ordinal in fallen {
        sentinels.fallen_out += 1;
        if sentinels.fallen_out_keys.len() < FALLEN_EXAMPLES {
            sentinels.fallen_out_keys.push(ordinal);
        }
    }
}
