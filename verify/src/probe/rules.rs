//! Rules for responses (`[[target.answers]]`), from responses to events whose fate is known.

mod counts;
mod entries;
mod rule;
mod whole;

pub(super) use self::rule::{Fate, Rule, Seen};

/// Returns the rules that fit all responses. `refusal` says what else was refused with 4xx.
pub(super) fn of(seen: &[Seen], refusal: Option<&str>) -> Vec<Rule> {
    let mut rules = Vec::new();
    let successes: Vec<&Seen> = seen.iter().filter(|seen| seen.response.is_success()).collect();
    rules.extend(whole::of_failures(seen));
    let counts = counts::of(&successes);
    match entries::of(&successes) {
        Some(rule) => rules.push(Rule { counts, ..rule }),
        None if !counts.is_empty() => {
            let evidence = format!("the numbers at {} are those of what was sent", places(&counts));
            rules.push(Rule { counts, ..Rule::of_status(&["2xx"], "accepted", &evidence) });
        }
        None => rules.extend(whole::of_successes(&successes)),
    }
    let busy = "429 and 503 usually say that a request is refused for now";
    rules.push(Rule::of_status(&["429", "503"], "busy", busy));
    let refused = seen.iter().find(|seen| (400..500).contains(&seen.response.status));
    let evidence = match (refused, refusal) {
        (Some(seen), _) => format!("{} was answered {}", seen.name, seen.response.in_one_line()),
        (None, Some(refusal)) => refusal.to_owned(),
        (None, None) => "no request was refused; 4xx usually says that nothing was stored".to_owned(),
    };
    rules.push(Rule::of_status(&["4xx"], "rejected", &evidence));
    rules
}

fn places(counts: &[(&'static str, String)]) -> String {
    counts.iter().map(|(_, place)| place.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::response::Response;
    use super::*;

    /// Returns what was seen: fates as letters, and a response.
    fn seen(name: &'static str, fates: &str, status: u16, body: &str) -> Seen {
        let fate = |letter| match letter {
            'n' => Fate::New,
            'k' => Fate::Known,
            _ => Fate::Invalid,
        };
        let fates: Vec<Fate> = fates.chars().map(fate).collect();
        let ids = (0..fates.len()).map(|nth| format!("id-{nth}-long")).collect();
        Seen { name, fates, ids, response: Response::of(status, Vec::new(), body.as_bytes(), None) }
    }

    fn lines(seen: &[Seen]) -> Vec<String> {
        of(seen, None).iter().map(|rule| rule.lines().join("; ")).collect()
    }

    #[test]
    fn what_was_refused_elsewhere_is_no_lack_of_a_refusal() {
        let said = |refusal| of(&[seen("new", "n", 200, "ok")], refusal).pop().unwrap().evidence;
        assert_eq!(said(Some("an invalid event was answered 422")), "an invalid event was answered 422");
        assert!(said(None).starts_with("no request was refused"));
    }

    const BUSY: &str = "status = [\"429\", \"503\"]; means = \"busy\"";
    const REJECTED: &str = "status = \"4xx\"; means = \"rejected\"";

    #[test]
    fn statuses_of_single_events_become_rules() {
        let found =
            lines(&[seen("new", "n", 201, ""), seen("again", "k", 200, ""), seen("bad", "x", 400, "")]);
        let expected =
            ["status = \"201\"; means = \"new\"", "status = \"200\"; means = \"duplicate\"", BUSY, REJECTED];
        assert_eq!(found, expected);
        let conflict =
            lines(&[seen("new", "n", 202, ""), seen("again", "k", 409, ""), seen("bad", "x", 422, "")]);
        assert_eq!(conflict[0], "status = \"409\"; means = \"duplicate\"");
        assert_eq!(conflict[1], "status = \"2xx\"; means = \"new\"");
        let told = lines(&[
            seen("new", "n", 200, ""),
            seen("again", "k", 422, r#"{"code":"exists"}"#),
            seen("bad", "x", 422, r#"{"code":"bad"}"#),
        ]);
        assert_eq!(told[0], "status = \"422\"; where = { \"/code\" = \"exists\" }; means = \"duplicate\"");
        let same = lines(&[seen("new", "n", 200, "ok"), seen("again", "k", 200, "ok")]);
        assert_eq!(same, ["status = \"2xx\"; means = \"accepted\"", BUSY, REJECTED]);
    }

    #[test]
    fn a_word_or_a_header_of_the_whole_response_becomes_a_rule() {
        let word = lines(&[
            seen("new", "n", 200, r#"{"t":1,"status":"created"}"#),
            seen("other", "n", 200, r#"{"t":2,"status":"created"}"#),
            seen("again", "k", 200, r#"{"t":3,"status":"known"}"#),
        ]);
        assert_eq!(
            word[0],
            "status = \"2xx\"; word = \"/status\"; words = { \"created\" = \"new\", \"known\" = \"duplicate\" }"
        );
        let mut again = seen("again", "k", 200, "ok");
        again.response.headers.push(("x-replayed".to_owned(), "true".to_owned()));
        let header = lines(&[seen("new", "n", 200, "ok"), again]);
        assert_eq!(
            header[0],
            "status = \"2xx\"; where = { \"header:x-replayed\" = \"true\" }; means = \"duplicate\""
        );
        assert_eq!(header[1], "status = \"2xx\"; means = \"new\"");
    }

    #[test]
    fn entries_of_a_list_and_counts_become_a_rule() {
        let item = |status: u16| format!(r#"{{"create":{{"_id":"x","status":{status}}}}}"#);
        let body = |items: &[u16]| {
            let items: Vec<String> = items.iter().map(|status| item(*status)).collect();
            format!(r#"{{"took":1,"items":[{}]}}"#, items.join(","))
        };
        let found = lines(&[
            seen("new", "n", 200, &body(&[201])),
            seen("again", "k", 200, &body(&[409])),
            seen("mixed", "kn", 200, &body(&[409, 201])),
            seen("bad", "nx", 200, &body(&[201, 400])),
        ]);
        let words =
            "{ \"201\" = \"new\", \"409\" = \"duplicate\", \"4xx\" = \"rejected\", \"5xx\" = \"unknown\" }";
        assert_eq!(
            found[0],
            format!("status = \"2xx\"; each = \"/items/*\"; word = \"/create/status\"; words = {words}")
        );
        let reference = |accepted: u8, new: u8, known: u8, words: &str| {
            format!(r#"{{"accepted":{accepted},"inserted":{new},"duplicates":{known},"results":[{words}]}}"#)
        };
        let found = lines(&[
            seen("new", "n", 200, &reference(1, 1, 0, r#""in""#)),
            seen("again", "k", 200, &reference(1, 0, 1, r#""dup""#)),
            seen("mixed", "knn", 200, &reference(3, 2, 1, r#""dup","in","in""#)),
        ]);
        let counts = r#"counts = { accepted = "/accepted", new = "/inserted", duplicate = "/duplicates" }"#;
        let words = r#"words = { "in" = "new", "dup" = "duplicate" }"#;
        assert_eq!(found[0], format!("status = \"2xx\"; each = \"/results/*\"; {words}; {counts}"));
        assert_eq!(found[1..], [BUSY, REJECTED]);
    }
}
