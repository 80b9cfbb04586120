//! OpenAPI schema of a request's body, as narrow as a schema can be. Its descriptions add what a
//! schema cannot say: lengths in bytes, no repeated field, no more than 128 levels and 1,000
//! unknown fields.

use serde_json::json;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::rule;

/// At least one character that is not white space, and no NUL. Dialects of patterns do not agree on
/// `\s`.
const NOT_BLANK: &str = r"^[^\u0000]*[^\u0000\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000][^\u0000]*$";

/// A date that exists, alone or with a time. Without an offset the time is UTC.
const MOMENT: &str = concat!(
    r"^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
    r"|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)",
    r"([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:([0-5][0-9]|60)(\.[0-9]{1,9})?)?",
    r"([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?)?$",
);

/// Body of `POST /publish`.
pub(crate) struct Publication;

/// One event of the body.
struct SentEvent;

impl ToSchema for Publication {
    fn name() -> std::borrow::Cow<'static, str> {
        "Publication".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((SentEvent::name().into(), SentEvent::schema()));
    }
}

impl PartialSchema for Publication {
    fn schema() -> RefOr<Schema> {
        let event = || Ref::from_schema_name(SentEvent::name());
        let events = || ArrayBuilder::new().items(event()).min_items(Some(1));
        let wrapper = ObjectBuilder::new()
            .description(Some("Any object with a field `events` is a wrapper; its other fields are ignored."))
            .property("events", AnyOfBuilder::new().item(event()).item(events()))
            .required("events");
        let shapes = AnyOfBuilder::new()
            .description(Some("One event, or several: all of them are stored or none."))
            .item(event())
            .item(events())
            .item(wrapper);
        RefOr::T(shapes.into())
    }
}

impl ToSchema for SentEvent {
    fn name() -> std::borrow::Cow<'static, str> {
        "Event".into()
    }
}

impl PartialSchema for SentEvent {
    fn schema() -> RefOr<Schema> {
        let payload = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Kept as it was sent; `{}` if it was not sent."));
        let event = ObjectBuilder::new()
            .description(Some(
                "At most 1,000 further fields, which are ignored. No field may occur twice. At most 128 levels of \
                 nesting.",
            ))
            .property("topic", name(rule::MAX_NAME_BYTES))
            .property("event_id", name(rule::MAX_EVENT_ID_BYTES))
            .property("timestamp", timestamp())
            .property("source", name(rule::MAX_NAME_BYTES))
            .property("payload", payload)
            .required("topic")
            .required("event_id")
            .required("timestamp")
            .required("source")
            .examples([json!({
                "topic": "orders",
                "event_id": "0b2ae7e5-7b7c-4d9e-8a39-3a0f6ad5f5b1",
                "timestamp": "2025-01-01T00:00:00Z",
                "source": "shop",
                "payload": { "amount": 1 },
            })]);
        RefOr::T(event.into())
    }
}

fn name(max_bytes: usize) -> Object {
    let description = format!("At most {max_bytes} bytes of UTF-8; compared byte for byte.");
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(max_bytes))
        .pattern(Some(NOT_BLANK))
        .description(Some(description))
        .build()
}

fn timestamp() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(MOMENT))
        .description(Some("RFC 3339 or ISO 8601; UTC if it has no offset. Kept as it was sent."))
        .build()
}
