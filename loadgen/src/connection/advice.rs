//! Advice of a response: the header fields that say what to do next. Only redirects and refusals for
//! now have them.

/// Bytes of a field that are kept at most.
const MOST: usize = 1024;

/// Advice of the latest response.
#[derive(Debug, Default)]
pub(crate) struct Advice {
    location: Vec<u8>,
    retry_after: Vec<u8>,
}

impl Advice {
    /// Takes the place of the advice before. `fields` are the header fields of a response.
    pub(crate) fn note<'a>(&mut self, status: u16, fields: impl Iterator<Item = (&'a str, &'a [u8])>) {
        self.location.clear();
        self.retry_after.clear();
        let (wanted, place) = match status {
            300..400 => ("location", &mut self.location),
            429 | 503 => ("retry-after", &mut self.retry_after),
            _ => return,
        };
        for (name, value) in fields {
            if name.eq_ignore_ascii_case(wanted) {
                place.extend_from_slice(&value[..value.len().min(MOST)]);
                return;
            }
        }
    }

    /// Returns the place that a redirect leads to; empty without one.
    pub(crate) fn location(&self) -> &[u8] {
        &self.location
    }

    /// Returns the time after which a refused request may be sent again, as the response writes it.
    pub(crate) fn retry_after(&self) -> Option<&str> {
        std::str::from_utf8(&self.retry_after).ok().filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_response_advises_and_only_by_a_status_that_can() {
        let fields = [("Location", &b"/there"[..]), ("RETRY-AFTER", b"7")];
        let mut advice = Advice::default();
        for (status, location, retry_after) in [
            (200, "", None),
            (301, "/there", None),
            (503, "", Some("7")),
            (429, "", Some("7")),
            (500, "", None),
        ] {
            advice.note(status, fields.into_iter());
            assert_eq!(advice.location(), location.as_bytes(), "{status}");
            assert_eq!(advice.retry_after(), retry_after, "{status}");
        }
        advice.note(302, [("location", &[b'x'; 5_000][..])].into_iter());
        assert_eq!(advice.location().len(), MOST);
    }
}
