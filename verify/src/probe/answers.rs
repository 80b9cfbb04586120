//! Numbers and words in the responses to events, known by how they change for new events and for
//! duplicates.

use serde_json::Value;

use super::asking::Response;
use super::draft::Draft;
use super::publish::Exchanges;

/// Bodies of three responses: to one event, to the same again, and to a batch of three new events
/// and two duplicates.
type Bodies<'a> = [Option<&'a Value>; 3];

/// Writes the places where responses report what became of events.
pub(super) fn say(sent: &Exchanges, draft: &mut Draft) {
    let responses = [Some(&sent.once), sent.again.as_ref(), sent.batch.as_ref()];
    let statuses: Vec<u16> = responses.into_iter().flatten().map(|response| response.status).collect();
    let named = ["a new event", "the same again", "a batch with duplicates"].iter().zip(&responses);
    let shown: Vec<String> =
        named.filter_map(|(name, response)| Some(format!("{name}: {}", (*response)?.status))).collect();
    draft.list(
        "target.publish",
        "ack",
        &acknowledging(&statuses),
        &format!("status of the responses to {}", shown.join(", ")),
    );
    let bodies = responses.map(|response| response.and_then(|response| response.json.as_ref()));
    let mut found = 0;
    for (name, as_one_batch) in [("accepted", [1, 1, 5]), ("inserted", [1, 0, 3]), ("duplicates", [0, 1, 2])]
    {
        if let Some(pointer) = number(bodies, as_one_batch) {
            let evidence = seen(bodies, &pointer);
            draft.set("target.answer", name, &pointer, &evidence);
            found += 1;
        }
    }
    if let Some(words) = Words::find(bodies) {
        words.say(draft, sent.again.as_ref());
        found += 1;
    }
    if found == 0 {
        draft.note(
            "target.answer",
            &format!("responses do not report if an event is new: {}", sent.once.in_one_line()),
        );
    }
}

/// Statuses that acknowledge an event, by those of the responses. A server error acknowledges
/// nothing, however often it comes.
fn acknowledging(statuses: &[u16]) -> Vec<String> {
    let others = statuses.iter().filter(|status| (300..500).contains(*status));
    ["2xx".to_owned()].into_iter().chain(others.map(u16::to_string)).collect()
}

/// Returns the place of a number with these values in the three responses, or in two of them if
/// there is no batch.
fn number(bodies: Bodies<'_>, expected: [u64; 3]) -> Option<String> {
    let mut pointers = Vec::new();
    numbers(bodies[0]?, "", &mut pointers);
    let at = |body: Option<&Value>, pointer: &str| body.and_then(|body| body.pointer(pointer)?.as_u64());
    let fits = |pointer: &String| {
        (0..3).all(|nth| match bodies[nth] {
            None => nth == 2,
            Some(body) => at(Some(body), pointer) == Some(expected[nth]),
        })
    };
    pointers.into_iter().find(fits)
}

/// Sentence for the scenario with the values of a number.
fn seen(bodies: Bodies<'_>, pointer: &str) -> String {
    let requests = ["one event", "the same again", "a batch of 3 new events and 2 duplicates"];
    let value = |body: Option<&Value>| Some(body?.pointer(pointer)?.to_string());
    let values = requests.iter().zip(bodies).filter_map(|(request, body)| Some((request, value(body)?)));
    let values: Vec<String> = values.map(|(request, value)| format!("{value} for {request}")).collect();
    format!("it was {}", values.join(", "))
}

/// Finds the places of all whole numbers outside of lists.
pub(super) fn numbers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                numbers(member, &format!("{at}/{}", escaped(name)), found);
            }
        }
        value if value.is_u64() => found.push(at.to_owned()),
        _ => {}
    }
}

/// Returns a name as a step of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// List with a word for each event.
#[derive(PartialEq, Eq, Debug)]
struct Words {
    list: String,
    /// Place of the word in an entry; empty for the entry itself.
    place: String,
    new: String,
    duplicate: String,
}

impl Words {
    fn find(bodies: Bodies<'_>) -> Option<Self> {
        let mut lists = Vec::new();
        find_lists(bodies[0]?, "", &mut lists);
        lists.iter().find_map(|list| {
            let entries = |nth: usize| bodies[nth]?.pointer(list)?.as_array();
            let first = entries(0)?.first()?;
            let mut places = vec![String::new()];
            if let Some(members) = first.as_object() {
                places.extend(members.keys().map(|name| format!("/{}", escaped(name))));
            }
            places.into_iter().find_map(|place| {
                let word = |nth: usize, entry: usize| {
                    Some(entries(nth)?.get(entry)?.pointer(&place)?.as_str()?.to_owned())
                };
                let new = word(0, 0)?;
                let duplicate = word(1, 0)?;
                let batch: Option<Vec<String>> = (0..5).map(|entry| word(2, entry)).collect();
                let expected = [&new, &new, &new, &duplicate, &duplicate];
                let fits = bodies[2].is_none() || batch.is_some_and(|batch| batch.iter().eq(expected));
                (new != duplicate && fits).then(|| Self { list: list.clone(), place, new, duplicate })
            })
        })
    }

    fn say(&self, draft: &mut Draft, again: Option<&Response>) {
        let again = again.map(Response::in_one_line).unwrap_or_default();
        draft.set(
            "target.answer",
            "results",
            &self.list,
            &format!("a list with one entry for each event; the response to the same event again: {again}"),
        );
        if !self.place.is_empty() {
            draft.set("target.answer", "result", &self.place, "place of the word in an entry");
        }
        draft.list("target.answer", "new", std::slice::from_ref(&self.new), "the word for a new event");
        draft.list(
            "target.answer",
            "duplicate",
            std::slice::from_ref(&self.duplicate),
            "the word for a duplicate",
        );
    }
}

/// Finds the places of all lists that are not inside another list.
pub(super) fn find_lists(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(_) => found.push(at.to_owned()),
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| find_lists(member, &format!("{at}/{}", escaped(name)), found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conflict_acknowledges_a_repeat_and_a_server_error_nothing() {
        assert_eq!(acknowledging(&[201, 409, 200]), ["2xx", "409"]);
        assert_eq!(acknowledging(&[200, 500, 503]), ["2xx"]);
    }

    #[test]
    fn numbers_are_known_by_how_they_behave_and_not_by_their_names() {
        let bodies = [
            json!({"code": 1, "stored": {"fresh": 1, "seen": 0}}),
            json!({"code": 1, "stored": {"fresh": 0, "seen": 1}}),
            json!({"code": 1, "stored": {"fresh": 3, "seen": 2}}),
        ];
        let bodies = [Some(&bodies[0]), Some(&bodies[1]), Some(&bodies[2])];
        let found = |expected| number(bodies, expected);
        let evidence =
            "it was 1 for one event, 0 for the same again, 3 for a batch of 3 new events and 2 duplicates";
        assert_eq!(seen(bodies, "/stored/fresh"), evidence);
        assert_eq!(found([1, 0, 3]).as_deref(), Some("/stored/fresh"));
        assert_eq!(found([0, 1, 2]).as_deref(), Some("/stored/seen"));
        assert_eq!(found([1, 1, 5]), None, "a code that never changes is no count");
    }

    #[test]
    fn words_are_found_bare_and_inside_of_objects() {
        let bare = |words: &[&str]| json!({"results": words});
        let bodies = [bare(&["n"]), bare(&["k"]), bare(&["n", "n", "n", "k", "k"])];
        let words = Words::find([Some(&bodies[0]), Some(&bodies[1]), Some(&bodies[2])]).unwrap();
        assert_eq!((words.list.as_str(), words.place.as_str()), ("/results", ""));
        let inside = |words: &[&str]| {
            json!(words.iter().map(|word| json!({"id": "x", "state": word})).collect::<Vec<_>>())
        };
        let bodies = [inside(&["n"]), inside(&["k"]), inside(&["n", "n", "n", "k", "k"])];
        let words = Words::find([Some(&bodies[0]), Some(&bodies[1]), Some(&bodies[2])]).unwrap();
        assert_eq!((words.list.as_str(), words.place.as_str()), ("", "/state"));
        let bodies = [bare(&["ok"]), bare(&["ok"]), bare(&["ok"; 5])];
        assert_eq!(Words::find([Some(&bodies[0]), Some(&bodies[1]), Some(&bodies[2])]), None);
    }
}
