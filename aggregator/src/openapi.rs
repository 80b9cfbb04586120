//! `GET /openapi.json`: what the service takes and answers, for programs.
//!
//! A route and its part of the document are one annotation, beside the handler.

use std::future::{Ready, ready};
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderName, header};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{App, health, listing, metrics, publish, stats};

/// What the document says of the service as a whole.
#[derive(OpenApi)]
#[openapi(info(
    title = "aggregator",
    description = "Stores each event exactly once. An event's key is (topic, event_id); what is sent again is counted as a \
                   duplicate and dropped."
))]
struct Service;

/// The routes for whoever knows the token, if there is one, each with its part of the document.
pub(crate) fn guarded_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(publish::publish))
        .routes(routes!(listing::events))
        .routes(routes!(stats::stats))
        .routes(routes!(metrics::metrics))
}

/// The routes for everybody: whoever watches over the service need not be told its secret.
pub(crate) fn open_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Service::openapi()).routes(routes!(health::health))
}

/// A handler that answers with the document.
pub(crate) fn answer(
    document: &utoipa::openapi::OpenApi,
) -> impl Fn() -> Ready<([(HeaderName, &'static str); 1], Bytes)> + Clone + Send + Sync + 'static {
    let text = document.to_pretty_json().expect("a document of texts and numbers is always JSON");
    let text = Bytes::from(text);
    move || ready(([(header::CONTENT_TYPE, "application/json")], text.clone()))
}
