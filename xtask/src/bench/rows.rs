//! Rows like those that loadgen sends: the same topics, sizes and share of repeats, and random ids.

/// Distance of most repeats from their first copy, in rows. Retries follow closely too.
const CLOSE: u64 = 1_000;

/// Percentage of repeats that are of any earlier row.
const FAR_PERCENT: u64 = 20;

const TOPICS: [&str; 3] = ["auth", "payment", "orders"];

/// Range of a payload's bytes.
const PAYLOAD_BYTES: [u64; 2] = [64, 256];

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// First part of the key.
    pub topic: &'static str,
    /// Second part of the key: a UUID.
    pub event_id: String,
    /// Instant in RFC 3339 with milliseconds.
    pub timestamp: String,
    pub source: &'static str,
    /// JSON object.
    pub payload: String,
}

/// Returns `count` rows, always the same, of which this percentage repeats the key of an earlier
/// one.
#[must_use]
pub fn rows(count: u64, repeats_percent: u64) -> Vec<Row> {
    let mut draw = 0;
    let mut ordinals = Vec::new();
    let mut firsts = 0;
    for _ in 0..count {
        let repeats = firsts > 0 && below(&mut draw, 100) < repeats_percent;
        ordinals.push(if repeats {
            earlier(firsts, &mut draw)
        } else {
            firsts += 1;
            firsts - 1
        });
    }
    ordinals.into_iter().map(row).collect()
}

fn earlier(firsts: u64, draw: &mut u64) -> u64 {
    let reach = if below(draw, 100) < FAR_PERCENT { firsts } else { firsts.min(CLOSE) };
    firsts - 1 - below(draw, reach)
}

fn row(ordinal: u64) -> Row {
    let high = mix(ordinal);
    let low = mix(!ordinal);
    let [least, most] = PAYLOAD_BYTES;
    let mut payload = format!(r#"{{"n":{ordinal},"data":""#);
    let length = (least + low % (most - least + 1)).saturating_sub(2) as usize;
    let mut draw = high;
    while payload.len() < length {
        payload.push(char::from(b'a' + below(&mut draw, 26) as u8));
    }
    payload.push_str("\"}");
    let second = ordinal / 1000;
    let millisecond = ordinal % 1000;
    let hour = second / 3600 % 24;
    let minute = second / 60 % 60;
    let second = second % 60;
    Row {
        topic: TOPICS[(high % 3) as usize],
        event_id: format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 50 | 0x8000,
            low & 0xffff_ffff_ffff
        ),
        timestamp: format!("2025-01-01T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z"),
        source: "loadgen",
        payload,
    }
}

fn below(state: &mut u64, limit: u64) -> u64 {
    *state = state.wrapping_add(1);
    mix(*state) % limit
}

/// Mixes a number by the finalizer of SplitMix64.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn three_in_ten_repeat_an_earlier_key_and_are_the_same_row() {
        let rows = rows(20_000, 30);
        let mut known: BTreeMap<(&str, &str), &Row> = BTreeMap::new();
        let mut repeats = 0;
        for row in &rows {
            if let Some(first) = known.insert((row.topic, &row.event_id), row) {
                assert_eq!(first, row);
                repeats += 1;
            }
        }
        assert!((5_700..6_300).contains(&repeats), "{repeats}");
    }

    #[test]
    fn they_are_as_large_as_those_of_loadgen() {
        let rows = rows(5_000, 30);
        let sizes: Vec<usize> = rows.iter().map(|row| row.payload.len()).collect();
        assert!(sizes.iter().all(|size| (64..=256).contains(size)));
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((150..170).contains(&mean), "{mean}");
        assert!(rows.iter().all(|row| row.event_id.len() == 36 && row.timestamp.len() == 24));
        assert!(rows.iter().all(|row| serde_json::from_str::<serde_json::Value>(&row.payload).is_ok()));
    }
}
