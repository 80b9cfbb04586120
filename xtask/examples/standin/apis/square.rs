//! Square: one payment a request, with its key in the body.

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Largest page, and longest note and reference.
const MOST: usize = 100;
const LONGEST: [usize; 2] = [500, 40];

pub(crate) struct Square {
    secret: String,
    has_defect: bool,
    payments: Rows,
}

impl Square {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, payments: Rows::new() }
    }

    fn pay(&mut self, request: &Request) -> Reply {
        let body = request.json();
        let [key, note, reference, source] = ["idempotency_key", "note", "reference_id", "source_id"]
            .map(|name| body[name].as_str().unwrap_or_default());
        let amount = body["amount_money"]["amount"].as_u64();
        let (Some(amount), false, false) = (amount, key.is_empty(), source.is_empty()) else {
            return failed(400, "MISSING_REQUIRED_PARAMETER");
        };
        if note.len() > LONGEST[0] || reference.len() > LONGEST[1] {
            return failed(400, "VALUE_TOO_LONG");
        }
        if let Some(known) = self.payments.of(key) {
            return match known["reference_id"] == reference {
                true => Reply::json(200, &json!({"payment": known})),
                false => failed(400, "IDEMPOTENCY_KEY_REUSED"),
            };
        }
        let amount = if self.has_defect { amount / 100 * 100 } else { amount };
        let money = json!({"amount": amount, "currency": body["amount_money"]["currency"]});
        let payment = json!({"id": format!("sq{}", self.payments.all().len()), "status": "COMPLETED",
            "amount_money": money, "note": note, "reference_id": reference});
        self.payments.add(key, payment.clone());
        Reply::json(200, &json!({"payment": payment}))
    }

    fn list(&self, request: &Request) -> Reply {
        let limit = request.number("limit", MOST).min(MOST);
        let from = request.number("cursor", 0);
        let page = self.payments.page(from, limit);
        // Neither an empty list nor an empty cursor is shown.
        let mut body = json!({});
        if !page.is_empty() {
            body["payments"] = Value::from(page.to_vec());
        }
        if from + limit < self.payments.all().len() {
            body["cursor"] = (from + limit).to_string().into();
        }
        Reply::json(200, &body)
    }
}

impl Api for Square {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("Bearer", &self.secret) {
            return failed(401, "UNAUTHORIZED");
        }
        match request.route() {
            ("POST", path) if path == ["v2", "payments"] => self.pay(request),
            ("GET", path) if path == ["v2", "payments"] => self.list(request),
            _ => failed(404, "NOT_FOUND"),
        }
    }
}

fn failed(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"errors": [{"category": "INVALID_REQUEST_ERROR", "code": code}]}))
}
