//! Compressor of bodies (gzip, RFC 1952). It compresses from one buffer into another, and both are
//! used again and again.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Head of a gzip member: identification, deflate, no flags, no time, no hint, an unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses one body after another.
#[derive(Debug)]
pub(crate) struct Packer {
    deflate: Compress,
    plain: Vec<u8>,
}

impl Packer {
    pub(crate) fn new() -> Self {
        // The fastest level: the target is measured, not this machine.
        Self { deflate: Compress::new(Compression::fast(), false), plain: Vec::new() }
    }

    /// Replaces the bytes from `body` on by their compressed form.
    pub(crate) fn pack(&mut self, bytes: &mut Vec<u8>, body: usize) {
        self.plain.clear();
        self.plain.extend(bytes.drain(body..));
        bytes.extend_from_slice(&HEAD);
        self.deflate.reset();
        loop {
            let taken = self.deflate.total_in() as usize;
            bytes.reserve(self.plain.len() / 4 + 64);
            let status = self.deflate.compress_vec(&self.plain[taken..], bytes, FlushCompress::Finish);
            if status.expect("a stream that was begun can be ended") == Status::StreamEnd {
                break;
            }
        }
        let mut checksum = Crc::new();
        checksum.update(&self.plain);
        bytes.extend_from_slice(&checksum.sum().to_le_bytes());
        // The format states the length modulo 2^32.
        bytes.extend_from_slice(&(self.plain.len() as u32).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_is_packed_unpacks_to_the_same_again_and_again() {
        let mut packer = Packer::new();
        let noise: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for body in [&b""[..], b"[]", &b"ab".repeat(50_000), &noise, b"again"] {
            let mut bytes = b"head".to_vec();
            bytes.extend_from_slice(body);
            packer.pack(&mut bytes, 4);
            assert_eq!(&bytes[..4], b"head");
            let mut plain = Vec::new();
            GzDecoder::new(&bytes[4..]).read_to_end(&mut plain).unwrap();
            assert!(plain == body, "{} bytes", body.len());
        }
    }
}
