//! Every answer that is not a success, in one place.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Serialize;
use thiserror::Error;
use utoipa::{IntoResponses, ToSchema};

use crate::event::Fault;
use crate::ingest::NotStored;
use crate::settings::InvalidStatus;

/// When a client should try again after a 503, in seconds. Most outages and queues are over sooner or much later.
const RETRY_AFTER_SEC: &str = "1";

/// The encodings that a body may have besides none.
const ACCEPTED_ENCODINGS: &str = "gzip, zstd";

/// Why a request is not served.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// The client's input is wrong; each fault is listed.
    #[error("invalid input")]
    Invalid { faults: Vec<Fault>, status: InvalidStatus },
    /// More bytes or events than allowed.
    #[error("{0}")]
    TooLarge(String),
    /// The body is packed in a way that is not known here.
    #[error("a body may have one of these encodings: {ACCEPTED_ENCODINGS}")]
    UnknownEncoding,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// The body broke off.
    #[error("the body could not be read")]
    BodyBroken,
    /// Others have the memory for bodies that arrive.
    #[error("too many large bodies arrive at the same time")]
    Crowded,
    /// The events have no receipt.
    #[error(transparent)]
    NotStored(#[from] NotStored),
    /// The database could not be read.
    #[error("the database is not available")]
    Database(#[from] sqlx::Error),
    /// The client has not shown the token.
    #[error("a valid token is needed: Authorization: Bearer <token>")]
    Unauthorized,
    /// No such path.
    #[error("not found")]
    NotFound,
    /// The path exists, with other methods.
    #[error("method not allowed")]
    MethodNotAllowed,
}

/// Why a request is not served, in one sentence.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    detail: String,
}

/// Every fault of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Faults {
    #[schema(min_items = 1)]
    detail: Vec<Fault>,
}

/// An answer 400: faults where `INVALID_STATUS` is 400, or that the body broke off.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the document needs a name for either")]
pub(crate) enum BadRequest {
    Faults(Faults),
    Failure(Failure),
}

/// What a guarded route answers whoever does not show the token.
#[derive(IntoResponses)]
#[response(status = 401, description = "The token is missing or wrong, where AUTH_TOKEN is set")]
#[expect(dead_code, reason = "a part of the document")]
pub(crate) struct Unauthorized(Failure);

/// What a route that needs the database answers without it.
#[derive(IntoResponses)]
#[response(
    status = 503,
    description = "Not now: the database is away, or too much waits; nothing was changed",
    headers(("Retry-After" = u32, description = "Seconds"))
)]
#[expect(dead_code, reason = "a part of the document")]
pub(crate) struct Unavailable(Failure);

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Invalid { status, .. } => (*status).into(),
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken => StatusCode::BAD_REQUEST,
            // They say that nothing was stored and that a repeat may succeed.
            Self::Crowded
            | Self::NotStored(NotStored::Overloaded | NotStored::Unavailable)
            | Self::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
            // One may have been stored, the other would fail again: neither invites a repeat.
            Self::NotStored(NotStored::OutcomeUnknown | NotStored::Refused) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Database(error) = &self {
            tracing::error!("{self}: {error}");
        }
        let body = match self {
            Self::Invalid { faults, .. } => Json(Faults { detail: faults }).into_response(),
            other => Json(Failure { detail: other.to_string() }).into_response(),
        };
        let advice = match status {
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, RETRY_AFTER_SEC)),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Some((header::ACCEPT_ENCODING, ACCEPTED_ENCODINGS)),
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            _ => None,
        };
        (status, AppendHeaders(advice), body).into_response()
    }
}
