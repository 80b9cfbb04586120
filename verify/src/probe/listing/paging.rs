//! Way from one page of a listing to the next.

use truth::target::Paging;

use super::super::answers::escaped;
use super::super::asking::Response;
use super::super::draft::Draft;
use super::super::rows::Shape;
use super::question::Question;

/// Way from page to page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Plain(Paging),
    Page { first: u32 },
    Cursor { next: String, parameter: String },
}

/// Finds the way to the second page, by asking for it.
pub(super) async fn find(question: &Question<'_>, shape: &Shape, first: &[String], heeds_limit: bool) -> Way {
    let limit = if heeds_limit { "limit=2&" } else { "" };
    if let Some(page) = question.page(limit.trim_end_matches('&')).await {
        if page.response.next.is_some() {
            return Way::Plain(Paging::Link);
        }
        if let Some(way) = by_cursor(question, shape, first, &page.response, limit).await {
            return way;
        }
    }
    let all = question.ids(shape, limit.trim_end_matches('&')).await;
    let step = if heeds_limit { 2 } else { 1 };
    let further = question.ids(shape, &format!("{limit}offset={step}")).await;
    if !further.is_empty() && further.first() != all.first() {
        return Way::Plain(Paging::Offset);
    }
    for first_page in [1, 0] {
        let own = question.ids(shape, &format!("{limit}page={first_page}")).await;
        let next = question.ids(shape, &format!("{limit}page={}", first_page + 1)).await;
        if own == all && next != all {
            return Way::Page { first: first_page };
        }
    }
    Way::Plain(Paging::None)
}

/// Finds a cursor in the body, and the parameter that takes it.
async fn by_cursor(
    question: &Question<'_>,
    shape: &Shape,
    first: &[String],
    response: &Response,
    limit: &str,
) -> Option<Way> {
    let members = response.json.as_ref()?.as_object()?;
    for (name, value) in members {
        let cursor =
            value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()));
        let looks_so =
            ["next", "cursor", "after", "token"].iter().any(|part| name.to_ascii_lowercase().contains(part));
        let Some(cursor) = cursor.filter(|_| looks_so) else { continue };
        for parameter in ["cursor", "after", "next", name.as_str()] {
            let further = question.ids(shape, &format!("{limit}{parameter}={cursor}")).await;
            if !further.is_empty() && further.first() != first.first() {
                let next = format!("/{}", escaped(name));
                return Some(Way::Cursor { next, parameter: parameter.to_owned() });
            }
        }
    }
    None
}

/// Writes how pages are asked for.
pub(super) fn say(way: &Way, draft: &mut Draft) {
    const TABLE: &str = "target.listing";
    match way {
        Way::Plain(Paging::Link) => {
            draft.set(TABLE, "paging", "link", "a Link header leads to the next page");
        }
        Way::Plain(Paging::Offset) => draft.set(TABLE, "paging", "offset", "an offset led to further rows"),
        Way::Plain(_) => {
            draft.set(
                TABLE,
                "paging",
                "none",
                "neither a link, a cursor, an offset nor a page number led to further rows",
            );
            draft.note(TABLE, "the most rows that it shows is unknown. If it shows fewer than a topic has, spread the events over more topics: --topics 100");
        }
        Way::Page { first } => {
            draft.set(TABLE, "paging", "page", "a page number led to further rows");
            draft.number(
                TABLE,
                "first_page",
                u64::from(*first),
                "the page that a request without a number shows",
            );
        }
        Way::Cursor { next, parameter } => {
            draft.set(TABLE, "paging", "cursor", "a cursor in the body led to further rows");
            draft.set(TABLE, "next", next, "place of the cursor");
            if parameter != "cursor" {
                draft.set("target.listing.parameters", "cursor", parameter, "the parameter that takes it");
            }
        }
    }
}
