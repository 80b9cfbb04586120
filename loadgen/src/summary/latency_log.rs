//! `latency.hlog`: both histograms in the interval log format of HdrHistogram. Its tools can plot
//! them, and those of several shards merge exactly.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use jiff::Timestamp;
use truth::files::FolderError;

use crate::meter::latency::Latencies;

/// Divisor of the log's maximum, which is stated in milliseconds while values are microseconds.
const MICROS_PER_MILLI: f64 = 1000.0;

/// Writes the log.
pub(super) fn write(
    path: &Path,
    started: Timestamp,
    duration_s: f64,
    latencies: &Latencies,
) -> Result<(), FolderError> {
    let refuse = |source| FolderError::Io { action: "write", path: path.to_path_buf(), source };
    let mut file = BufWriter::new(File::create(path).map_err(refuse)?);
    let mut serializer = V2DeflateSerializer::new();
    let begun = SystemTime::from(started);
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("onceproof loadgen: latencies in microseconds")
        .with_start_time(begun)
        .with_base_time(begun)
        .with_max_value_divisor(MICROS_PER_MILLI)
        .begin_log_with(&mut file, &mut serializer)
        .map_err(refuse)?;
    for (name, histogram) in [("response", &latencies.response), ("service", &latencies.service)] {
        let duration = Duration::from_secs_f64(duration_s);
        log.write_histogram(histogram, Duration::ZERO, duration, Tag::new(name))
            .map_err(|error| refuse(std::io::Error::other(format!("{error:?}"))))?;
    }
    file.flush().map_err(refuse)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    #[test]
    fn the_log_reads_back_as_the_same_histograms() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latency.hlog");
        let mut latencies = Latencies::default();
        latencies.record(0, 1_000_000, 7_000_000);
        write(&path, Timestamp::UNIX_EPOCH, 1.5, &latencies).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let mut found = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            if let LogEntry::Interval(interval) = entry.unwrap() {
                let coded = base64_of(interval.encoded_histogram());
                let histogram: hdrhistogram::Histogram<u64> =
                    Deserializer::new().deserialize(&mut coded.as_slice()).unwrap();
                found.push((interval.tag().unwrap().as_str().to_owned(), histogram.max()));
            }
        }
        let expected = [
            ("response".to_owned(), latencies.response.max()),
            ("service".to_owned(), latencies.service.max()),
        ];
        assert_eq!(found, expected);
    }

    /// Decodes standard base64, so that no library is needed for one test.
    fn base64_of(text: &str) -> Vec<u8> {
        let digit = |byte: u8| match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(digit).collect();
        let bits = digits.iter().flat_map(|digit| (0..6).rev().map(move |bit| (digit >> bit) & 1));
        let bits: Vec<u8> = bits.collect();
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| (all << 1) | bit)).collect()
    }
}
