//! Values for the holes of requests that read a target.

use std::collections::BTreeMap;

use truth::plan::event::Events;
use truth::target::secrets::Secrets;
use truth::target::template::{Fill, FillError, HoleName, Template};

/// Values that parts of earlier responses have, by the names under which they are kept.
pub(crate) type Kept = BTreeMap<String, String>;

/// Values of one request.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) secrets: &'a Secrets,
    pub(crate) kept: &'a Kept,
    /// True of the requests before the run, which have no values of an earlier session.
    pub(crate) opens_session: bool,
    /// Values of a listing; none of a request for counters.
    pub(crate) page: Option<PageValues<'a>>,
    /// Events of the run, and one of its keys.
    pub(crate) key: Option<(&'a Events, u64)>,
}

/// Values of a request for one page.
#[derive(Clone, Copy)]
pub(crate) struct PageValues<'a> {
    pub(crate) limit: u32,
    /// Number of rows before the page; none if the first page is asked for without it.
    pub(crate) offset: Option<u64>,
    /// Number of the page, likewise.
    pub(crate) page: Option<u32>,
    /// Cursor; empty for the first page of most targets.
    pub(crate) cursor: &'a str,
    /// Topic; none if all are asked for.
    pub(crate) topic: Option<&'a str>,
    /// Events of the run.
    pub(crate) run: Run<'a>,
}

/// Run whose events are looked for.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) source: &'a str,
    /// Timestamps of the first and the last key, in milliseconds.
    pub(crate) span: [i64; 2],
}

impl Values<'_> {
    /// True if a header of every request can be written. One with a value that is not there yet is
    /// left out of the requests that ask for the value.
    pub(crate) fn has_all(&self, template: &Template) -> bool {
        let is_there =
            |name: &HoleName| !matches!(name, HoleName::Kept(kept) if !self.kept.contains_key(kept));
        !self.opens_session || template.holes().all(|hole| is_there(&hole.name))
    }
}

impl Fill for Values<'_> {
    fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
        match name {
            HoleName::Env(_) => return self.secrets.fill(name, out),
            HoleName::Kept(kept) => {
                return match self.kept.get(kept) {
                    Some(value) => {
                        out.extend_from_slice(value.as_bytes());
                        Ok(())
                    }
                    None if self.opens_session => Err(FillError::unknown(name)),
                    None => self.secrets.fill(name, out),
                };
            }
            _ => {}
        }
        let is_known = match (&self.page, self.key) {
            (Some(page), _) => page.fill(name, out),
            (None, Some((events, ordinal))) => fill_key(events, ordinal, name, out),
            (None, None) => false,
        };
        if is_known { Ok(()) } else { Err(FillError::unknown(name)) }
    }
}

impl PageValues<'_> {
    /// Writes a value. Returns false if it is none of a listing.
    fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> bool {
        let text = match name {
            HoleName::Limit => self.limit.to_string(),
            HoleName::Offset => self.offset.map_or_else(String::new, |offset| offset.to_string()),
            HoleName::Page => self.page.map_or_else(String::new, |page| page.to_string()),
            HoleName::Cursor => self.cursor.to_owned(),
            HoleName::Topic => self.topic.unwrap_or_default().to_owned(),
            HoleName::Source => self.run.source.to_owned(),
            HoleName::From(form) => {
                form.write(self.run.span[0], out);
                return true;
            }
            HoleName::To(form) => {
                form.write(self.run.span[1], out);
                return true;
            }
            _ => return false,
        };
        out.extend_from_slice(text.as_bytes());
        true
    }
}

/// Writes a value of a key. Returns false if it is none.
fn fill_key(events: &Events, ordinal: u64, name: &HoleName, out: &mut Vec<u8>) -> bool {
    match name {
        HoleName::Topic => out.extend_from_slice(events.topic(ordinal).as_bytes()),
        HoleName::EventId => out.extend_from_slice(events.id_text(ordinal).as_bytes()),
        HoleName::Source => out.extend_from_slice(events.source().as_bytes()),
        HoleName::N => out.extend_from_slice(ordinal.to_string().as_bytes()),
        HoleName::Timestamp(form) => form.write(events.timestamp_ms(ordinal), out),
        _ => return false,
    }
    true
}
