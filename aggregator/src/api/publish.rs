//! `POST /publish`: takes events, and answers when they are durable.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::app::App;
use crate::api::body::read_batch;
use crate::api::error::{ApiError, BadRequest, Failure, Faults, Unauthorized, Unavailable};
use crate::api::query::{Parameters, Switch};
use crate::event::Publication;
use crate::ingest::NotStored;
use crate::settings::Ack;
use crate::store::Kind;

/// The receipt for events that are stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Receipt {
    status: Accepted,
    /// Events in the request; the sum of the next two.
    #[schema(minimum = 1)]
    accepted: usize,
    inserted: usize,
    duplicates: usize,
    /// With `results=true`: what became of each event, in the request's order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_items = 1)]
    results: Option<Vec<Kind>>,
}

/// The receipt for events that wait in the inbox.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QueuedReceipt {
    status: Accepted,
    /// Events in the request.
    #[schema(minimum = 1)]
    accepted: usize,
}

/// The only word for a success.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Accepted {
    Accepted,
}

/// Takes events, and answers when they are durable
#[utoipa::path(
    post,
    path = "/publish",
    params(("results" = inline(Option<Switch>), Query, nullable = false, description = "Whether the receipt tells what became of each event")),
    request_body(content = Publication, description = "JSON, whatever the content type says; but with application/x-ndjson one event a line. It may be packed with gzip or zstd, as Content-Encoding says"),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "All events are stored", body = Receipt),
        (status = 202, description = "All events are in the inbox, where ACK is queued", body = QueuedReceipt),
        (status = 400, description = "As 422, where INVALID_STATUS is 400; or the body broke off", body = BadRequest),
        Unauthorized,
        (status = 408, description = "The body did not arrive in time", body = Failure),
        (status = 413, description = "More bytes or events than MAX_BATCH and BODY_LIMIT_MIB allow", body = Failure),
        (status = 415, description = "The body is packed in a way that is not known; Accept-Encoding says which are", body = Failure),
        (status = 422, description = "Something is not valid; nothing is stored", body = Faults),
        (status = 500, description = "The database refused the events, or the outcome of the commit is unknown", body = Failure),
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
    let kinds = app.ingest.store(batch).await?;
    Ok(match app.settings.ack {
        Ack::Committed => Json(Receipt::of(kinds, wants_results)).into_response(),
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
