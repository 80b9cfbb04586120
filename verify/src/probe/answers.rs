//! What answers to a publish tell: numbers and words that behave as new ones and known ones do.

use serde_json::Value;

use super::asking::Answer;
use super::draft::Draft;
use super::publish::Exchanges;

/// Where something stands in three answers: one event, the same again, and a batch of three new and two known.
type Told<'a> = [Option<&'a Value>; 3];

/// Says where answers tell what, as far as they do.
pub(super) fn say(sent: &Exchanges, draft: &mut Draft) {
    let answers = [Some(&sent.once), sent.again.as_ref(), sent.batch.as_ref()];
    let statuses: Vec<u16> = answers.into_iter().flatten().map(|answer| answer.status).collect();
    let others = statuses.iter().filter(|status| !(200..300).contains(*status));
    let ack: Vec<String> = ["2xx".to_owned()].into_iter().chain(others.map(u16::to_string)).collect();
    let named = ["a new event", "the same again", "a batch with repeats"].iter().zip(&answers);
    let shown: Vec<String> =
        named.filter_map(|(name, answer)| Some(format!("{name}: {}", (*answer)?.status))).collect();
    draft.list("target.publish", "ack", &ack, &format!("the answers' status. {}", shown.join(", ")));
    let bodies = answers.map(|answer| answer.and_then(|answer| answer.json.as_ref()));
    let mut found = 0;
    for (name, as_one_batch) in [("accepted", [1, 1, 5]), ("inserted", [1, 0, 3]), ("duplicates", [0, 1, 2])]
    {
        if let Some((pointer, evidence)) = number(bodies, as_one_batch) {
            draft.set("target.answer", name, &pointer, &evidence);
            found += 1;
        }
    }
    if let Some(words) = Words::find(bodies) {
        words.say(draft, answers);
        found += 1;
    }
    if found == 0 {
        draft.note("target.answer", &format!("answers do not tell new from known: {}", sent.once.told()));
    }
}

/// The place of a number that is this in the three answers; where there is no batch, in two.
fn number(bodies: Told<'_>, expected: [u64; 3]) -> Option<(String, String)> {
    let mut pointers = Vec::new();
    numbers(bodies[0]?, "", &mut pointers);
    let at = |body: Option<&Value>, pointer: &str| body.and_then(|body| body.pointer(pointer)?.as_u64());
    let fits = |pointer: &String| {
        (0..3).all(|nth| match bodies[nth] {
            None => nth == 2,
            Some(body) => at(Some(body), pointer) == Some(expected[nth]),
        })
    };
    let pointer = pointers.into_iter().find(fits)?;
    let seen: Vec<String> =
        bodies.iter().flatten().filter_map(|body| Some(body.pointer(&pointer)?.to_string())).collect();
    Some((
        pointer,
        format!("it said {} to one event, the same again and a batch of 3 new and 2 known", seen.join(", ")),
    ))
}

/// The places of all whole numbers outside of lists.
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

/// A name as a step of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A list with a word for each event.
#[derive(PartialEq, Eq, Debug)]
struct Words {
    list: String,
    /// Where in an entry the word stands; empty for the entry itself.
    place: String,
    new: String,
    known: String,
}

impl Words {
    fn find(bodies: Told<'_>) -> Option<Self> {
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
                let (new, known) = (word(0, 0)?, word(1, 0)?);
                let batch: Option<Vec<String>> = (0..5).map(|entry| word(2, entry)).collect();
                let expected = [&new, &new, &new, &known, &known];
                let fits = bodies[2].is_none() || batch.is_some_and(|batch| batch.iter().eq(expected));
                (new != known && fits).then(|| Self { list: list.clone(), place, new, known })
            })
        })
    }

    fn say(&self, draft: &mut Draft, answers: [Option<&Answer>; 3]) {
        let told = answers[1].map(Answer::told).unwrap_or_default();
        draft.set(
            "target.answer",
            "results",
            &self.list,
            &format!("a list with an entry an event; the same event again: {told}"),
        );
        if !self.place.is_empty() {
            draft.set("target.answer", "result", &self.place, "the word of an entry stands there");
        }
        draft.list("target.answer", "new", std::slice::from_ref(&self.new), "said of new events");
        draft.list("target.answer", "duplicate", std::slice::from_ref(&self.known), "said of known ones");
    }
}

/// The places of all lists that are not inside another.
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
    fn numbers_are_known_by_how_they_behave_and_not_by_their_names() {
        let bodies = [
            json!({"code": 1, "stored": {"fresh": 1, "seen": 0}}),
            json!({"code": 1, "stored": {"fresh": 0, "seen": 1}}),
            json!({"code": 1, "stored": {"fresh": 3, "seen": 2}}),
        ];
        let told = [Some(&bodies[0]), Some(&bodies[1]), Some(&bodies[2])];
        let found = |expected| number(told, expected).map(|(pointer, _)| pointer);
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
