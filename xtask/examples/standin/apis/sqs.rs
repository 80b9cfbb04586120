//! FIFO queue of SQS without signatures, as the local servers have it: batches in either protocol,
//! and messages by the JSON protocol. A message that was received is hidden.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Most entries of a batch, and most messages of a response.
const MOST: usize = 10;

/// Deduplication ids that the defect knows again.
const MEMORY: usize = 40;

/// Entry of a batch.
struct Entry {
    id: String,
    deduplication: String,
    body: String,
}

pub(crate) struct Queue {
    /// Messages, of which so many were received.
    messages: Rows,
    received: usize,
    is_sorting: bool,
}

impl Queue {
    /// Returns a queue whose defect is to forget.
    pub(crate) fn forgetful(setup: &Setup) -> Self {
        Self { messages: Rows::knowing(setup.memory(MEMORY)), received: 0, is_sorting: false }
    }

    /// Returns a queue whose defect is to read the entries of a form in the order of their names.
    pub(crate) fn sorting(setup: &Setup) -> Self {
        Self { messages: Rows::new(), received: 0, is_sorting: setup.has_defect }
    }

    /// Stores the entries of a batch. Returns their ids and those of their messages, or an error.
    fn send(&mut self, entries: Vec<Entry>) -> Result<Vec<[String; 2]>, &'static str> {
        if entries.is_empty() {
            return Err("AWS.SimpleQueueService.EmptyBatchRequest");
        }
        if entries.len() > MOST {
            return Err("AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
        }
        let ids: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        if ids.len() < entries.len() {
            return Err("AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
        }
        let stored = entries.into_iter().map(|Entry { id, deduplication, body }| {
            let message = format!("m-{}", self.messages.all().len());
            let row = json!({"MessageId": message, "ReceiptHandle": message, "Body": body});
            self.messages.add(&deduplication, row);
            [id, message]
        });
        Ok(stored.collect())
    }

    fn send_json(&mut self, body: &Value) -> Reply {
        let text = |entry: &Value, name: &str| entry[name].as_str().map(str::to_owned);
        let entry = |entry: &Value| {
            text(entry, "MessageGroupId")?;
            let [id, deduplication, body] =
                ["Id", "MessageDeduplicationId", "MessageBody"].map(|name| text(entry, name));
            Some(Entry { id: id?, deduplication: deduplication?, body: body? })
        };
        let entries: Option<Vec<Entry>> =
            body["Entries"].as_array().into_iter().flatten().map(entry).collect();
        let Some(entries) = entries else { return failed_json("MissingParameter") };
        match self.send(entries) {
            Ok(sent) => {
                let sent = sent.iter().map(|[id, message]| json!({"Id": id, "MessageId": message}));
                amz_json(200, &json!({"Successful": sent.collect::<Vec<_>>(), "Failed": []}))
            }
            Err(code) => failed_json(code),
        }
    }

    fn receive(&mut self, body: &Value) -> Reply {
        let most = body["MaxNumberOfMessages"].as_u64().unwrap_or(1) as usize;
        if !(1..=MOST).contains(&most) {
            return failed_json("InvalidParameterValue");
        }
        let page = self.messages.page(self.received, most).to_vec();
        self.received += page.len();
        // Without messages there is no list of them.
        amz_json(200, &if page.is_empty() { json!({}) } else { json!({"Messages": page}) })
    }

    fn send_form(&mut self, request: &Request) -> Reply {
        let mut parts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let form = request.form();
        let value = |name: &str| form.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        if value("Action") != Some("SendMessageBatch") || value("Version") != Some("2012-11-05") {
            return xml(400, "<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>");
        }
        for (name, value) in &form {
            let rest = name.strip_prefix("SendMessageBatchRequestEntry.");
            if let Some((number, name)) = rest.and_then(|rest| rest.split_once('.')) {
                parts.entry(number.to_owned()).or_default().insert(name.to_owned(), value.clone());
            }
        }
        let number = |text: &String| text.parse::<usize>().unwrap_or_default();
        let mut parts: Vec<(String, BTreeMap<String, String>)> = parts.into_iter().collect();
        parts.sort_by_key(|(text, _)| number(text));
        let mut answer = String::new();
        let text = |part: &BTreeMap<String, String>, name: &str| part.get(name).cloned().unwrap_or_default();
        let entries = parts.iter().map(|(_, part)| {
            let [id, deduplication, body] =
                ["Id", "MessageDeduplicationId", "MessageBody"].map(|name| text(part, name));
            Entry { id, deduplication, body }
        });
        let kept = entries.take(if self.is_sorting { MOST - 1 } else { usize::MAX }).collect();
        if let Err(code) = self.send(kept) {
            let error = format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>");
            return xml(400, &error);
        }
        for (_, part) in &parts {
            let id = text(part, "Id");
            answer += &format!("<SendMessageBatchResultEntry><Id>{id}</Id></SendMessageBatchResultEntry>");
        }
        let result = format!("<SendMessageBatchResult>{answer}</SendMessageBatchResult>");
        xml(200, &format!("<SendMessageBatchResponse>{result}</SendMessageBatchResponse>"))
    }
}

impl Api for Queue {
    fn answer(&mut self, request: &Request) -> Reply {
        if request.route() == ("POST", vec!["000000000000", "events.fifo"]) {
            return self.send_form(request);
        }
        let body = request.json();
        let is_queue =
            body["QueueUrl"].as_str().is_some_and(|url| url.ends_with("/000000000000/events.fifo"));
        if !request.is_of_type("application/x-amz-json-1.0") || !is_queue {
            return failed_json("AWS.SimpleQueueService.NonExistentQueue");
        }
        match request.field("x-amz-target") {
            Some("AmazonSQS.SendMessageBatch") => self.send_json(&body),
            Some("AmazonSQS.ReceiveMessage") => self.receive(&body),
            _ => failed_json("UnknownOperationException"),
        }
    }
}

fn amz_json(status: u16, body: &Value) -> Reply {
    Reply::text(status, "application/x-amz-json-1.0", body.to_string())
}

fn failed_json(code: &str) -> Reply {
    amz_json(400, &json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": code}))
}

fn xml(status: u16, body: &str) -> Reply {
    Reply::text(status, "text/xml", format!("<?xml version=\"1.0\"?>{body}"))
}
