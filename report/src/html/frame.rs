//! Frame of a page: its policy, its title and its style.

use super::markup::{Markup, html, text};
use super::policy::{self, Network};

/// Writes the beginning of a page, up to its body.
pub(super) fn begin(out: &mut Markup, word: &str, target: &str, network: Network) {
    html!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    html!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n", policy::policy(network));
    html!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html!(
        out,
        "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
    );
    html!(out, "<title>{word}: {}</title>\n", text(target));
    html!(out, "<style>{}</style></head>\n", policy::STYLE);
}
