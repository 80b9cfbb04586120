//! Bytes of the parts of a frame.

use super::{ALONE, Done, FOUNDED, Foundation, Header, MAGIC, Scope};
use crate::files::sums::Checksum;
use crate::target::answer::{Answer, Kind, Kinds, Outcome};

/// Bytes in the place of a checksum, where there was no file.
pub(super) const NO_FILE: Checksum = Checksum([0; 32]);

impl Header {
    pub(super) fn decode_body(fields: &mut Fields<'_>) -> Option<Self> {
        let is_ours = fields.bytes::<8>()? == MAGIC;
        let version = u16::from_le_bytes(fields.bytes()?);
        (is_ours && matches!(version, ALONE | FOUNDED)).then_some(())?;
        let nonce = fields.u64()?;
        let lane = u16::from_le_bytes(fields.bytes()?);
        let monotonic_ns = fields.u64()?;
        let utc_ms = i64::from_le_bytes(fields.bytes()?);
        let foundation = if version == FOUNDED {
            let run = Checksum(fields.bytes()?);
            let baseline = Some(Checksum(fields.bytes()?)).filter(|sum| *sum != NO_FILE);
            Some(Foundation { run, baseline })
        } else {
            None
        };
        let boot_id = String::from_utf8(fields.rest().to_vec()).ok()?;
        Some(Self { nonce, lane, boot_id, monotonic_ns, utc_ms, foundation })
    }
}

const FINAL: u8 = 1;
const HAS_ACCEPTED: u8 = 2;
const HAS_INSERTED: u8 = 4;
const HAS_DUPLICATES: u8 = 8;

impl Done {
    pub(super) fn encode_body(&self, out: &mut Vec<u8>) {
        let (scope, index) = match self.scope {
            Scope::Round(round) => (0, round),
            Scope::Resend(id) => (1, u64::from(id)),
        };
        let answer = &self.answer;
        let counts = [
            (answer.accepted, HAS_ACCEPTED),
            (answer.inserted, HAS_INSERTED),
            (answer.duplicates, HAS_DUPLICATES),
        ];
        let has = counts.iter().filter(|(count, _)| count.is_some()).fold(0, |flags, (_, flag)| flags | flag);
        out.push(scope);
        out.extend_from_slice(&index.to_le_bytes());
        out.extend_from_slice(&self.request.to_le_bytes());
        out.extend_from_slice(&self.try_number.to_le_bytes());
        out.push(has | if self.is_final { FINAL } else { 0 });
        out.extend_from_slice(&self.connection.to_le_bytes());
        for t in [self.t_planned, self.t_start, self.t_end] {
            out.extend_from_slice(&t.to_le_bytes());
        }
        out.extend_from_slice(&self.status.to_le_bytes());
        out.push(outcome_code(answer.outcome));
        for count in counts.into_iter().filter_map(|(count, _)| count) {
            out.extend_from_slice(&count.to_le_bytes());
        }
        match &answer.kinds {
            Kinds::Unreported => out.push(0),
            Kinds::AllNew => out.push(1),
            Kinds::AllDuplicate => out.push(2),
            Kinds::Each(kinds) => {
                let events = u16::try_from(kinds.len()).expect("a request has at most 10,000 events");
                let packing = Packing::of(kinds);
                out.push(packing.tag);
                out.extend_from_slice(&events.to_le_bytes());
                out.extend(kinds.chunks(packing.per_byte).map(|some| packing.pack(some)));
            }
        }
        if answer.outcome == Outcome::Unclear {
            let excerpt = answer.excerpt.as_deref().unwrap_or_default();
            let length = u16::try_from(excerpt.len()).expect("an excerpt is short");
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(excerpt.as_bytes());
        }
    }

    pub(super) fn decode_body(fields: &mut Fields<'_>) -> Option<Self> {
        let scope = fields.u8()?;
        let index = fields.u64()?;
        let scope = match scope {
            0 => Scope::Round(index),
            1 => Scope::Resend(u32::try_from(index).ok()?),
            _ => return None,
        };
        let request = fields.u32()?;
        let try_number = u16::from_le_bytes(fields.bytes()?);
        let flags = fields.u8()?;
        let connection = fields.u32()?;
        let t_planned = fields.u64()?;
        let t_start = fields.u64()?;
        let t_end = fields.u64()?;
        let status = u16::from_le_bytes(fields.bytes()?);
        let outcome = outcome_of(fields.u8()?)?;
        let mut count = |flag| {
            if flags & flag == 0 { Some(None) } else { fields.u32().map(Some) }
        };
        let (accepted, inserted, duplicates) =
            (count(HAS_ACCEPTED)?, count(HAS_INSERTED)?, count(HAS_DUPLICATES)?);
        let kinds = match fields.u8()? {
            0 => Kinds::Unreported,
            1 => Kinds::AllNew,
            2 => Kinds::AllDuplicate,
            tag => {
                let packing = Packing::ALL.into_iter().find(|packing| packing.tag == tag)?;
                let events = usize::from(u16::from_le_bytes(fields.bytes()?));
                let codes = fields.take(events.div_ceil(packing.per_byte))?;
                Kinds::Each((0..events).map(|place| packing.kind(codes, place)).collect::<Option<_>>()?)
            }
        };
        let excerpt = match outcome {
            Outcome::Unclear => {
                let length = usize::from(u16::from_le_bytes(fields.bytes()?));
                Some(std::str::from_utf8(fields.take(length)?).ok()?).filter(|text| !text.is_empty())
            }
            Outcome::NeverSent | Outcome::Rejected | Outcome::Acked | Outcome::Unknown => None,
        };
        let excerpt = excerpt.map(Box::from);
        let answer = Answer { outcome, accepted, inserted, duplicates, kinds, excerpt };
        let is_final = flags & FINAL != 0;
        Some(Self {
            scope,
            request,
            try_number,
            is_final,
            connection,
            t_planned,
            t_start,
            t_end,
            status,
            answer,
        })
    }
}

fn outcome_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::NeverSent => 0,
        Outcome::Rejected => 1,
        Outcome::Acked => 2,
        Outcome::Unknown => 3,
        Outcome::Unclear => 4,
    }
}

fn outcome_of(code: u8) -> Option<Outcome> {
    let outcomes =
        [Outcome::NeverSent, Outcome::Rejected, Outcome::Acked, Outcome::Unknown, Outcome::Unclear];
    outcomes.get(usize::from(code)).copied()
}

fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::New => 0,
        Kind::Duplicate => 1,
        Kind::Accepted => 2,
        Kind::Rejected => 3,
        Kind::Unknown => 4,
    }
}

fn kind_of(code: u8) -> Option<Kind> {
    let kinds = [Kind::New, Kind::Duplicate, Kind::Accepted, Kind::Rejected, Kind::Unknown];
    kinds.get(usize::from(code)).copied()
}

/// Packing of the kinds of single events.
#[derive(Clone, Copy)]
struct Packing {
    tag: u8,
    per_byte: usize,
}

impl Packing {
    /// Kinds that the target has decided on: two bits each.
    const DECIDED: Self = Self { tag: 3, per_byte: 4 };

    /// Kinds with an unknown one among them: four bits each.
    const OPEN: Self = Self { tag: 4, per_byte: 2 };

    const ALL: [Self; 2] = [Self::DECIDED, Self::OPEN];

    /// Returns the packing of these kinds.
    fn of(kinds: &[Kind]) -> Self {
        if kinds.contains(&Kind::Unknown) { Self::OPEN } else { Self::DECIDED }
    }

    fn bits(self) -> usize {
        8 / self.per_byte
    }

    /// Packs the kinds of one byte.
    fn pack(self, kinds: &[Kind]) -> u8 {
        let places = kinds.iter().enumerate();
        places.fold(0, |byte, (place, kind)| byte | (kind_code(*kind) << (self.bits() * place)))
    }

    /// Unpacks a kind; none if the code is of no kind.
    fn kind(self, codes: &[u8], place: usize) -> Option<Kind> {
        let byte = codes[place / self.per_byte] >> (self.bits() * (place % self.per_byte));
        kind_of(byte & ((1 << self.bits()) - 1))
    }
}

/// Rest of a body that is being decoded.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }
}
