//! Every response that is not a success.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Serialize;
use thiserror::Error;
use utoipa::{IntoResponses, ToSchema};

use crate::event::Fault;
use crate::ingest::NotStored;
use crate::settings::InvalidStatus;

/// Seconds in `Retry-After` of a 503. Most outages and full queues are over sooner or much later.
const RETRY_AFTER_SEC: &str = "1";

/// Encodings of a body besides none.
const ACCEPTED_ENCODINGS: &str = "gzip, zstd";

/// Reasons to refuse a request.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// Invalid events or parameters, the first faults listed.
    #[error("invalid input")]
    Invalid { faults: Vec<Fault>, status: InvalidStatus },
    /// More bytes or events than allowed.
    #[error("{0}")]
    TooLarge(String),
    #[error("a body may have one of these encodings: {ACCEPTED_ENCODINGS}")]
    UnknownEncoding,
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// The client broke the body off.
    #[error("the body could not be read")]
    BodyBroken,
    /// Other bodies hold the memory for bodies that arrive.
    #[error("too many large bodies arrive at the same time")]
    Crowded,
    /// Other responses hold the memory for responses.
    #[error("too many large responses are on their way")]
    Congested,
    /// The events were not stored, or their fate is unknown.
    #[error(transparent)]
    NotStored(#[from] NotStored),
    /// The database could not be read.
    #[error("the database is not available")]
    Database(#[from] sqlx::Error),
    #[error("a valid token is needed: Authorization: Bearer <token>")]
    Unauthorized,
    #[error("more than one Host header")]
    TwoHosts,
    #[error("the service is not known under this host; ALLOWED_HOSTS adds names")]
    ForeignHost,
    #[error("a page of another site may not send events; ALLOWED_HOSTS adds sites")]
    ForeignOrigin,
    #[error("not found")]
    NotFound,
    #[error("method not allowed")]
    MethodNotAllowed,
}

/// Reason to refuse a request, in one sentence.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    detail: String,
}

/// The first 100 faults of a request. One more fault, of the type `more_faults`, counts the others.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Faults {
    #[schema(min_items = 1, max_items = 101)]
    detail: Vec<Fault>,
}

/// Body of a 400: faults if `INVALID_STATUS` is 400, or a failure if the body broke off.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the document needs a name for either")]
pub(crate) enum BadRequest {
    Faults(Faults),
    Failure(Failure),
}

/// Response of a guarded route to a request without the token.
#[derive(IntoResponses)]
#[response(status = 401, description = "The token is missing or wrong (if AUTH_TOKEN is set)")]
#[expect(dead_code, reason = "a part of the document")]
pub(crate) struct Unauthorized(Failure);

/// Response to a request that a page of another site may have made.
#[derive(IntoResponses)]
#[response(
    status = 403,
    description = "The Host is not one of the service's (if it listens on the loopback), or a page of another \
                   site sends events without a token; ALLOWED_HOSTS adds names"
)]
#[expect(dead_code, reason = "a part of the document")]
pub(crate) struct Forbidden(Failure);

/// Response of a route that needs the database, without it.
#[derive(IntoResponses)]
#[response(
    status = 503,
    description = "The database is down, the queue is full, or large responses hold the memory; nothing was \
                   changed",
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
            Self::BodyBroken | Self::TwoHosts => StatusCode::BAD_REQUEST,
            Self::ForeignHost | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            // Nothing was stored, and a retry may succeed.
            Self::Crowded
            | Self::Congested
            | Self::NotStored(NotStored::Overloaded | NotStored::Unavailable)
            | Self::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
            // One may have been stored, the other would fail again: neither invites a retry.
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
