//! Experiments with a request that its owner gave: which of its values is the id, and what else of it
//! may differ from event to event. The given request itself is never sent.

use truth::clock::utc_ms;
use truth::target::request::Whole;
use truth::target::secrets::Secrets;
use truth::target::sign::Signer;

use super::asking::Asker;
use super::findings::{Experiments, Identity};
use super::looking::Glass;
use super::request::{Filling, whole};
use super::response::Response;
use super::roles::{OTHER_PAYLOAD, PAYLOAD, Roles, Values};
use super::sight::{Sight, Taken};
use super::sketch::{Choice, Part, Sketch};
use super::unmet::Unmet;

/// Distance of an event's two times, in milliseconds: a client that sends again an hour later.
const RESTAMPED_MS: i64 = -3_600_000;

/// Requests that the experiments leave for those by the scenario.
const KEPT: u32 = 10;

/// Request that a target accepts, and the roles of its values.
#[derive(Clone, Debug)]
pub(super) struct Met {
    pub(super) sketch: Sketch,
    pub(super) roles: Roles,
    pub(super) identity: Identity,
    pub(super) sight: Option<String>,
    /// Sentence about the topic, and the topics that were accepted.
    pub(super) topic: Option<&'static str>,
    pub(super) topics: Vec<String>,
    /// Response to the first event.
    pub(super) first: Response,
    /// Sentences about what was refused.
    pub(super) notes: Vec<String>,
    /// Reason for one topic, if there is one.
    pub(super) why_one: &'static str,
}

impl Met {
    /// True if a batch has its topic outside the events, so that it has one alone.
    pub(super) fn has_topic_outside_events(&self) -> bool {
        let is_outside = |leaf: &usize| self.sketch.leaves[*leaf].part != Part::Event;
        self.sketch.is_batch() && self.roles.topic.iter().any(is_outside)
    }

    /// Sentence about an event that was refused with 4xx; none if none was.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.notes.iter().map(String::as_str).find(|note| note.contains(" was answered 4"))
    }

    /// True if a request can hold an invalid event of JSON beside others.
    pub(super) fn takes_invalid(&self) -> bool {
        let event = self.sketch.texts(&Choice::new()).event;
        self.sketch.is_batch() && event.starts_with('{') && !event.contains("}\n{")
    }
}

/// Experimenter with one request.
pub(super) struct Meeting<'a> {
    pub(super) asker: &'a Asker,
    pub(super) secrets: &'a Secrets,
    pub(super) signer: Option<&'a Signer>,
    /// Place to look for what was stored, if responses do not tell.
    pub(super) glass: Option<Glass>,
}

impl Meeting<'_> {
    /// Tries a request until it is accepted with fresh values: with all that look like ids, with the
    /// best alone, and then with the times that were given.
    pub(super) async fn accepted(&self, sketch: &Sketch) -> Result<(Roles, Values, Response), Unmet> {
        let all = Roles::of(sketch);
        let mut best = all.clone();
        best.ids.truncate(1);
        let mut tried: Vec<Roles> = Vec::new();
        let mut refusal = None;
        for roles in [all.clone(), best.clone(), all.untimed(), best.untimed()] {
            if tried.contains(&roles) {
                continue;
            }
            let values = roles.fresh(utc_ms());
            let response = self.send(sketch, &roles, &values, PAYLOAD).await?;
            if response.is_success() {
                return Ok((roles, values, response));
            }
            refusal.get_or_insert_with(|| response.in_one_line());
            tried.push(roles);
        }
        Err(Unmet::Refused(refusal.unwrap_or_default()))
    }

    /// Sends a request once with fresh values.
    pub(super) async fn try_once(&self, sketch: &Sketch) -> Result<Response, Unmet> {
        let roles = Roles::of(sketch);
        let values = roles.fresh(utc_ms());
        Ok(self.asker.try_once(&self.made(sketch, &roles, &values, PAYLOAD)?).await?)
    }

    /// Finds out which value is the id, and what else may differ.
    pub(super) async fn meet(&mut self, sketch: Sketch) -> Result<Met, Unmet> {
        if let Some(glass) = &mut self.glass {
            glass.begin(self.asker).await;
        }
        let (mut roles, base, first) = self.accepted(&sketch).await?;
        let again = self.send(&sketch, &roles, &base, PAYLOAD).await?;
        let fresh = roles.fresh(utc_ms());
        let other = self.send(&sketch, &roles, &fresh, PAYLOAD).await?;
        let sent: Vec<String> = base.ids.iter().chain(&fresh.ids).cloned().collect();
        let sight = Sight::of(&first, &again, &other, &sent);
        if let Some(glass) = self.glass.as_mut().filter(|glass| sight.is_none() || glass.is_described()) {
            let given = given_topic(&sketch, &roles).unwrap_or_default();
            let other = other_topic(&sketch, &roles);
            glass.expect(&[Some(given), other].into_iter().flatten().collect::<Vec<_>>());
            glass.learn(self.asker, &base.ids, &fresh.ids).await;
            if let Some(topic) = glass.topic_of(&base.ids) {
                roles.take_shown_topic(&sketch, &topic);
            }
        }
        let mut notes = Vec::new();
        let topics = self.allowed(&sketch, &mut roles, &mut notes).await?;
        if let Some(glass) = &mut self.glass {
            let mut expected = topics.clone();
            expected.extend(other_topic(&sketch, &roles).filter(|other| !topics.contains(other)));
            glass.expect(&expected);
            glass.skip(self.asker).await;
        }
        let experiments = self.experiments(&sketch, &roles, &base, sight.as_ref(), &topics).await?;
        let places: Vec<String> = roles.ids.iter().map(|candidate| candidate.place.clone()).collect();
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        notes.extend(self.glass.as_ref().and_then(Glass::failure));
        let seen = sight.as_ref().map(Sight::in_words);
        let by_glass = || self.glass.as_ref().and_then(Glass::in_words);
        Ok(Met {
            identity: experiments.identity(&places),
            sight: seen.or_else(by_glass),
            topic: experiments.of_topic(),
            sketch,
            roles,
            topics,
            first,
            notes,
            why_one: "another topic was refused",
        })
    }

    /// Sends variations of an event that the target knows.
    async fn experiments(
        &mut self,
        sketch: &Sketch,
        roles: &Roles,
        base: &Values,
        sight: Option<&Sight>,
        topics: &[String],
    ) -> Result<Experiments, Unmet> {
        let others = match (roles.times.is_empty(), roles.payload.is_some()) {
            (false, true) => "time and payload",
            (false, false) => "time",
            (true, _) => "payload",
        };
        let alone = vec![None; roles.ids.len()];
        let mut found = Experiments { alone, others, is_by_rows: sight.is_none(), ..Experiments::default() };
        if sight.is_none() && !self.glass.as_ref().is_some_and(Glass::shows) {
            return Ok(found);
        }
        for (at, candidate) in found.alone.iter_mut().enumerate() {
            let mut values = base.clone();
            values.ids[at] = roles.fresh(0).ids[at].clone();
            *candidate = self.judge(sketch, roles, &values, PAYLOAD, sight).await?;
        }
        let time_ms = base.time_ms.map(|ms| ms + RESTAMPED_MS);
        let others = Values { time_ms, has_payload: true, ..base.clone() };
        if !roles.times.is_empty() || roles.payload.is_some() {
            found.contents = self.judge(sketch, roles, &others, OTHER_PAYLOAD, sight).await?;
        }
        if let Some(topic) = other_topic(sketch, roles).filter(|other| topics.contains(other)) {
            let values = Values { topic: Some(topic), ..base.clone() };
            found.topic = self.judge(sketch, roles, &values, PAYLOAD, sight).await?;
        }
        Ok(found)
    }

    async fn judge(
        &mut self,
        sketch: &Sketch,
        roles: &Roles,
        values: &Values,
        payload: &str,
        sight: Option<&Sight>,
    ) -> Result<Option<Taken>, Unmet> {
        if self.asker.left().0 <= KEPT {
            return Ok(None);
        }
        let response = self.send(sketch, roles, values, payload).await?;
        if let Some(sight) = sight {
            return Ok(Some(sight.judge(&response)));
        }
        if !response.is_success() {
            return Ok(Some(Taken::Refused));
        }
        match &mut self.glass {
            Some(glass) => Ok(glass.judge(self.asker, &values.ids).await),
            None => Ok(None),
        }
    }

    /// Finds out if another topic and another payload are accepted. A role that is not is dropped.
    async fn allowed(
        &self,
        sketch: &Sketch,
        roles: &mut Roles,
        notes: &mut Vec<String>,
    ) -> Result<Vec<String>, Unmet> {
        let Some(given) = given_topic(sketch, roles) else {
            if roles.payload.is_some() && !self.accepts(sketch, roles, None, true, notes).await? {
                roles.payload = None;
            }
            return Ok(vec![String::new()]);
        };
        if let Some(both) = self.another_topic(sketch, roles, notes).await? {
            return Ok(both);
        }
        if roles.payload.is_some() && !self.accepts(sketch, roles, None, true, notes).await? {
            roles.payload = None;
            if let Some(both) = self.another_topic(sketch, roles, notes).await? {
                return Ok(both);
            }
        }
        // If no other text is accepted for the topic, it may be a word that says what the request is,
        // and another value the topic.
        let mut further = roles.clone();
        while further.take_next_topic() {
            if let Some(both) = self.another_topic(sketch, &further, notes).await? {
                *roles = further;
                return Ok(both);
            }
        }
        Ok(vec![given])
    }

    /// Returns the topic that was given and another one, if the other is accepted.
    async fn another_topic(
        &self,
        sketch: &Sketch,
        roles: &Roles,
        notes: &mut Vec<String>,
    ) -> Result<Option<Vec<String>>, Unmet> {
        let Some((given, other)) = given_topic(sketch, roles).zip(other_topic(sketch, roles)) else {
            return Ok(None);
        };
        let is_free = self.accepts(sketch, roles, Some(&other), roles.payload.is_some(), notes).await?;
        Ok(is_free.then(|| vec![given, other]))
    }

    async fn accepts(
        &self,
        sketch: &Sketch,
        roles: &Roles,
        topic: Option<&str>,
        has_payload: bool,
        notes: &mut Vec<String>,
    ) -> Result<bool, Unmet> {
        let values = Values { topic: topic.map(str::to_owned), has_payload, ..roles.fresh(utc_ms()) };
        let response = self.send(sketch, roles, &values, PAYLOAD).await?;
        if !response.is_success() {
            let place = roles.topic.first().map_or("", |leaf| sketch.leaves[*leaf].place.as_str());
            let what = match (topic.is_some(), has_payload) {
                (true, true) => format!("another topic (at {place}) and payload"),
                (true, false) => format!("another topic (at {place})"),
                (false, _) => "another payload".to_owned(),
            };
            notes.push(format!("an event with {what} was answered {}", response.in_one_line()));
        }
        Ok(response.is_success())
    }

    async fn send(
        &self,
        sketch: &Sketch,
        roles: &Roles,
        values: &Values,
        payload: &str,
    ) -> Result<Response, Unmet> {
        Ok(self.asker.send(&self.made(sketch, roles, values, payload)?, 1).await?)
    }

    fn made(&self, sketch: &Sketch, roles: &Roles, values: &Values, payload: &str) -> Result<Whole, Unmet> {
        let texts = sketch.texts(&roles.choice(values, 0));
        let filling = Filling { payload, values, secrets: self.secrets, signer: self.signer };
        whole(sketch, &texts, filling).map_err(|error| Unmet::Unmade(error.to_string()))
    }
}

/// Returns the topic that was given; none if the request has none.
fn given_topic(sketch: &Sketch, roles: &Roles) -> Option<String> {
    roles.topic.first().map(|leaf| sketch.leaves[*leaf].value.clone())
}

fn other_topic(sketch: &Sketch, roles: &Roles) -> Option<String> {
    given_topic(sketch, roles).map(|topic| format!("{topic}-2"))
}
