//! `POST /publish`: takes events, and answers when they are durable.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request, State};
use serde::Serialize;
use tokio::time::timeout;

use crate::App;
use crate::error::ApiError;
use crate::event::{Batch, Rejected};
use crate::group::Kind;
use crate::query::Parameters;

/// The receipt for a request's events.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    status: &'static str,
    accepted: usize,
    inserted: usize,
    duplicates: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<&'static str>>,
}

pub(crate) async fn publish(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Receipt>, ApiError> {
    let parameters = Parameters::of(request.uri());
    let wants_results = parameters.switch("results").map_err(|fault| app.invalid(vec![fault]))?;
    let body = read_body(&app, request).await?;
    let batch = Batch::parse(body.into(), app.settings.max_events()).map_err(|rejected| match rejected {
        Rejected::Invalid(faults) => app.invalid(faults),
        Rejected::TooMany => {
            ApiError::TooLarge(format!("a batch has at most {} events", app.settings.max_events()))
        }
    })?;
    let kinds = app.ingest.store(batch).await?;
    Ok(Json(Receipt::new(&kinds, wants_results)))
}

async fn read_body(app: &Arc<App>, request: Request) -> Result<Bytes, ApiError> {
    let reading = Bytes::from_request(request, app);
    let body = timeout(app.settings.body_timeout(), reading).await.map_err(|_| ApiError::BodyTimeout)?;
    body.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            ApiError::TooLarge(format!("a body has at most {} MiB", app.settings.body_limit_mib))
        }
        _ => ApiError::BodyBroken,
    })
}

impl Receipt {
    fn new(kinds: &[Kind], wants_results: bool) -> Self {
        let inserted = kinds.iter().filter(|kind| **kind == Kind::Inserted).count();
        Self {
            status: "accepted",
            accepted: kinds.len(),
            inserted,
            duplicates: kinds.len() - inserted,
            results: wants_results.then(|| kinds.iter().map(|kind| kind.word()).collect()),
        }
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Inserted => "inserted",
            Self::Duplicate => "duplicate",
        }
    }
}
