//! Numbers and lists for people.

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number that may be below zero, with its thousands apart.
pub fn grouped_signed(number: i128) -> String {
    let sign = if number < 0 { "-" } else { "" };
    match u64::try_from(number.unsigned_abs()) {
        Ok(size) => format!("{sign}{}", grouped(size)),
        Err(_) => number.to_string(),
    }
}

/// `1 key`, `2 keys`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub fn enumerated(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
