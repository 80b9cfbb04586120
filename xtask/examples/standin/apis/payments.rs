//! Endpoint that claims the IETF draft of the Idempotency-Key header: a key is a text in quotes, its
//! request is made once, and its answer is given again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::rows::Rows;
use crate::setup::Setup;

/// Time for which the defect does not know a key again.
const BLIND: Duration = Duration::from_millis(300);

/// First request of a key.
struct First {
    at: Instant,
    request: Value,
    answer: Value,
}

pub(crate) struct Payments {
    has_defect: bool,
    firsts: HashMap<String, First>,
    payments: Rows,
}

impl Payments {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { has_defect: setup.has_defect, firsts: HashMap::new(), payments: Rows::new() }
    }

    fn pay(&mut self, request: &Request) -> Reply {
        let key = request.field("idempotency-key").and_then(|key| key.strip_prefix('"')?.strip_suffix('"'));
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return failed(400, "Idempotency-Key is missing");
        };
        let body = request.json();
        if !body["reference"].is_string() {
            return failed(400, "reference is missing");
        }
        if let Some(first) = self.firsts.get(key) {
            if first.request != body {
                return failed(422, "Idempotency-Key is already used");
            }
            if !(self.has_defect && first.at.elapsed() < BLIND) {
                return Reply::json(201, &first.answer);
            }
        }
        let mut payment = body.clone();
        payment["id"] = format!("pay_{}", self.payments.all().len()).into();
        self.payments.push(payment.clone());
        let at = Instant::now();
        self.firsts.entry(key.to_owned()).or_insert(First { at, request: body, answer: payment.clone() });
        Reply::json(201, &payment)
    }
}

impl Api for Payments {
    fn answer(&mut self, request: &Request) -> Reply {
        match request.route() {
            ("POST", path) if path == ["payments"] => self.pay(request),
            ("GET", path) if path == ["payments"] => {
                let page = self.payments.page(request.number("offset", 0), request.number("limit", 20));
                Reply::json(200, &json!({"payments": page}))
            }
            _ => failed(404, "not found"),
        }
    }
}

fn failed(status: u16, title: &str) -> Reply {
    Reply::text(status, "application/problem+json", json!({"title": title, "status": status}).to_string())
}
