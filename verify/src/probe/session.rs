//! A probe from its first request to its scenario: what is sent, in which order.

use truth::files::write_scenario;

use super::acknowledged::{self, tolerated};
use super::assumed;
use super::context::{INVALID, Session};
use super::counters::{self, Before, Counted};
use super::deep;
use super::draft::Draft;
use super::error::ProbeError;
use super::exchange::{Author, Exchanges, Totals};
use super::input::Way;
use super::listing::{self, Listed};
use super::looking::{Glass, Rows};
use super::meet::{Meeting, Met};
use super::options::ProbeOptions;
use super::pace::MOST_LOOKS;
use super::publish;
use super::rules::{self, Fate};
use super::sight::Sight;

/// Reads that are kept for the looks at a burst, of which the last topic takes one more.
const LOOKS: u32 = MOST_LOOKS + 1;

/// Result of a probe.
pub(super) struct Probed {
    /// Scenario.
    pub(super) text: String,
    /// Parts that were not found, with the keys to fill in.
    pub(super) missing: Vec<String>,
    /// Variables that a run needs.
    pub(super) exports: Vec<String>,
    /// Sentence about what was sent.
    pub(super) spent: String,
    /// Reason why the description is not enough.
    pub(super) doubt: Option<String>,
}

/// Results of the requests by the scenario, and of the looks at counters and listings.
struct Shown {
    exchanges: Exchanges,
    counted: Counted,
    listed: Result<Listed, String>,
    topics: Vec<String>,
}

/// Probes a target and writes its scenario.
pub(super) async fn probe(options: &ProbeOptions) -> Result<Probed, ProbeError> {
    if options.file().exists() {
        return Err(ProbeError::Exists { path: options.file().to_owned() });
    }
    Box::pin(Session::open(options)?.run()).await
}

impl Session<'_> {
    async fn run(self) -> Result<Probed, ProbeError> {
        self.asker.keep(LOOKS);
        if let (Way::Assumed(_), Some(reason)) = (&self.input.way, self.asker.unreachable_because().await) {
            return Err(ProbeError::Unreachable { url: self.target.url.clone(), reason });
        }
        let topic = self.options.topic.clone();
        let stats_urls = self.stats_urls();
        let looks = counters::first_look(&self.asker, &stats_urls, &topic).await;
        let stats_urls: Vec<String> = looks.iter().map(|look| look.url().to_owned()).collect();
        let mut met = self.meet(stats_urls.first().cloned()).await?;
        let mut author = self.author(met.as_ref())?;
        let mut before = counters::first_look(&self.asker, &stats_urls, &topic).await;
        let mut exchanges = author.exchange(&self.asker).await?;
        if let Some(single) = met.as_mut().filter(|_| exchanges.refuses_neighbours) {
            let note = exchanges.seen.last().map(|seen| seen.response.in_one_line()).unwrap_or_default();
            single.notes.push(format!("a known event and two new ones in one request were answered {note}"));
            single.sketch = single.sketch.clone().single();
            author = self.author(met.as_ref())?;
            before = counters::first_look(&self.asker, &stats_urls, &topic).await;
            exchanges = author.exchange(&self.asker).await?;
        }
        let shown = self.look(&mut author, exchanges, before, met.as_mut()).await?;
        Box::pin(self.conclude(met, author, shown)).await
    }

    /// Finds a request that the target accepts; none if the scenario describes it.
    async fn meet(&self, stats: Option<String>) -> Result<Option<Met>, ProbeError> {
        let rows = Rows::of(self.given_view()?, self.options.listing.clone());
        let glass = Glass::new(rows, self.options.stats.clone().or(stats));
        let mut meeting = Meeting {
            asker: &self.asker,
            secrets: &self.input.secrets,
            signer: self.input.signer.as_ref(),
            glass: Some(glass),
        };
        let sketch = match &self.input.way {
            Way::Described => return Ok(None),
            Way::Given(sketch) => (**sketch).clone(),
            Way::Assumed(home) => assumed::find(&meeting, home, &self.options.topic).await?,
        };
        let mut met = meeting.meet(sketch).await?;
        if met.identity.ids.is_empty() {
            return Err(ProbeError::NoId);
        }
        if met.has_topic_outside_events() && met.topics.len() > 1 {
            met.topics.truncate(1);
            met.why_one = "a request names one topic, which is not in its events";
        }
        Ok(Some(met))
    }

    /// Looks at counters and listings.
    async fn look(
        &self,
        author: &mut Author,
        exchanges: Exchanges,
        before: Vec<Before>,
        met: Option<&mut Met>,
    ) -> Result<Shown, ProbeError> {
        let mut topics = author.events.topics().to_vec();
        let urls = self.listing_urls(met.as_deref());
        // The listing comes first: what it shows is counted.
        self.asker.keep(LOOKS + if before.is_empty() { 0 } else { counters::READS });
        let listed = match &author.looked_for(&exchanges) {
            _ if self.has_own_view() => Err("it is the scenario's own".to_owned()),
            None => Err("no event was accepted that could be looked for".to_owned()),
            Some(event) => listing::find(&self.asker, &urls, event, &topics).await,
        };
        if let Ok(listed) = &listed
            && self.is_free_to_choose_topics()
            && topics.len() > 1
            && let Some(why_one) = self.why_one_topic(author, listed, &exchanges).await
        {
            topics = vec![listed.topic().to_owned()];
            if let Some(met) = met {
                met.why_one = why_one;
            }
        }
        self.asker.keep(LOOKS);
        let shown = listed.as_ref().ok().map(|listed| (listed, topics.as_slice()));
        let counted = self.count(author, before, exchanges.totals, shown).await;
        Ok(Shown { exchanges, counted, listed, topics })
    }

    /// Returns why a scenario with this listing has one topic; none if it can have several. The listing
    /// is read for an event of each topic.
    async fn why_one_topic(
        &self,
        author: &Author,
        listed: &Listed,
        exchanges: &Exchanges,
    ) -> Option<&'static str> {
        if listed.lacks_topic() {
            return Some("the listing does not show the topic of an event, so two could not be told apart");
        }
        for event in author.one_of_each_topic(exchanges).iter().filter(|event| event.topic != listed.topic())
        {
            if listed.shows(&self.asker, event).await == Some(false) {
                return Some("the listing shows no event of another topic, which was accepted, too");
            }
        }
        None
    }

    /// Finds the counters, which grow by what was sent and by what is sent again.
    async fn count(
        &self,
        author: &mut Author,
        before: Vec<Before>,
        totals: Totals,
        shown: Option<(&Listed, &[String])>,
    ) -> Counted {
        let topic = author.events.topics().first().cloned().unwrap_or_default();
        let grown = match counters::grown(&self.asker, before, totals, &topic, &self.home()).await {
            Ok(grown) => grown,
            Err(nothing) => return nothing,
        };
        match author.once_more(&self.asker).await {
            Ok(again) if again.attempts > 0 => {
                let last = author.last_sent();
                if let Some((listed, _)) = shown.filter(|(_, topics)| topics.contains(&last.topic)) {
                    listed.looks(&self.asker, &[last]).await;
                }
                grown.confirmed(&self.asker, again).await
            }
            Ok(_) => grown.unconfirmed("no further event was acknowledged"),
            Err(stop) => grown.unconfirmed(&stop.to_string()),
        }
    }

    async fn conclude(
        &self,
        met: Option<Met>,
        mut author: Author,
        mut shown: Shown,
    ) -> Result<Probed, ProbeError> {
        let mut draft = self.draft();
        draft.begin(&self.target);
        if let Some(met) = &met {
            publish::say(met, &shown.topics, self.habit(), &mut draft);
        }
        draft.append(std::mem::take(&mut shown.counted.draft));
        let home = self.home();
        match &shown.listed {
            Ok(listed) => {
                listed.say(&home, &mut draft);
                listed.doubt().iter().for_each(|doubt| draft.note("target.listing", doubt));
            }
            Err(_) if self.has_own_view() => {}
            Err(seen) => {
                draft.note("target.listing", seen);
                draft.note(
                    "target.listing",
                    "fill in: path = \"/...\", rows = \"/...\", next = \"...\", and fields",
                );
            }
        }
        let listed = shown.listed.as_ref().ok().map(|listed| (listed, shown.topics.as_slice()));
        self.asker.keep(0);
        let doubt = acknowledged::say(self, &mut author, listed, &shown.counted, &mut draft).await;
        self.say_rules(met.as_ref(), &mut author, &shown.exchanges, &mut draft).await;
        if self.options.deep {
            let scenario = self.understood(&draft.text())?;
            match scenario.target.listing.path {
                Some(_) => {
                    let client = self.client(&scenario.target)?;
                    deep::look(&mut author, &self.asker, &client, &mut draft).await?;
                }
                None => draft.note("target.listing", "--deep needs a listing"),
            }
        }
        let text = draft.text();
        self.understood(&text)?;
        write_scenario(self.options.file(), &text)?;
        let probed = self.probed(text, met.as_ref(), &shown, &draft);
        let of_rows = shown.listed.as_ref().ok().and_then(Listed::doubt);
        Ok(Probed { doubt: doubt.or(of_rows).or(probed.doubt), ..probed })
    }

    fn probed(&self, text: String, met: Option<&Met>, shown: &Shown, draft: &Draft) -> Probed {
        let mut missing = Vec::new();
        if !shown.counted.missing.is_empty() && !draft.has("target", "stats") {
            missing.push(format!("counters (target.stats: {})", shown.counted.missing.join(", ")));
        }
        if let (Err(seen), false) = (&shown.listed, self.has_own_view()) {
            missing.push(format!("a listing (target.listing: path, rows); {seen}"));
        }
        let is_seen = met.is_some_and(|met| met.identity.is_seen) || shown.tells_repeats();
        let is_shown = shown.listed.is_ok() || shown.counted.unique.is_some() || self.has_own_view();
        let doubt = match (is_seen, is_shown) {
            (_, true) => None,
            (true, false) => Some("nothing shows what the target stored, so a run could not be judged"),
            (false, false) => Some("nothing tells a new event from a repeat, so the id is a guess"),
        };
        let todo = "give --listing URL or --stats URL, or fill in what was not found";
        let doubt = doubt.map(|doubt| format!("{doubt}: {todo}"));
        let mut exports = self.input.exports.clone();
        // A response in a comment may show the name of a secret.
        let text_of_keys: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let text_of_keys = text_of_keys.join("\n");
        exports.retain(|variable| text_of_keys.contains(&format!("env:{variable}")));
        for variable in &mut exports {
            let is_login = text.contains(&format!("{{{{env:{variable} | base64}}}}"));
            variable.push_str(if is_login { "=user:password, which the file encodes" } else { "=..." });
        }
        Probed { text, missing, exports, spent: self.asker.spent(), doubt }
    }

    /// Sends what may be refused, and writes what responses mean.
    async fn say_rules(
        &self,
        met: Option<&Met>,
        author: &mut Author,
        exchanges: &Exchanges,
        draft: &mut Draft,
    ) {
        let is_given = ["answers", "answer", "publish.ack", "publish.rejected"]
            .iter()
            .any(|name| draft.has("target", name));
        if is_given {
            return;
        }
        let mut seen = exchanges.seen.clone();
        let mut is_refused = false;
        let mut refusal = met.and_then(Met::refusal).map(str::to_owned);
        let pair = tolerated(author.at_once(&self.asker).await, draft);
        // The body of a single invalid event is made here, after the signature of a request.
        let is_signed = author.scenario.target.publish.sign.is_some();
        let can_be_invalid = match met {
            Some(met) => met.takes_invalid() || !(met.sketch.is_batch() || is_signed),
            None => author.knows_invalid(),
        };
        if can_be_invalid && let Some(invalid) = tolerated(author.invalid(&self.asker, INVALID).await, draft)
        {
            let note = format!("{} was answered {}", invalid.name, invalid.response.in_one_line());
            draft.note("target.publish", &note);
            refusal = Some(note).filter(|_| matches!(invalid.response.status, 400..=499)).or(refusal);
            is_refused = !invalid.response.is_success();
            seen.push(invalid);
        }
        if author.is_batch()
            && let Some(empty) = tolerated(author.empty(&self.asker).await, draft)
        {
            draft.note(
                "target.publish",
                &format!("a request without an event was answered {}", empty.in_one_line()),
            );
        }
        let with = rules::of(&seen, refusal.as_deref());
        seen.retain(|seen| !seen.fates.contains(&Fate::Invalid));
        let without = rules::of(&seen, refusal.as_deref());
        let is_lost =
            without.iter().any(rules::Rule::reads_body) && !with.iter().any(rules::Rule::reads_body);
        let mut rules = if is_lost { without } else { with };
        is_refused |= rules.iter().any(rules::Rule::names_rejected) && !is_lost;
        if is_refused && met.is_some_and(Met::takes_invalid) {
            let evidence = "a request with such an event was refused, or the event in it";
            draft.line("target.publish", "invalid", &format!("['{INVALID}']"), evidence);
        }
        let known: Vec<u16> = seen.iter().map(|seen| seen.response.status).collect();
        let late = pair
            .iter()
            .flatten()
            .find(|response| !response.is_success() && !known.contains(&response.status));
        if let Some(late) = late {
            rules.insert(0, rules::Rule::busy(late));
        }
        draft.rules(&rules);
    }
}

impl Shown {
    /// True if responses tell new events from repeats.
    fn tells_repeats(&self) -> bool {
        let [first, again, other, ..] = self.exchanges.seen.as_slice() else { return false };
        let ids: Vec<String> = self.exchanges.seen.iter().flat_map(|seen| seen.ids.clone()).collect();
        Sight::of(&first.response, &again.response, &other.response, &ids).is_some()
    }
}
