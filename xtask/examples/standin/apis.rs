//! Table of the APIs, in the order of their names. Each has a file of its name in `targets/`.

use anyhow::Result;

use crate::reply::Reply;
use crate::request::Request;
use crate::setup::Setup;

mod clickhouse;
mod cloudevents;
mod couchdb;
mod datasette;
mod github;
mod hasura;
mod influxdb;
mod kinto;
mod kurrentdb;
mod lago;
mod loki;
mod meilisearch;
mod openmeter;
mod payments;
mod postgrest;
mod posthog;
mod qdrant;
mod search;
mod segment;
mod sqs;
mod square;
mod stripe;
mod svix;
mod typesense;

/// API that answers requests, one at a time.
pub(crate) trait Api: Send {
    fn answer(&mut self, request: &Request) -> Reply;
}

/// Row of the table.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// Defect, as a sentence without its subject.
    pub(crate) defect: &'static str,
    pub(crate) open: fn(&Setup) -> Result<Box<dyn Api>>,
}

/// All APIs.
pub(crate) static ALL: [Entry; 28] = [
    Entry {
        name: "clickhouse",
        defect: "merges copies of one insert, and none of two inserts",
        open: |setup| Ok(Box::new(clickhouse::ClickHouse::new(setup))),
    },
    Entry {
        name: "cloudevents-batch",
        defect: "stores no event beyond the eighth of a batch",
        open: |setup| Ok(Box::new(cloudevents::Receiver::open(setup, cloudevents::Mode::Batch)?)),
    },
    Entry {
        name: "cloudevents-binary",
        defect: "stores an event again that comes twice within 300 ms",
        open: |setup| Ok(Box::new(cloudevents::Receiver::open(setup, cloudevents::Mode::Binary)?)),
    },
    Entry {
        name: "cloudevents-structured",
        defect: "stores some events under the type of the one before",
        open: |setup| Ok(Box::new(cloudevents::Receiver::open(setup, cloudevents::Mode::Structured)?)),
    },
    Entry {
        name: "couchdb",
        defect: "drops the document before a conflict, and says that it is stored",
        open: |setup| Ok(Box::new(couchdb::CouchDb::new(setup))),
    },
    Entry {
        name: "datasette-insert",
        defect: "makes the table without its primary key",
        open: |setup| Ok(Box::new(datasette::Datasette::new(setup))),
    },
    Entry {
        name: "elasticsearch-bulk",
        defect: "answers 201 for an item that it is too busy for",
        open: |setup| Ok(Box::new(search::Search::new(setup))),
    },
    Entry {
        name: "elasticsearch-create",
        defect: "overwrites a known document, and answers 201",
        open: |setup| Ok(Box::new(search::Search::new(setup))),
    },
    Entry {
        name: "github-webhook",
        defect: "answers 202 and drops a delivery whose signature begins with 0",
        open: |setup| Ok(Box::new(github::Receiver::open(setup)?)),
    },
    Entry {
        name: "hasura",
        defect: "keeps the rows before the one that failed its mutation",
        open: |setup| Ok(Box::new(hasura::Hasura::new(setup))),
    },
    Entry {
        name: "idempotency-key",
        defect: "makes a payment again whose key comes twice within 300 ms",
        open: |setup| Ok(Box::new(payments::Payments::new(setup))),
    },
    Entry {
        name: "influxdb",
        defect: "takes points of one moment for one point, whatever their tags are",
        open: |setup| Ok(Box::new(influxdb::InfluxDb::new(setup))),
    },
    Entry {
        name: "kinto",
        defect: "compares the first three letters of an id alone",
        open: |setup| Ok(Box::new(kinto::Kinto::new(setup))),
    },
    Entry {
        name: "kurrentdb",
        defect: "compares ids with the newest 20 events of a stream alone",
        open: |setup| Ok(Box::new(kurrentdb::KurrentDb::new(setup))),
    },
    Entry {
        name: "lago",
        defect: "says value_already_exist of some events that are new",
        open: |setup| Ok(Box::new(lago::Lago::new(setup))),
    },
    Entry {
        name: "loki",
        defect: "compares a line with the newest one of its stream alone",
        open: |setup| Ok(Box::new(loki::Loki::new(setup))),
    },
    Entry {
        name: "meilisearch",
        defect: "drops a task that is enqueued while four others wait",
        open: |setup| Ok(Box::new(meilisearch::Meilisearch::new(setup))),
    },
    Entry {
        name: "openmeter",
        defect: "deduplicates within one request alone",
        open: |setup| Ok(Box::new(openmeter::OpenMeter::new(setup))),
    },
    Entry {
        name: "posthog",
        defect: "cuts texts after 100 letters",
        open: |setup| Ok(Box::new(posthog::PostHog::new(setup))),
    },
    Entry {
        name: "postgrest",
        defect: "returns rows that were there before, too",
        open: |setup| Ok(Box::new(postgrest::PostgRest::new(setup))),
    },
    Entry {
        name: "qdrant",
        defect: "drops objects in the payload of a point that comes again",
        open: |setup| Ok(Box::new(qdrant::Qdrant::new(setup))),
    },
    Entry {
        name: "segment",
        defect: "forgets a messageId after 40 others",
        open: |setup| Ok(Box::new(segment::Segment::open(setup)?)),
    },
    Entry {
        name: "sqs-json",
        defect: "forgets a deduplication id after 40 others",
        open: |setup| Ok(Box::new(sqs::Queue::forgetful(setup))),
    },
    Entry {
        name: "sqs-query",
        defect: "drops the tenth entry of a batch, which it reads before the second",
        open: |setup| Ok(Box::new(sqs::Queue::sorting(setup))),
    },
    Entry {
        name: "square",
        defect: "keeps whole units of an amount",
        open: |setup| Ok(Box::new(square::Square::new(setup))),
    },
    Entry {
        name: "stripe",
        defect: "forgets an idempotency key after 40 others",
        open: |setup| Ok(Box::new(stripe::Stripe::new(setup))),
    },
    Entry {
        name: "svix",
        defect: "says that it is done one page too early",
        open: |setup| Ok(Box::new(svix::Svix::new(setup))),
    },
    Entry {
        name: "typesense",
        defect: "imports the first eight lines of a request",
        open: |setup| Ok(Box::new(typesense::Typesense::new(setup))),
    },
];
