//! Details of findings, with the characters marked in which a stored text differs from the one sent.

use judge::verdict::CheckId;

use super::markup::{isolated, prose};

/// Prints the detail of a finding.
pub(super) fn marked(check: CheckId, detail: &str) -> String {
    let is_changed = check == CheckId::PayloadChanged;
    compared(detail).filter(|_| is_changed).unwrap_or_else(|| prose(detail))
}

/// Prints a detail that quotes two texts, each on a line of its own, with the difference marked in both;
/// none for another detail.
fn compared(detail: &str) -> Option<String> {
    let parts: Vec<&str> = detail.split('`').collect();
    let [before, stored, between, sent, after] = parts.as_slice() else { return None };
    let same = stored.chars().zip(sent.chars()).take_while(|(one, other)| one == other).count();
    let most = stored.chars().count().min(sent.chars().count()) - same;
    let backwards = stored.chars().rev().zip(sent.chars().rev());
    let same_at_end = backwards.take(most).take_while(|(one, other)| one == other).count();
    let [stored, sent] = [stored, sent].map(|quoted| quoted_with_mark(quoted, same, same_at_end));
    Some(format!(
        "{}{stored}{}{sent}{}",
        isolated(before),
        isolated(between.trim_start_matches(", ")),
        isolated(after)
    ))
}

/// Prints a text on a line of its own, and marks what stands between so many characters at either end.
fn quoted_with_mark(quoted: &str, before: usize, after: usize) -> String {
    let letters: Vec<char> = quoted.chars().collect();
    let part = |from: usize, to: usize| letters[from..to].iter().collect::<String>();
    let end = letters.len() - after;
    let [first, middle, last] = [part(0, before), part(before, end), part(end, letters.len())];
    format!(
        "<code class=\"quoted\">{}<mark>{}</mark>{}</code>",
        isolated(&first),
        isolated(&middle),
        isolated(&last)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digit_that_differs_is_marked_in_both_texts() {
        let shown = marked(CheckId::PayloadChanged, "payload is `{\"n\":992}`, sent was `{\"n\":993}`");
        assert_eq!(
            shown,
            "payload is <code class=\"quoted\">{&quot;n&quot;:99<mark>2</mark>}</code>sent was \
             <code class=\"quoted\">{&quot;n&quot;:99<mark>3</mark>}</code>"
        );
    }

    #[test]
    fn a_text_that_is_longer_or_empty_is_marked_where_it_goes_on() {
        let shown = compared("is `7.0`, was `7`").unwrap();
        assert!(
            shown.contains(">7<mark>.0</mark></code>") && shown.contains(">7<mark></mark></code>"),
            "{shown}"
        );
        let shown = compared("is ``, was `aa`").unwrap();
        assert!(shown.contains("<mark></mark>") && shown.contains("<mark>aa</mark>"), "{shown}");
        let shown = compared("is `aa`, was `aaa`").unwrap();
        assert!(shown.contains(">aa<mark></mark>") && shown.contains(">aa<mark>a</mark>"), "{shown}");
    }

    #[test]
    fn other_details_are_prose() {
        assert_eq!(marked(CheckId::PayloadChanged, "a `b` c"), "a <code>b</code> c");
        assert_eq!(
            marked(CheckId::PayloadChanged, "is `a`b`, was `c`"),
            "is <code>a</code>b<code>, was </code>c<code></code>"
        );
        assert!(!marked(CheckId::Lost, "`a` and `b`").contains("<mark>"));
    }
}
