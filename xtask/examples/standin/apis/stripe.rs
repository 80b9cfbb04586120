//! Stripe: a charge as a form, with its key in a header. A repeat is answered as the first time.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::{Every, Setup};

/// Largest page.
const MOST: usize = 100;

/// Keys that the defect knows again.
const MEMORY: usize = 40;

/// One request in so many comes too fast.
const TOO_FAST: u32 = 101;

pub(crate) struct Stripe {
    secret: String,
    too_fast: Every,
    charges: Rows,
}

impl Stripe {
    pub(crate) fn new(setup: &Setup) -> Self {
        let charges = Rows::knowing(setup.memory(MEMORY));
        Self { secret: setup.secret.clone(), too_fast: Every::always(TOO_FAST), charges }
    }

    fn charge(&mut self, request: &Request) -> Reply {
        if self.too_fast.comes() {
            return failed(429, "rate_limit_error");
        }
        let form = request.form();
        let value = |name: &str| form.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        let amount = value("amount").and_then(|text| text.parse::<u64>().ok()).filter(|amount| *amount >= 50);
        let (Some(amount), Some(currency), Some(_)) = (amount, value("currency"), value("source")) else {
            return failed(400, "invalid_request_error");
        };
        let key = request.field("idempotency-key").unwrap_or_default();
        let metadata = json!({"event_id": value("metadata[event_id]")});
        if let Some(known) = self.charges.of(key) {
            return match known["metadata"] == metadata && known["amount"] == amount {
                true => Reply::json(200, known).with("idempotent-replayed", "true"),
                false => failed(400, "idempotency_error"),
            };
        }
        let charge = json!({"id": format!("ch_{:06}", self.charges.all().len()), "object": "charge",
            "amount": amount, "currency": currency, "description": value("description"),
            "metadata": metadata});
        self.charges.add(key, charge.clone());
        Reply::json(200, &charge)
    }

    /// Lists charges, the newest first.
    fn list(&self, request: &Request) -> Reply {
        let limit = request.number("limit", 10);
        if !(1..=MOST).contains(&limit) {
            return failed(400, "invalid_request_error");
        }
        let charges = self.charges.all();
        let after = request.parameter("starting_after");
        let from = match after.map(|id| charges.iter().rev().position(|charge| charge["id"] == id)) {
            None => 0,
            Some(Some(place)) => place + 1,
            Some(None) => return failed(404, "invalid_request_error"),
        };
        let page: Vec<&Value> = charges.iter().rev().skip(from).take(limit).collect();
        let has_more = from + page.len() < charges.len();
        Reply::json(200, &json!({"object": "list", "data": page, "has_more": has_more, "url": "/v1/charges"}))
    }
}

impl Api for Stripe {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("Bearer", &self.secret) {
            return failed(401, "authentication_error");
        }
        match request.route() {
            ("POST", path) if path == ["v1", "charges"] => {
                if !request.is_of_type("application/x-www-form-urlencoded") {
                    return failed(400, "invalid_request_error");
                }
                self.charge(request)
            }
            ("GET", path) if path == ["v1", "charges"] => self.list(request),
            _ => failed(404, "invalid_request_error"),
        }
    }
}

fn failed(status: u16, kind: &str) -> Reply {
    Reply::json(status, &json!({"error": {"type": kind, "message": kind.replace('_', " ")}}))
}
