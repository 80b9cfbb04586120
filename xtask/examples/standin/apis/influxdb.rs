//! InfluxDB: points in line protocol, and an InfluxQL query as CSV. A point is known by measurement,
//! tags and time.

use std::collections::BTreeMap;

use super::Api;
use crate::reply::Reply;
use crate::request::Request;
use crate::setup::Setup;

/// Point of the measurement `events`.
#[derive(Clone)]
struct Point {
    topic: String,
    id: String,
    payload: String,
    time: u64,
}

pub(crate) struct InfluxDb {
    secret: String,
    has_defect: bool,
    points: BTreeMap<(u64, String), Point>,
}

impl InfluxDb {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self { secret: setup.secret.clone(), has_defect: setup.has_defect, points: BTreeMap::new() }
    }

    fn write(&mut self, request: &Request) -> Reply {
        if request.parameter("precision") != Some("ms") {
            return failed(400, "invalid precision");
        }
        let points: Option<Vec<Point>> = request.text().lines().map(point).collect();
        let Some(points) = points else { return failed(400, "unable to parse line protocol") };
        for point in points {
            let series =
                if self.has_defect { String::new() } else { format!("{} {}", point.topic, point.id) };
            self.points.insert((point.time, series), point);
        }
        Reply::empty(204)
    }

    fn query(&self, request: &Request) -> Reply {
        if request.field("accept") != Some("application/csv") {
            return failed(406, "only CSV is spoken here");
        }
        let query = request.parameter("q").unwrap_or_default();
        let limits =
            query.split_once(" ORDER BY time LIMIT ").and_then(|(_, rest)| rest.split_once(" OFFSET "));
        let numbers = limits.map(|(limit, offset)| (limit.parse(), offset.parse()));
        let Some((Ok(limit), Ok(offset))) = numbers else { return failed(400, "error parsing query") };
        let page: Vec<&Point> = self.points.values().skip(offset).take(limit).collect();
        let mut csv = String::new();
        if !page.is_empty() {
            csv.push_str("name,tags,time,id,topic,payload\n");
        }
        for Point { topic, id, payload, time } in page {
            let payload = payload.replace('"', "\"\"");
            csv.push_str(&format!("events,,{time},{id},{topic},\"{payload}\"\n"));
        }
        Reply::text(200, "application/csv", csv)
    }
}

impl Api for InfluxDb {
    fn answer(&mut self, request: &Request) -> Reply {
        if !request.is_authorized("Token", &self.secret) {
            return failed(401, "unauthorized access");
        }
        match request.route() {
            ("POST", path) if path == ["api", "v2", "write"] => self.write(request),
            ("GET", path) if path == ["query"] => self.query(request),
            _ => failed(404, "path not found"),
        }
    }
}

/// Parses a line: `events,topic=a,id=b payload="..." 1700000000000`.
fn point(line: &str) -> Option<Point> {
    let (head, time) = line.rsplit_once(' ')?;
    let (tags, field) = head.split_once(" payload=\"")?;
    let mut tags = tags.strip_prefix("events,")?.split(',').map(|tag| tag.split_once('='));
    let (Some(Some(("topic", topic))), Some(Some(("id", id)))) = (tags.next(), tags.next()) else {
        return None;
    };
    let payload = field.strip_suffix('"')?.replace("\\\"", "\"").replace("\\\\", "\\");
    Some(Point { topic: topic.to_owned(), id: id.to_owned(), payload, time: time.parse().ok()? })
}

fn failed(status: u16, message: &str) -> Reply {
    Reply::json(status, &serde_json::json!({"code": "invalid", "message": message}))
}
