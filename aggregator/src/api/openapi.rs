//! `GET /openapi.json`: the OpenAPI document.
//!
//! A route and its part of the document are one annotation, beside the handler.

use std::future::{Ready, ready};
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderName, header};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::app::App;
use crate::api::{health, listing, metrics, publish, stats};

/// Description of the service.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "aggregator",
        description = "Stores each event exactly once. An event's key is (topic, event_id). An event whose \
                       key is stored already is counted as a duplicate and dropped."
    ),
    modifiers(&Bearer)
)]
struct Service;

/// Scheme of the token. Guarded routes name it as one of two ways, the other being none. The
/// document is the same for all settings, and without a token every request is served.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token, if AUTH_TOKEN is set"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Makes the routes that need the token, if there is one, each with its part of the document.
pub(crate) fn guarded_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(publish::publish))
        .routes(routes!(listing::events))
        .routes(routes!(stats::stats))
        .routes(routes!(metrics::metrics))
}

/// Makes the routes that need no token: a health checker should not have to know it.
pub(crate) fn open_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Service::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
}

/// Makes the handler that returns the document.
pub(crate) fn handler(
    document: &utoipa::openapi::OpenApi,
) -> impl Fn() -> Ready<([(HeaderName, &'static str); 1], Bytes)> + Clone + Send + Sync + 'static {
    let text = document.to_pretty_json().expect("a document of texts and numbers is always JSON");
    let text = Bytes::from(text);
    move || ready(([(header::CONTENT_TYPE, "application/json")], text.clone()))
}
