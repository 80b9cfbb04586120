//! `POST /publish`: takes events, and answers when they are durable.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Serialize;

use crate::App;
use crate::body::read_batch;
use crate::error::ApiError;
use crate::group::Kind;
use crate::query::Parameters;
use crate::settings::Ack;

/// The receipt for a request's events. What became of each is told where they are stored by now.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    status: &'static str,
    accepted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<&'static str>>,
}

pub(crate) async fn publish(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<Receipt>), ApiError> {
    let parameters = Parameters::of(request.uri());
    let wants_results = parameters.switch("results").map_err(|fault| app.invalid(vec![fault]))?;
    let batch = read_batch(&app, request).await?;
    let accepted = batch.len();
    let kinds = app.ingest.store(batch).await?;
    Ok(match app.settings.ack {
        Ack::Committed => (StatusCode::OK, Json(Receipt::stored(&kinds, wants_results))),
        Ack::Queued => (StatusCode::ACCEPTED, Json(Receipt::accepted(accepted))),
    })
}

impl Receipt {
    fn accepted(accepted: usize) -> Self {
        Self { status: "accepted", accepted, inserted: None, duplicates: None, results: None }
    }

    fn stored(kinds: &[Kind], wants_results: bool) -> Self {
        let inserted = kinds.iter().filter(|kind| **kind == Kind::Inserted).count();
        Self {
            status: "accepted",
            accepted: kinds.len(),
            inserted: Some(inserted),
            duplicates: Some(kinds.len() - inserted),
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
