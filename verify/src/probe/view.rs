//! View of what a target stored: the listing or the database that the scenario describes.

use std::time::Duration;

use reader::client::TargetClient;
use reader::database::DatabaseReader;
use reader::listing::TakeRows;
use truth::chain::chain;
use truth::clock::utc_ms;
use truth::observed::rows::ShownRow;
use truth::scenario::Scenario;

use super::asking::Asker;
use super::error::ProbeError;

/// Longest time to read a database.
const READING: Duration = Duration::from_secs(10);

/// Time before and after the present that a listing is asked for, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// View of what a target stored.
#[derive(Clone, Debug)]
pub(super) struct View {
    store: Store,
    source: String,
}

#[derive(Clone, Debug)]
enum Store {
    Listing(Box<TargetClient>),
    Database(Box<DatabaseReader>),
}

/// Topics and ids of rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(pub(super) Vec<[String; 2]>);

impl Keys {
    /// Keys that hold one of these ids.
    pub(super) fn of<'k>(&'k self, ids: &'k [String]) -> impl Iterator<Item = &'k [String; 2]> {
        self.0.iter().filter(|[_, key]| ids.iter().any(|id| key.contains(id.as_str())))
    }
}

impl TakeRows for Keys {
    fn take_row(&mut self, shown: &ShownRow) {
        self.0.push([shown.row.topic.clone(), shown.row.event_id.clone()]);
    }
}

impl View {
    /// Returns the view that a scenario describes; none if it describes none. `client` is that of its
    /// target.
    pub(super) fn of(scenario: &Scenario, client: TargetClient) -> Result<Option<Self>, ProbeError> {
        let source = scenario.events.source.clone();
        if client.offers_listing() {
            return Ok(Some(Self { store: Store::Listing(Box::new(client)), source }));
        }
        let reader = DatabaseReader::new(scenario.database.as_ref(), None);
        let reader = reader.map_err(|error| ProbeError::Unusable { reason: chain(&error) })?;
        Ok(reader.map(|reader| Self { store: Store::Database(Box::new(reader)), source }))
    }

    /// Name for people.
    pub(super) fn name(&self) -> &'static str {
        match self.store {
            Store::Listing(_) => "the scenario's listing",
            Store::Database(_) => "the scenario's database",
        }
    }

    /// Keys of a scenario that describe it.
    pub(super) fn table(&self) -> &'static str {
        match self.store {
            Store::Listing(_) => "target.listing",
            Store::Database(_) => "database",
        }
    }

    /// Place of the payload in a row of a listing; none if it is not read, or not from a listing.
    pub(super) fn payload_field(&self) -> Option<&str> {
        match &self.store {
            Store::Listing(client) => client.target().listing.fields.payload.as_deref(),
            Store::Database(_) => None,
        }
    }

    /// True if what it showed is gone.
    pub(super) fn drains(&self) -> bool {
        match &self.store {
            Store::Listing(client) => client.target().listing.drains,
            Store::Database(_) => false,
        }
    }

    /// Looks once, and hands each row on. The error says why it could not be read.
    pub(super) async fn look(
        &self,
        asker: &Asker,
        topics: &[String],
        rows: &mut dyn TakeRows,
    ) -> Result<(), String> {
        asker.look().await?;
        match &self.store {
            Store::Listing(client) => {
                let span = [utc_ms() - DAY_MS, utc_ms() + DAY_MS];
                let listed = client.list_rows(topics, &self.source, span, rows).await;
                listed.map(drop).map_err(|error| chain(&error))
            }
            Store::Database(reader) => {
                let mut take = |row: &truth::observed::rows::Row| {
                    rows.take_row(&ShownRow { row: row.clone(), name: None, values: Vec::new() });
                };
                reader.each_row(READING, &mut take).await.map(drop).map_err(|error| chain(&error))
            }
        }
    }
}
