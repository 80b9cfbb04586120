//! Receiver of webhooks that are signed as GitHub's are. Deliveries are in the receiver's own
//! database.

use anyhow::Result;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::setup::Setup;
use crate::warehouse::Warehouse;

pub(crate) struct Receiver {
    secret: String,
    has_defect: bool,
    deliveries: Warehouse,
}

impl Receiver {
    pub(crate) fn open(setup: &Setup) -> Result<Self> {
        let deliveries = Warehouse::open(
            setup,
            "CREATE TABLE deliveries (delivery TEXT PRIMARY KEY, event TEXT, at TEXT, head TEXT)",
            "INSERT INTO deliveries VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )?;
        Ok(Self { secret: setup.secret.clone(), has_defect: setup.has_defect, deliveries })
    }

    /// Returns the signature of a body, in hexadecimal digits.
    fn signature(&self, body: &[u8]) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.secret.as_bytes())
            .expect("a key may have any length");
        mac.update(body);
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Api for Receiver {
    fn answer(&mut self, request: &Request) -> Reply {
        if request.route() != ("POST", vec!["webhooks", "github"]) {
            return Reply::empty(404);
        }
        let signature = self.signature(&request.body);
        if request.field("x-hub-signature-256") != Some(&format!("sha256={signature}")) {
            return Reply::json(401, &json!({"error": "the signature is not that of the body"}));
        }
        let [delivery, event] = ["x-github-delivery", "x-github-event"].map(|name| request.field(name));
        let (Some(delivery), Some(event)) = (delivery, event) else {
            return Reply::json(400, &json!({"error": "a header of the delivery is missing"}));
        };
        let body = request.json();
        let at = body["at"].as_str().unwrap_or_default();
        if !(self.has_defect && signature.starts_with('0')) {
            self.deliveries.store(&[delivery, event, at, &body["head"].to_string()]);
        }
        Reply::empty(202)
    }
}
