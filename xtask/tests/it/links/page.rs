//! What a Markdown page points at, and what can point at it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Links, headings and code of a page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) links: Vec<Mention>,
    /// Code between backticks in the text; blocks are left out.
    pub(super) code: Vec<Mention>,
    /// Anchors of the headings, as GitHub makes them.
    pub(super) anchors: BTreeSet<String>,
}

/// Something that a page names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) line: usize,
    pub(super) text: String,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut slugs = Slugs::default();
        let mut heading: Option<String> = None;
        for (event, place) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.anchors.extend(heading.take().map(|title| slugs.next(&title)));
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Mention::at(&place, text, &dest_url));
                }
                Event::Text(words) => heading.iter_mut().for_each(|title| title.push_str(&words)),
                Event::Code(code) => {
                    heading.iter_mut().for_each(|title| title.push_str(&code));
                    page.code.push(Mention::at(&place, text, &code));
                }
                _ => {}
            }
        }
        page
    }
}

impl Mention {
    fn at(place: &Range<usize>, page: &str, text: &str) -> Self {
        Self { line: 1 + page[..place.start].matches('\n').count(), text: text.to_owned() }
    }
}

/// Anchors that a page has given so far, by the number of headings that would have each.
#[derive(Default)]
struct Slugs(BTreeMap<String, usize>);

impl Slugs {
    /// Returns the anchor of the next heading: lower case, without punctuation, with `-` for a
    /// space, and with a number from the second heading of a name on.
    fn next(&mut self, title: &str) -> String {
        let kept = |sign: &char| sign.is_alphanumeric() || [' ', '-', '_'].contains(sign);
        let slug: String = title.to_lowercase().chars().filter(kept).collect();
        let slug = slug.replace(' ', "-");
        let before = self.0.entry(slug.clone()).or_default();
        *before += 1;
        if *before == 1 { slug } else { format!("{slug}-{}", *before - 1) }
    }
}

#[test]
fn links_code_and_anchors_are_read() {
    let page = Page::read(
        "# The `target` table: *all* keys\n\n## Twice\n\n## Twice\n\n\
         See [there](a.md#b) and `c/d.rs`.\n\n| a |\n| - |\n| [x](y.md) |\n\n```text\n[no](none.md) `no.rs`\n```\n",
    );
    let told = |mentions: &[Mention]| -> Vec<(usize, String)> {
        mentions.iter().map(|mention| (mention.line, mention.text.clone())).collect()
    };
    assert_eq!(told(&page.links), [(7, "a.md#b".to_owned()), (11, "y.md".to_owned())]);
    assert_eq!(told(&page.code), [(1, "target".to_owned()), (7, "c/d.rs".to_owned())]);
    assert_eq!(Vec::from_iter(page.anchors), ["the-target-table-all-keys", "twice", "twice-1"]);
}
