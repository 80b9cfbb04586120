//! Bodies of responses: bounded, and unpacked if the target packed them without being asked.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

/// Most bytes of a body, as received and unpacked.
pub(super) const MAX_BODY: usize = 512 << 20;

/// Returns the body as the target meant it, of at most `most` bytes. The error is a reason.
pub(super) fn unpacked(headers: &HeaderMap, body: Vec<u8>, most: usize) -> Result<Vec<u8>, String> {
    let encodings = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let encodings: Vec<String> =
        encodings.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
    // The last encoding was applied last.
    encodings.iter().rev().try_fold(body, |body, encoding| match encoding.as_str() {
        "" | "identity" => Ok(body),
        "gzip" | "x-gzip" => all_of(MultiGzDecoder::new(body.as_slice()), most),
        // The name stands for the format zlib, but some servers send the bare format.
        "deflate" => all_of(ZlibDecoder::new(body.as_slice()), most)
            .or_else(|_| all_of(DeflateDecoder::new(body.as_slice()), most)),
        other => Err(format!("the body has the encoding `{other}`, which was not asked for")),
    })
}

fn all_of(packed: impl Read, most: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let read = packed.take(most as u64 + 1).read_to_end(&mut body);
    read.map_err(|error| format!("the body cannot be unpacked: {error}"))?;
    if body.len() > most { Err(too_large(most)) } else { Ok(body) }
}

pub(super) fn too_large(most: usize) -> String {
    format!("the body is larger than {} MiB; list with paging", most >> 20)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn headers(encoding: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, encoding.parse().unwrap());
        headers
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(body).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn a_packed_body_is_unpacked() {
        let body = b"[{\"topic\":\"a\"}]".to_vec();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&body).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(&body).unwrap();
        for (encoding, packed) in [
            ("identity", body.clone()),
            ("gzip", gzip(&body)),
            ("X-GZIP", gzip(&body)),
            ("gzip, gzip", gzip(&gzip(&body))),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
        ] {
            assert_eq!(unpacked(&headers(encoding), packed, 100), Ok(body.clone()), "{encoding}");
        }
        assert_eq!(unpacked(&HeaderMap::new(), body.clone(), 100), Ok(body.clone()));
        assert!(unpacked(&headers("br"), body.clone(), 100).is_err_and(|why| why.contains("`br`")));
        assert!(unpacked(&headers("gzip"), body, 100).is_err_and(|why| why.contains("unpacked")));
    }

    #[test]
    fn a_small_body_cannot_become_a_large_one() {
        let bomb = gzip(&vec![0; 8 << 20]);
        assert!(bomb.len() < 20_000);
        assert_eq!(unpacked(&headers("gzip"), bomb.clone(), 1 << 20), Err(too_large(1 << 20)));
        assert!(unpacked(&headers("gzip, gzip"), gzip(&bomb), 1 << 20).is_err());
        assert_eq!(unpacked(&headers("gzip"), bomb, 8 << 20).map(|body| body.len()), Ok(8 << 20));
    }
}
