//! `POST /publish`: takes events, and responds once they are durable.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::app::App;
use crate::api::body::read_batch;
use crate::api::error::{ApiError, BadRequest, Failure, Faults, Forbidden, Unauthorized, Unavailable};
use crate::api::outgoing::to_json;
use crate::api::query::{Parameters, Switch};
use crate::event::Publication;
use crate::ingest::NotStored;
use crate::settings::Ack;
use crate::store::Kind;

/// Bytes of an event's fate in a receipt. Vectors may have twice the size that they need.
const LISTED_BYTES: usize = 2 * "\"duplicate\",".len();

/// Receipt for stored events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Receipt {
    status: Accepted,
    /// Events in the request: the sum of inserted and duplicates.
    #[schema(minimum = 1)]
    accepted: usize,
    inserted: usize,
    duplicates: usize,
    /// With `results=true`: the fate of each event, in the request's order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_items = 1)]
    results: Option<Vec<Kind>>,
}

/// Receipt for events in the inbox.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QueuedReceipt {
    status: Accepted,
    /// Events in the request.
    #[schema(minimum = 1)]
    accepted: usize,
}

/// The only status of a success.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Accepted {
    Accepted,
}

/// Takes events, and responds once they are durable
#[utoipa::path(
    post,
    path = "/publish",
    params(("results" = inline(Option<Switch>), Query, nullable = false,
            description = "true or 1: the receipt lists the fate of each event")),
    request_body(content = Publication,
                 description = "JSON under any content type, except that application/x-ndjson means one event \
                                a line. Content-Encoding may be gzip or zstd"),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "All events are stored", body = Receipt),
        (status = 202, description = "All events are in the inbox (if ACK is queued)", body = QueuedReceipt),
        (status = 400, description = "As 422, if INVALID_STATUS is 400; or the body broke off",
         body = BadRequest),
        Unauthorized,
        Forbidden,
        (status = 408, description = "The body did not arrive in time", body = Failure),
        (status = 413, description = "More events than MAX_BATCH or more bytes than BODY_LIMIT_MIB",
         body = Failure),
        (status = 415, description = "Unknown Content-Encoding; Accept-Encoding lists the known ones",
         body = Failure),
        (status = 422, description = "At least one event is invalid; nothing is stored", body = Faults),
        (status = 500,
         description = "The database rejected the events, or the outcome of the commit is unknown",
         body = Failure),
        Unavailable,
    )
)]
pub(crate) async fn publish(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let parameters = Parameters::of(request.uri());
    let wants_results = parameters.switch("results").map_err(|fault| app.invalid(vec![fault]))?;
    let batch = read_batch(&app, request).await?;
    if app.settings.ack == Ack::Queued && app.inbox.holds(app.settings.inbox_events.into()) {
        return Err(NotStored::Overloaded.into());
    }
    let accepted = batch.len();
    // Taken before anything is stored: a receipt cannot be refused.
    let listed = if wants_results { accepted * LISTED_BYTES } else { 0 };
    let held = app.outgoing.hold(listed)?;
    let kinds = app.ingest.store(batch).await?;
    Ok(match app.settings.ack {
        Ack::Committed => held.json(to_json(&Receipt::of(kinds, wants_results))),
        Ack::Queued => {
            let receipt = QueuedReceipt { status: Accepted::Accepted, accepted };
            (StatusCode::ACCEPTED, Json(receipt)).into_response()
        }
    })
}

impl Receipt {
    fn of(kinds: Vec<Kind>, wants_results: bool) -> Self {
        let inserted = kinds.iter().filter(|kind| **kind == Kind::Inserted).count();
        Self {
            status: Accepted::Accepted,
            accepted: kinds.len(),
            inserted,
            duplicates: kinds.len() - inserted,
            results: wants_results.then_some(kinds),
        }
    }
}
