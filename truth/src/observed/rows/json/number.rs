//! Equality of JSON numbers as decimals, to the last digit and without any rounding.

/// True if two JSON numbers have one value. For example, 10 is 1e1, 1.0 and 10e-1 are 1, and -0 is
/// 0. But 12345678901234567890 is not 12345678901234567000, although both are one floating-point
/// number.
///
/// Exponents beyond 64 bits are not compared by value: such numbers are equal only if their text is
/// the same.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let one = Decimal::parse(one);
    one.is_some() && one == Decimal::parse(other)
}

/// The number 0.DIGITS x 10^exponent, with its sign. The digits have no zero at either end; those
/// of the number zero are empty.
#[derive(PartialEq, Eq, Default)]
struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    exponent: i128,
}

impl Decimal {
    /// Takes a JSON number apart. None if its exponent is too large.
    fn parse(text: &str) -> Option<Self> {
        let unsigned = text.trim_start_matches('-');
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let without_start = digits.trim_start_matches('0');
        if without_start.is_empty() {
            return Some(Self::default());
        }
        let exponent: i64 = exponent.parse().ok()?;
        let skipped = digits.len() - without_start.len();
        Some(Self {
            is_negative: unsigned.len() < text.len(),
            digits: without_start.trim_end_matches('0').as_bytes().to_vec(),
            exponent: i128::from(exponent) + whole.len() as i128 - skipped as i128,
        })
    }
}
