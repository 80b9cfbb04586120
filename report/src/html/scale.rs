//! Scale of a swim lane: moments that lie far apart are drawn near each other, with a break between
//! them.
//!
//! For example, a key was sent at 10 ms, and again at 4.2 s. Each try took half a millisecond. On one
//! scale both would be hairlines; here each has its own piece, as wide as the other.

/// Span of time, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Part of the scale without a break.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Piece {
    pub(super) span: Span,
    /// Place of its beginning, in percent.
    pub(super) left: f64,
    /// Place of its end.
    pub(super) right: f64,
}

/// Scale in pieces, from 0 to 100 percent.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Scale {
    pub(super) pieces: Vec<Piece>,
}

/// Width of a break, in percent.
const BREAK: f64 = 3.0;

/// Most pieces: with more, none would be wide enough.
const MOST: usize = 8;

impl Scale {
    /// Makes a scale that shows these spans between two places.
    pub(super) fn of(spans: &[Span], left: f64, right: f64) -> Self {
        let clusters = clusters(spans);
        let count = clusters.len() as f64;
        let room = right - left - BREAK * (count - 1.0).max(0.0);
        let lengths: Vec<f64> = clusters.iter().map(|span| (span.to - span.from).max(1) as f64).collect();
        let total: f64 = lengths.iter().sum();
        let mut at = left;
        let piece = |(span, length): (&Span, &f64)| {
            // Half of the room is shared equally, so that the shortest can be seen.
            let width = room * (0.5 / count + 0.5 * length / total);
            let piece = Piece { span: *span, left: at, right: at + width };
            at += width + BREAK;
            piece
        };
        Self { pieces: clusters.iter().zip(&lengths).map(piece).collect() }
    }

    /// Returns the place of a moment, in percent.
    pub(super) fn place(&self, t: u64) -> f64 {
        let last = self.pieces.iter().rev().find(|piece| piece.span.from <= t);
        let Some(piece) = last.or(self.pieces.first()) else { return 0.0 };
        let Piece { span, left, right } = piece;
        let length = (span.to - span.from).max(1) as f64;
        let share = (t.saturating_sub(span.from) as f64 / length).min(1.0);
        left + share * (right - left)
    }
}

/// Puts spans together that are near each other.
fn clusters(spans: &[Span]) -> Vec<Span> {
    let mut sorted = spans.to_vec();
    sorted.sort_by_key(|span| (span.from, span.to));
    let mut merged: Vec<Span> = Vec::new();
    for span in sorted {
        match merged.last_mut().filter(|last| span.from <= last.to) {
            Some(last) => last.to = last.to.max(span.to),
            None => merged.push(span),
        }
    }
    let busy: u64 = merged.iter().map(|span| span.to - span.from).sum();
    let mut near = busy.max(merged.len() as u64) * 2;
    loop {
        let mut clusters: Vec<Span> = Vec::new();
        for span in &merged {
            match clusters.last_mut().filter(|last| span.from - last.to <= near) {
                Some(last) => last.to = last.to.max(span.to),
                None => clusters.push(*span),
            }
        }
        if clusters.len() <= MOST {
            return clusters;
        }
        near = near.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(pairs: &[(u64, u64)]) -> Vec<Span> {
        pairs.iter().map(|(from, to)| Span { from: *from, to: *to }).collect()
    }

    #[test]
    fn moments_far_apart_have_pieces_of_their_own_and_keep_their_order() {
        let scale =
            Scale::of(&spans(&[(10_000, 10_500), (4_200_000, 4_200_500), (10_100, 10_700)]), 0.0, 100.0);
        assert_eq!(scale.pieces.len(), 2);
        assert_eq!(scale.pieces[0].span, Span { from: 10_000, to: 10_700 });
        assert!((scale.pieces[1].right - 100.0).abs() < 1e-9, "{scale:?}");
        let moments = [9_000, 10_000, 10_300, 10_700, 2_000_000, 4_200_000, 4_200_500, 9_999_999];
        let places = moments.map(|t| scale.place(t));
        assert!(places.is_sorted(), "{places:?}");
        assert!(places.iter().all(|place| (0.0..=100.0 + 1e-9).contains(place)), "{places:?}");
    }

    #[test]
    fn there_are_few_pieces_however_many_moments() {
        let many: Vec<(u64, u64)> =
            (0..20).map(|nth| (nth * nth * 1_000_000, nth * nth * 1_000_000 + 10)).collect();
        let scale = Scale::of(&spans(&many), 10.0, 80.0);
        assert!(scale.pieces.len() <= MOST, "{}", scale.pieces.len());
        assert!(Scale::of(&[], 0.0, 100.0).pieces.is_empty());
        assert_eq!(Scale::of(&spans(&[(5, 5)]), 0.0, 100.0).place(5), 0.0);
    }
}
