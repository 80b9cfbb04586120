//! Tables of premises: what findings rest on, and the standing of each.

use judge::verdict::{Ground, Standing};

use super::markup::{Markup, html, prose, text};

/// Class of a standing.
fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Promised | Standing::Shown => "holds",
        Standing::Assumed | Standing::Refuted => "lacks",
    }
}

/// Writes a table of premises; nothing without one.
pub(super) fn write(out: &mut Markup, premises: &[Ground]) {
    if premises.is_empty() {
        return;
    }
    html!(
        out,
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"premises\"><thead><tr><th>rests on</th><th>standing</th><th>because</th></tr></thead><tbody>"
    );
    for ground in premises {
        let Ground { premise, standing, because } = ground;
        html!(
            out,
            "<tr><td>{}</td><td><span class=\"standing {}\">{}</span></td>",
            text(premise.statement()),
            class(*standing),
            standing.text()
        );
        let remedy =
            ground.remedy().map(|remedy| format!("; to decide: {}", prose(remedy))).unwrap_or_default();
        html!(out, "<td>{}{remedy}</td></tr>", prose(because));
    }
    html!(out, "</tbody></table></div>\n");
}
