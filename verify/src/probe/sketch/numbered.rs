//! Forms whose names have the number of an event, such as `Entry.1.Id=a&Entry.2.Id=b`.

use std::ops::Range;

use super::cut::Cut;
use super::leaves::{Found, of_form};
use crate::probe::class::Class;
use crate::probe::json::Kind;
use crate::probe::names::id_score;

/// Weight of a name that hardly anything but the id of an event has.
const STRONG: u32 = 80;

/// Pair of a form.
struct Pair<'f> {
    span: Range<usize>,
    /// Text before the number, the number, and its place.
    number: Option<(&'f str, u64, Range<usize>)>,
}

/// Cuts a form in which each number is an event; none if it has no such names.
pub(super) fn numbered(form: &str) -> Option<Cut> {
    let pairs = pairs(form);
    let first = pairs.iter().position(|pair| matches!(pair.number, Some((_, 0 | 1, _))))?;
    let (prefix, number, _) = pairs[first].number.clone()?;
    let is_of_prefix = |pair: &&Pair<'_>| matches!(&pair.number, Some((own, ..)) if *own == prefix);
    let is_of_event =
        |pair: &&Pair<'_>| matches!(&pair.number, Some((own, of, _)) if *own == prefix && *of == number);
    let own: Vec<&Pair<'_>> = pairs[first..].iter().take_while(is_of_event).collect();
    let last = pairs[first..].iter().take_while(is_of_prefix).last()?;
    let event = own.first()?.span.start..own.last()?.span.end;
    let mut found: Vec<Found> = of_form(&form[event.clone()]);
    let is_id = |found: &Found| id_score(&found.name, Class::of(&found.value)) >= STRONG;
    if own.len() < 2 || !found.iter().any(is_id) {
        return None;
    }
    found.extend(own.iter().filter_map(|pair| {
        let (_, of, span) = pair.number.as_ref()?;
        Some(Found {
            span: span.start - event.start..span.end - event.start,
            name: String::new(),
            place: format!("body {prefix}"),
            value: of.to_string(),
            kind: Kind::Place,
            is_nested: false,
        })
    }));
    found.sort_by_key(|found| found.span.start);
    let end = last.span.end;
    let (before, after) = (of_form(&form[..event.start]), of_form(&form[end..]));
    Some(Cut { event, end, separator: Some("&".to_owned()), before, found, after })
}

fn pairs(form: &str) -> Vec<Pair<'_>> {
    let mut at = 0;
    let pair = |text: &'_ str| {
        let span = at..at + text.len();
        at = span.end + 1;
        span
    };
    let spans: Vec<Range<usize>> = form.split('&').map(pair).collect();
    let number = |span: &Range<usize>| {
        let text = &form[span.clone()];
        let name = text.split('=').next().unwrap_or_default();
        let mut from = 0;
        for part in name.split(['.', '[', ']']) {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if let Some(number) = part.parse().ok().filter(|_| is_number && from > 0) {
                let place = span.start + from..span.start + from + part.len();
                return Some((&name[..from], number, place));
            }
            from += part.len() + 1;
        }
        None
    };
    spans.into_iter().map(|span| Pair { number: number(&span), span }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_a_form_is_an_event() {
        let form = "Action=Send&Entry.1.Id=0&Entry.1.MessageDeduplicationId=a&Entry.2.Id=1&Entry.2.MessageDeduplicationId=b&z=1";
        let cut = numbered(form).unwrap();
        assert_eq!(&form[cut.event.clone()], "Entry.1.Id=0&Entry.1.MessageDeduplicationId=a");
        assert_eq!((&form[..cut.event.start], &form[cut.end..]), ("Action=Send&", "&z=1"));
        let event = &form[cut.event];
        let shown: Vec<(&str, Kind)> =
            cut.found.iter().map(|found| (&event[found.span.clone()], found.kind)).collect();
        let expected = [("1", Kind::Place), ("0", Kind::Text), ("1", Kind::Place), ("a", Kind::Text)];
        assert_eq!(shown, expected);
        for other in
            ["a=1&b=2", "expand[0]=x&expand[1]=y", "items[0][sku]=a&items[0][n]=2", "p.7.id=a&p.7.b=c"]
        {
            assert!(numbered(other).is_none(), "{other}");
        }
    }
}
