//! Numbers and times for people, short enough for a chart.

/// Writes a time: `0 s`, `412 µs`, `1.23 ms`, `2.5 s`, `3 min 20 s`.
pub(crate) fn time(micros: u64) -> String {
    match micros {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", digits(micros as f64 / 1e3)),
        1_000_000..120_000_000 => format!("{} s", digits(micros as f64 / 1e6)),
        _ => {
            let seconds = micros / 1_000_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// Writes a moment to the microsecond: `140.069 ms`, `12.345678 s`.
pub(crate) fn moment(micros: u64) -> String {
    match micros {
        0..10_000_000 => format!("{}.{:03} ms", micros / 1_000, micros % 1_000),
        _ => format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000),
    }
}

/// Writes a number: `950`, `1.2 k`, `35 M`.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        below if below < 1e4 => digits(number),
        below if below < 1e6 => format!("{} k", digits(number / 1e3)),
        below if below < 1e9 => format!("{} M", digits(number / 1e6)),
        _ => format!("{} G", digits(number / 1e9)),
    }
}

/// Writes three digits of a number, and all of those before the point.
pub(crate) fn digits(number: f64) -> String {
    let places = match number.abs() {
        below if below >= 100.0 => 0,
        below if below >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{number:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_have_three_digits_and_a_unit() {
        for (micros, text) in [
            (0, "0 s"),
            (412, "412 µs"),
            (1_234, "1.23 ms"),
            (45_000, "45 ms"),
            (2_500_000, "2.5 s"),
            (200_000_000, "3 min 20 s"),
        ] {
            assert_eq!(time(micros), text);
        }
        assert_eq!([140_069, 12_345_678].map(moment), ["140.069 ms", "12.345678 s"]);
        for (number, text) in
            [(0.0, "0"), (950.0, "950"), (12_340.0, "12.3 k"), (35e6, "35 M"), (2.5e9, "2.5 G")]
        {
            assert_eq!(short(number), text);
        }
    }
}
