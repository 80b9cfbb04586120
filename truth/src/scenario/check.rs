//! Rules that hold a scenario together. Settings that contradict each other are errors, which name
//! the way out.

use super::executor::Executors;
use super::fault::{At, Fault};
use super::{NAMED_TOPICS, Scenario, ScenarioError};
use crate::target::{Database, Envelope, path_fault, url_fault};

mod beside;
mod load;
mod repeats;
mod requests;
mod traps;

impl Scenario {
    /// Returns the executors of a scenario whose settings agree.
    pub(super) fn check(&self) -> Result<Executors, ScenarioError> {
        let refuse = |message: &str| Err(ScenarioError::Setting(message.to_owned()));
        let visible = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(visible) {
            return refuse(&format!(
                "name = \"{}\": it must be 1 to 64 letters, digits, dots, dashes or underscores",
                self.name
            ));
        }
        let executors = load::check(&self.load).map_err(ScenarioError::Setting)?;
        if let Some(fault) = self.thresholds_fault() {
            return refuse(&fault);
        }
        let is_short = self.target.publish.text.is_none();
        if is_short && self.target.publish.envelope == Envelope::Object && self.load.batch != 1 {
            return refuse("envelope = \"object\" needs batch = 1 (--batch 1)");
        }
        if let Some(fault) = self.request.as_ref().and_then(|request| request.fault(&self.load)) {
            return refuse(&fault);
        }
        if let Some(fault) = self.target.fields.fault() {
            return refuse(&fault);
        }
        requests::check(self)?;
        if let Some(fault) = self.database.as_ref().and_then(Database::fault) {
            return refuse(&fault);
        }
        if let Some(fault) = self.faults_fault(&executors) {
            return refuse(&fault);
        }
        let target = &self.target;
        if let Some(fault) = path_fault(&target.publish.path) {
            return refuse(&format!("target.publish.{fault}"));
        }
        if let Some(fault) =
            target.pointers_fault().or_else(|| target.stats.fault()).or_else(|| target.kept_fault())
        {
            return refuse(&fault);
        }
        if let Some(fault) = self.listing_fault() {
            return refuse(&fault);
        }
        // A URL with a secret in it would be written to run.json.
        if let Some(fault) = target.publish.url.as_deref().and_then(url_fault) {
            return refuse(&format!("target.publish.{fault}"));
        }
        if let Err(error) = target.endpoint().and_then(|_| target.at_publish().endpoint()) {
            return refuse(&error.to_string());
        }
        if let Some(fault) = traps::fault(self) {
            return refuse(fault);
        }
        repeats::check(self)?;
        beside::check(self)?;
        Ok(executors)
    }

    /// Checks that the listing can be read, and that its rows have a topic.
    fn listing_fault(&self) -> Option<String> {
        if !(1..=100_000).contains(&self.target.listing.limit) {
            return Some("listing.limit must be 1 to 100000".to_owned());
        }
        let reading = match self.target.reading() {
            Ok(reading) => reading?,
            Err(fault) => return Some(fault),
        };
        let topics = self.events.topics.len();
        let has_topic = reading.places.topic.is_some() || reading.is_by_topic || topics == 1;
        (!has_topic).then(|| {
            format!(
                "listing.fields.topic is not set, and the request has no {{{{topic}}}}: rows could be of any of the \
                 {topics} topics; name the field, or write topics = [\"\"] under [events] if the target has no topics"
            )
        })
    }

    /// Checks that thresholds name topics and executors that exist.
    fn thresholds_fault(&self) -> Option<String> {
        self.topic_fault().or_else(|| self.executor_fault())
    }

    fn executor_fault(&self) -> Option<String> {
        let named = self.load.thresholds.iter().filter_map(|demand| {
            let executor = demand.parse().ok()?.tags.executor?;
            Some((&demand.threshold, executor))
        });
        let parts = &self.load.executors;
        let is_measured = |name: &String| parts.iter().any(|part| part.measured && part.name == *name);
        let (threshold, executor) = named.into_iter().find(|(_, name)| !is_measured(name))?;
        let measured = parts.iter().filter(|part| part.measured).map(|part| &*part.name);
        Some(match measured.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => {
                format!("threshold `{threshold}` names an executor, but no [[load.executors]] is measured")
            }
            names => {
                format!("threshold `{threshold}`: no executor `{executor}` is measured; measured are {names}")
            }
        })
    }

    fn topic_fault(&self) -> Option<String> {
        let topics = &self.events.topics;
        let named = self.load.thresholds.iter().filter_map(|demand| {
            let topic = demand.parse().ok()?.tags.topic?;
            Some((&demand.threshold, topic))
        });
        let is_absent = |topic: &String| self.request.is_some() || !topics.contains(topic);
        let (threshold, topic) = named.into_iter().find(|(_, topic)| is_absent(topic))?;
        Some(if self.request.is_some() {
            format!("threshold `{threshold}` names a topic, but [request] sends no events: leave the tag out")
        } else {
            let more = topics.len().saturating_sub(NAMED_TOPICS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let some = &topics[..topics.len().min(NAMED_TOPICS)];
            format!(
                "threshold `{threshold}`: there is no topic `{topic}`; the topics are {}{more}",
                some.join(", ")
            )
        })
    }

    /// Checks that the faults can be done to the target.
    fn faults_fault(&self, executors: &Executors) -> Option<String> {
        let process = self.target.process.as_ref();
        if process.is_some_and(|process| process.command.is_empty()) {
            return Some(
                "target.process.command is empty; write it as [\"./server\", \"--port\", \"8080\"]"
                    .to_owned(),
            );
        }
        let is_at_share = |fault: &Fault| matches!(fault.due(0, 0), At::Share(_));
        let one = self.faults.iter().find_map(|fault| fault.fault(process.is_some()));
        one.or_else(|| {
            let lacks_count = executors.total().is_none() && self.faults.iter().any(is_at_share);
            lacks_count.then(|| {
                "a fault at a share of the events needs a run with a count: give its time instead (at = \"2s\")"
                    .to_owned()
            })
        })
    }
}
