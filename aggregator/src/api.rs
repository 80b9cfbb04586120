//! The HTTP contract: routes and responses.

pub(crate) mod app;
mod auth;
mod body;
mod error;
mod health;
mod listing;
mod metrics;
mod openapi;
mod origin;
pub(crate) mod outgoing;
mod page;
mod publish;
mod query;
mod stats;

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use self::app::App;
use self::error::ApiError;
use self::origin::Gate;
use self::page::Page;

/// Makes all routes of a service that listens there, with its guards and the counting of responses.
pub(crate) fn router(app: Arc<App>, listening: SocketAddr) -> Router {
    let gate = Arc::new(Gate::new(&app.settings, listening));
    let mut guarded = openapi::guarded_routes();
    if let Some(token) = app.settings.token() {
        guarded = guarded.route_layer(from_fn_with_state(token, auth::guard));
    }
    let (routes, document) = openapi::open_routes().merge(guarded).split_for_parts();
    let page = Page::new();
    routes
        .route("/", get(move || ready(page.response())))
        .route("/openapi.json", get(openapi::handler(&document)))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(from_fn_with_state(gate, origin::guard))
        // The last layer is the first that a request meets: it counts what the others refuse.
        .layer(from_fn_with_state(Arc::clone(&app.metrics), metrics::count))
        .with_state(app)
}
