//! Event ids that look random, can be decoded, and prove their origin.
//!
//! The 122 free bits of a UUIDv4 hold a keyed permutation of the key's ordinal (64 bits) and a
//! keyed tag (58 bits). A store sees random UUIDs, which is an honest load for a B-tree. `verify`
//! decodes the ordinal from a listed id, without a database of what was sent. An id of another
//! origin passes for one of this run once in 2^58.

use crate::plan::rng::{derived, mix};

mod form;

pub use form::{IdError, IdForm, IdSpec, Ids};

/// Length of an id in its canonical spelling: 32 lower-case hexadecimal digits and four dashes.
pub const ID_LEN: usize = 36;

const TAG_BITS: u32 = 58;
const TAG_MASK: u64 = (1 << TAG_BITS) - 1;
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// Positions of the 16 pairs of digits.
const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Digits of each byte.
static SPELLINGS: [[u8; 2]; 256] = {
    let mut spellings = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        spellings[byte] = [HEX[byte >> 4], HEX[byte & 0xf]];
        byte += 1;
    }
    spellings
};

/// Digit of each character; `NO_DIGIT` for all but `0-9a-f`.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        digits[HEX[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};
const HEX: &[u8; 16] = b"0123456789abcdef";
const NO_DIGIT: u8 = 0xff;

/// Keyed bijection between the ordinals and the ids of one run.
#[derive(Clone, Debug)]
pub struct IdScheme {
    feistel: [u64; 4],
    tag: [u64; 2],
}

impl IdScheme {
    /// Returns the scheme of the run with this nonce.
    pub fn new(nonce: u64) -> Self {
        let key = |index| derived(nonce, index);
        Self { feistel: [key(0), key(1), key(2), key(3)], tag: [key(4), key(5)] }
    }

    /// Returns the id of the key with this ordinal.
    pub fn encode(&self, ordinal: u64) -> [u8; ID_LEN] {
        let mut text = [b'-'; ID_LEN];
        self.spell(ordinal, &mut text);
        text
    }

    /// Appends the id of the key with this ordinal.
    pub fn write(&self, ordinal: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&[b'-'; ID_LEN]);
        // Written in place: copying an array that was written in small parts is slow.
        self.spell(ordinal, out.last_chunk_mut().expect("these bytes were just appended"));
    }

    /// Writes the digits between the dashes.
    fn spell(&self, ordinal: u64, text: &mut [u8; ID_LEN]) {
        let permuted = self.permute(ordinal);
        let top = permuted >> 4;
        // 48 bits, the version nibble 4, 12 bits; then the variant bits 10 and 62 bits.
        let high = ((top >> 12) << 16) | 0x4000 | (top & 0xfff);
        let low = (0b10 << 62) | ((permuted & 0xf) << TAG_BITS) | self.tag(ordinal);
        let bytes = ((u128::from(high) << 64) | u128::from(low)).to_be_bytes();
        for (byte, place) in bytes.iter().zip(PAIRS) {
            text[place..place + 2].copy_from_slice(&SPELLINGS[usize::from(*byte)]);
        }
    }

    /// Returns the ordinal of an id; `None` if this run did not make it. Only the canonical
    /// spelling decodes.
    pub fn decode(&self, id: &str) -> Option<u64> {
        let text: &[u8; ID_LEN] = id.as_bytes().try_into().ok()?;
        if DASHES.into_iter().any(|place| text[place] != b'-') {
            return None;
        }
        let mut bytes = [0; 16];
        let mut seen = 0;
        for (byte, place) in bytes.iter_mut().zip(PAIRS) {
            let upper = DIGITS[usize::from(text[place])];
            let lower = DIGITS[usize::from(text[place + 1])];
            seen |= upper | lower;
            *byte = (upper << 4) | (lower & 0xf);
        }
        if seen == NO_DIGIT {
            return None;
        }
        let bits = u128::from_be_bytes(bytes);
        let high = (bits >> 64) as u64;
        let low = bits as u64;
        if high & 0xf000 != 0x4000 || low >> 62 != 0b10 {
            return None;
        }
        let top = ((high >> 16) << 12) | (high & 0xfff);
        let ordinal = self.invert((top << 4) | ((low >> TAG_BITS) & 0xf));
        (low & TAG_MASK == self.tag(ordinal)).then_some(ordinal)
    }

    fn tag(&self, ordinal: u64) -> u64 {
        mix(mix(ordinal ^ self.tag[0]) ^ self.tag[1]) >> (64 - TAG_BITS)
    }

    /// Permutes an ordinal by four rounds of a balanced Feistel network, which is a permutation for
    /// any round function.
    fn permute(&self, ordinal: u64) -> u64 {
        let mut left = (ordinal >> 32) as u32;
        let mut right = ordinal as u32;
        for key in self.feistel {
            (left, right) = (right, left ^ half(right, key));
        }
        (u64::from(left) << 32) | u64::from(right)
    }

    fn invert(&self, permuted: u64) -> u64 {
        let mut left = (permuted >> 32) as u32;
        let mut right = permuted as u32;
        for key in self.feistel.into_iter().rev() {
            (left, right) = (right ^ half(left, key), left);
        }
        (u64::from(left) << 32) | u64::from(right)
    }
}

fn half(input: u32, key: u64) -> u32 {
    (mix(u64::from(input) ^ key) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(id: [u8; ID_LEN]) -> String {
        String::from_utf8(id.to_vec()).unwrap()
    }

    proptest! {
        #[test]
        fn decode_inverts_encode(nonce: u64, ordinal: u64) {
            let scheme = IdScheme::new(nonce);
            prop_assert_eq!(scheme.decode(&text(scheme.encode(ordinal))), Some(ordinal));
        }

        #[test]
        fn an_id_of_another_run_is_foreign(nonce: u64, other: u64, ordinal: u64) {
            prop_assume!(nonce != other);
            let id = text(IdScheme::new(other).encode(ordinal));
            prop_assert_eq!(IdScheme::new(nonce).decode(&id), None);
        }

        #[test]
        fn no_other_spelling_decodes(nonce: u64, ordinal: u64, place in 0..ID_LEN, byte in 32_u8..127) {
            let scheme = IdScheme::new(nonce);
            let mut id = scheme.encode(ordinal);
            prop_assume!(id[place] != byte);
            id[place] = byte;
            prop_assert_eq!(scheme.decode(&text(id)), None);
        }

        #[test]
        fn no_other_text_decodes(nonce: u64, id in "\\PC{0,40}") {
            prop_assert_eq!(IdScheme::new(nonce).decode(&id), None);
        }
    }

    #[test]
    fn ids_are_version_4_uuids() {
        let scheme = IdScheme::new(7);
        for ordinal in 0..1000 {
            let id = text(scheme.encode(ordinal));
            assert_eq!(&id[14..15], "4");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
        let upper = text(scheme.encode(0)).to_uppercase();
        assert_eq!(scheme.decode(&upper), None, "one spelling only");
    }
}
