//! The ledger: torn tails, flipped bits and other damage; the moment at which a frame is on record;
//! and the order of lanes.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;
use truth::files::sums::Checksum;
use truth::record::ledger::merge::Merge;
use truth::record::ledger::reader::SegmentReader;
use truth::record::ledger::writer::SegmentWriter;
use truth::record::ledger::{Done, Foundation, Frame, Header, LedgerError, MAX_RESEND, Purpose, Scope};
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

fn header(lane: u16) -> Header {
    Header { nonce: 7, lane, boot_id: "boot".to_owned(), monotonic_ns: 1, utc_ms: 2, foundation: None }
}

fn done(request: u32, t_end: u64) -> Done {
    let kinds = vec![Kind::New, Kind::Duplicate, Kind::Duplicate];
    Done {
        scope: Scope::Round(0),
        request,
        try_number: 0,
        is_final: true,
        connection: 1,
        t_planned: t_end - 2,
        t_start: t_end - 1,
        t_end,
        status: 200,
        answer: Answer { accepted: Some(3), kinds: Kinds::Each(kinds), ..Answer::bare(Outcome::Acked) },
    }
}

fn frames() -> Vec<Frame> {
    vec![
        Frame::Header(header(0)),
        Frame::Open { round: 0, t: 10 },
        Frame::Done(done(0, 20)),
        Frame::Resend { id: 1, purpose: Purpose::Resolve, ordinals: vec![3, 4] },
        Frame::Done(done(1, 30)),
        Frame::Resend { id: 2, purpose: Purpose::Replay, ordinals: vec![5] },
        Frame::Resend { id: 3, purpose: Purpose::Sentinel, ordinals: vec![u64::from(u32::MAX)] },
        Frame::Closed { t: 40 },
    ]
}

/// Returns the bytes of frames, and the end of each.
fn encoded(frames: &[Frame]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::new();
    let end_of = |frame: &Frame| {
        frame.encode(&mut bytes);
        bytes.len()
    };
    let ends = frames.iter().map(end_of).collect();
    (bytes, ends)
}

struct Segment {
    _folder: TempDir,
    path: PathBuf,
}

impl Segment {
    fn of(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("lane-000.seg");
        fs::write(&path, bytes).expect("a writable folder");
        Self { _folder: folder, path }
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(&self.path, bytes).expect("a writable folder");
    }

    /// Returns the frames before the first error, the bytes cut off, and the error's offset and
    /// reason.
    fn read(&self) -> (Vec<Frame>, u64, Option<(u64, &'static str)>) {
        let mut reader = SegmentReader::open(&self.path).expect("a readable file");
        let mut frames = Vec::new();
        for frame in reader.by_ref() {
            match frame {
                Ok(frame) => frames.push(frame),
                Err(LedgerError::Damaged { offset, reason, .. }) => {
                    return (frames, 0, Some((offset, reason)));
                }
                Err(error) => panic!("{error}"),
            }
        }
        (frames, reader.torn_bytes(), None)
    }
}

#[test]
fn a_segment_cut_anywhere_reads_as_its_whole_frames() {
    let (bytes, ends) = encoded(&frames());
    let segment = Segment::of(&[]);
    for cut in 0..=bytes.len() {
        segment.write(&bytes[..cut]);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let clean = whole.checked_sub(1).map_or(0, |last| ends[last]);
        assert_eq!(segment.read(), (frames()[..whole].to_vec(), (cut - clean) as u64, None), "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_before_good_frames_is_damage_at_its_frame() {
    let (bytes, ends) = encoded(&frames());
    let segment = Segment::of(&[]);
    let starts = [0].into_iter().chain(ends.iter().copied());
    for (frame, (start, end)) in starts.zip(ends.iter().copied()).enumerate().take(ends.len() - 1) {
        for bit in start * 8..end * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            segment.write(&flipped);
            let expected = Some((start as u64, "good frames follow a bad one"));
            assert_eq!(segment.read(), (frames()[..frame].to_vec(), 0, expected), "bit {bit}");
        }
    }
}

#[test]
fn a_good_frame_far_behind_a_bad_one_is_found() {
    let ordinals = (0..MAX_RESEND as u64).collect();
    let long = Frame::Resend { id: 1, purpose: Purpose::Resolve, ordinals };
    let (mut bytes, ends) = encoded(&[Frame::Header(header(0)), long, Frame::Closed { t: 40 }]);
    bytes[ends[0] + 3] ^= 1;
    let expected = Some((ends[0] as u64, "good frames follow a bad one"));
    assert_eq!(Segment::of(&bytes).read(), (vec![Frame::Header(header(0))], 0, expected));
}

#[test]
fn a_flipped_bit_in_the_last_frame_cuts_it_off() {
    let (bytes, ends) = encoded(&frames());
    let segment = Segment::of(&[]);
    let last = ends[ends.len() - 2];
    for bit in last * 8..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        segment.write(&flipped);
        let (found, torn, damage) = segment.read();
        assert_eq!(
            (found.len(), torn, damage),
            (ends.len() - 1, (bytes.len() - last) as u64, None),
            "bit {bit}"
        );
    }
}

#[test]
fn a_tail_of_rubbish_is_cut_unless_no_write_could_have_left_it() {
    let (bytes, _) = encoded(&frames());
    let segment = Segment::of(&[]);
    for rubbish in [0x00, 0x04, 0x41, 0xff] {
        for length in [1, 2, 3, 6, 7, 8, 100, 5_000] {
            segment.write(&[bytes.clone(), vec![rubbish; length]].concat());
            assert_eq!(segment.read(), (frames(), length as u64, None), "{length} times {rubbish}");
        }
    }
    segment.write(&[bytes.clone(), vec![0xff; 300_000]].concat());
    let expected = Some((bytes.len() as u64, "the unreadable tail is longer than one torn write"));
    assert_eq!(segment.read(), (frames(), 0, expected));
}

#[test]
fn an_empty_segment_has_no_frames() {
    assert_eq!(Segment::of(&[]).read(), (vec![], 0, None));
}

/// Computes CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (if crc & 1 == 1 { 0x82f6_3b78 } else { 0 });
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Returns a complete frame of any kind and body.
fn sealed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u16).to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&crc32c(&bytes).to_le_bytes());
    bytes
}

#[test]
fn a_whole_frame_that_is_not_understood_is_never_cut_off() {
    let (bytes, ends) = encoded(&frames());
    let mut of_version_2 = bytes[3..ends[0] - 4].to_vec();
    assert_eq!(sealed(1, &of_version_2), bytes[..ends[0]], "the test seals as the writer does");
    of_version_2[8] = 2;
    let stranger = "a complete frame has a kind or version that this build does not know";
    for (bad, at) in [
        (sealed(1, &of_version_2), 0),
        ([bytes.clone(), sealed(6, b"later")].concat(), bytes.len()),
        ([bytes.clone(), sealed(2, b"no 16 bytes")].concat(), bytes.len()),
    ] {
        let (_, torn, damage) = Segment::of(&bad).read();
        assert_eq!((torn, damage), (0, Some((at as u64, stranger))));
    }
}

#[test]
fn a_segment_begins_with_its_one_header() {
    let (bytes, ends) = encoded(&frames());
    let reason = "a segment has one header, at its start";
    let headless = Segment::of(&bytes[ends[0]..]);
    assert_eq!(headless.read(), (vec![], 0, Some((0, reason))));
    let twice = Segment::of(&[&bytes[..ends[1]], &bytes].concat());
    assert_eq!(twice.read(), (frames()[..2].to_vec(), 0, Some((ends[1] as u64, reason))));
}

#[test]
fn kinds_with_an_unknown_one_take_four_bits_each_and_the_others_two_as_before() {
    let encoded = |kinds: &[Kind]| {
        let answer = Answer { kinds: Kinds::Each(kinds.to_vec()), ..Answer::bare(Outcome::Acked) };
        let mut bytes = Vec::new();
        Frame::Done(Done { answer, ..done(0, 20) }).encode(&mut bytes);
        bytes.truncate(bytes.len() - 4);
        bytes
    };
    let decided = encoded(&[Kind::New, Kind::Duplicate, Kind::Rejected]);
    assert!(decided.ends_with(&[2, 3, 3, 0, 0b11_01_00]), "{decided:?}");
    let mut open = encoded(&[Kind::New, Kind::Unknown, Kind::Rejected]);
    assert!(open.ends_with(&[2, 4, 3, 0, 0x40, 0x03]), "{open:?}");
    assert!(Frame::decode(open[2], &open[3..]).is_some());
    *open.last_mut().unwrap() = 0x05;
    assert_eq!(Frame::decode(open[2], &open[3..]), None, "there is no such kind");
}

fn answers() -> impl Strategy<Value = Answer> {
    let outcome = prop::sample::select(vec![
        Outcome::NeverSent,
        Outcome::Rejected,
        Outcome::Acked,
        Outcome::Unknown,
        Outcome::Unclear,
    ]);
    let kind =
        prop::sample::select(vec![Kind::New, Kind::Duplicate, Kind::Accepted, Kind::Rejected, Kind::Unknown]);
    let kinds = prop_oneof![
        Just(Kinds::Unreported),
        Just(Kinds::AllNew),
        Just(Kinds::AllDuplicate),
        prop::collection::vec(kind, 0..70).prop_map(Kinds::Each),
    ];
    let count = prop::option::of(any::<u32>());
    let excerpt = prop::option::of("\\PC{1,120}");
    (outcome, count.clone(), count.clone(), count, kinds, excerpt).prop_map(
        |(outcome, accepted, inserted, duplicates, kinds, excerpt)| Answer {
            outcome,
            accepted,
            inserted,
            duplicates,
            kinds,
            excerpt: excerpt.filter(|_| outcome == Outcome::Unclear).map(String::into_boxed_str),
        },
    )
}

fn any_done() -> impl Strategy<Value = Done> {
    let scope = prop_oneof![any::<u64>().prop_map(Scope::Round), any::<u32>().prop_map(Scope::Resend)];
    let numbers = (any::<u32>(), any::<u16>(), any::<bool>(), any::<u32>(), any::<[u64; 3]>(), any::<u16>());
    (scope, numbers, answers()).prop_map(|(scope, numbers, answer)| {
        let (request, try_number, is_final, connection, [t_planned, t_start, t_end], status) = numbers;
        Done { scope, request, try_number, is_final, connection, t_planned, t_start, t_end, status, answer }
    })
}

proptest! {
    #[test]
    fn a_done_reads_as_it_was_written(done in any_done()) {
        let frame = Frame::Done(done);
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let body = &bytes[3..bytes.len() - 4];
        prop_assert_eq!(Frame::decode(bytes[2], body), Some(frame));
        prop_assert_eq!(Frame::decode(bytes[2], &body[..body.len() - 1]), None, "a byte short");
        prop_assert_eq!(Frame::decode(bytes[2], &[body, &[0]].concat()), None, "a byte long");
    }

    #[test]
    fn no_body_makes_the_decoder_panic(kind: u8, body in prop::collection::vec(any::<u8>(), 0..120)) {
        for kind in [kind, kind % 6] {
            let _ = Frame::decode(kind, &body);
        }
    }
}

/// Returns the frames of a segment that was written with a foundation and closed, each as bytes.
fn closed() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("lane-000.seg");
    let foundation = Some(Foundation { run: Checksum([1; 32]), baseline: None });
    let header = Header { foundation, ..header(0) };
    let mut writer = SegmentWriter::create(&path, header).expect("a new segment");
    writer.open(0, 10).expect("a writable folder");
    for request in 0..4 {
        writer.done(done(request, 20)).expect("a writable folder");
    }
    writer.close(30).expect("a writable folder");
    let mut rest = &fs::read(&path).expect("a readable file")[..];
    let mut frames = Vec::new();
    while let Some(length) = rest.first_chunk::<2>() {
        let (frame, behind) = rest.split_at(usize::from(u16::from_le_bytes(*length)) + 7);
        frames.push(frame.to_vec());
        rest = behind;
    }
    frames
}

/// Returns the error of reading these frames.
fn error_of(frames: &[Vec<u8>]) -> Option<LedgerError> {
    let segment = Segment::of(&frames.concat());
    SegmentReader::open(&segment.path).expect("a readable file").find_map(Result::err)
}

#[test]
fn the_chain_is_the_checksum_of_the_checksums() {
    let frames = closed();
    let (last, before) = frames.split_last().unwrap();
    let checksums: Vec<u8> = before.iter().flat_map(|frame| *frame.last_chunk::<4>().unwrap()).collect();
    assert_eq!(last[11..15], crc32c::crc32c(&checksums).to_le_bytes());
    assert!(error_of(&frames).is_none());
}

#[test]
fn a_closed_segment_tells_frames_that_were_removed_doubled_or_moved() {
    let frames = closed();
    for at in 1..frames.len() - 1 {
        let mut removed = frames.clone();
        removed.remove(at);
        let mut doubled = frames.clone();
        doubled.insert(at, frames[at].clone());
        let mut moved = frames.clone();
        moved.swap(at, at % 4 + 1);
        for (changed, how) in [(removed, "removed"), (doubled, "doubled"), (moved, "moved")] {
            let error = error_of(&changed);
            let is_told = matches!(error, Some(LedgerError::Altered { .. }));
            assert!(is_told || changed == frames, "{how} {at}: {error:?}");
        }
    }
}

#[test]
fn a_bad_frame_is_an_altered_segment_only_where_the_segment_is_closed() {
    let mut frames = closed();
    frames[2][5] ^= 1;
    let error = error_of(&frames).unwrap();
    assert!(matches!(error, LedgerError::Altered { .. }), "{error}");
    assert!(error.to_string().contains("copy the whole run folder again"), "{error}");
    frames.pop();
    assert!(matches!(error_of(&frames), Some(LedgerError::Damaged { .. })));
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).expect("a readable file").len()
}

#[test]
fn what_must_be_on_record_is_in_the_file_when_the_call_returns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lane-000.seg");
    let on_record = |path: &Path| SegmentReader::open(path).unwrap().map(Result::unwrap).count();
    let mut writer = SegmentWriter::create(&path, header(0)).unwrap();
    assert_eq!(on_record(&path), 1, "the header, so that an empty lane has one");
    writer.open(0, 10).unwrap();
    assert_eq!(on_record(&path), 2, "a round, before its first byte leaves");
    writer.done(done(0, 20)).unwrap();
    assert_eq!(on_record(&path), 2, "a final try may wait");
    writer.done(Done { is_final: false, ..done(1, 30) }).unwrap();
    assert_eq!(on_record(&path), 4, "a try that another follows may not, and takes the others along");
    writer.done(done(1, 40)).unwrap();
    writer.extra(1, Purpose::Resolve, &[1, 2]).unwrap();
    assert_eq!(on_record(&path), 6, "a list of keys, before its first byte leaves");
    writer.done(done(2, 50)).unwrap();
    writer.flush().unwrap();
    assert_eq!(on_record(&path), 7, "whatever is flushed");
    let before = length(&path);
    while length(&path) == before {
        writer.done(done(3, 60)).unwrap();
    }
    assert!(length(&path) - before < 70_000, "what waits is bounded");
    let waiting = on_record(&path);
    writer.done(done(4, 70)).unwrap();
    writer.close(80).unwrap();
    assert_eq!(on_record(&path), waiting + 2, "an end in order");
}

#[test]
fn a_segment_is_never_written_over() {
    let segment = Segment::of(b"of an earlier run");
    let error = SegmentWriter::create(&segment.path, header(0)).unwrap_err();
    assert!(matches!(error, LedgerError::Io { action: "create", .. }), "{error}");
    assert_eq!(fs::read(&segment.path).unwrap(), b"of an earlier run");
}

#[test]
fn a_long_list_of_keys_is_cut_into_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lane-000.seg");
    let ordinals: Vec<u64> = (0..2 * MAX_RESEND as u64 + 1).collect();
    let mut writer = SegmentWriter::create(&path, header(0)).unwrap();
    writer.extra(9, Purpose::Replay, &ordinals).unwrap();
    let mut lists = Vec::new();
    for frame in SegmentReader::open(&path).unwrap().skip(1) {
        match frame.unwrap() {
            Frame::Resend { id: 9, purpose: Purpose::Replay, ordinals } => lists.push(ordinals),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_RESEND, MAX_RESEND, 1]);
    assert_eq!(lists.concat(), ordinals);
}

/// Writes segments of these frames, each after a header.
fn lanes(folder: &TempDir, lanes: &[&[Frame]]) -> Vec<PathBuf> {
    let write = |(lane, frames): (usize, &&[Frame])| {
        let path = folder.path().join(format!("lane-{lane:03}.seg"));
        let all: Vec<Frame> =
            [Frame::Header(header(lane as u16))].into_iter().chain(frames.to_vec()).collect();
        fs::write(&path, encoded(&all).0).expect("a writable folder");
        path
    };
    lanes.iter().enumerate().map(write).collect()
}

#[test]
fn lanes_are_merged_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let extra = Frame::Resend { id: 1, purpose: Purpose::Resolve, ordinals: vec![5] };
    let first = [Frame::Open { round: 0, t: 10 }, Frame::Done(done(0, 40)), Frame::Closed { t: 60 }];
    let second = [Frame::Open { round: 1, t: 20 }, extra, Frame::Done(done(0, 30)), Frame::Done(done(1, 40))];
    let paths = lanes(&folder, &[&first, &second, &[]]);
    let torn = fs::read(&paths[2]).unwrap();
    fs::write(&paths[2], [&torn[..], &[1, 2, 3]].concat()).unwrap();
    let mut merge = Merge::open(&paths).unwrap();
    let order: Vec<(usize, Option<u64>)> =
        merge.by_ref().map(Result::unwrap).map(|merged| (merged.segment, merged.frame.t())).collect();
    let t = Some;
    let none = None;
    let expected = [
        (0, t(1)),
        (1, t(1)),
        (2, t(1)),
        (0, t(10)),
        (1, t(20)),
        (1, none),
        (1, t(30)),
        (0, t(40)),
        (1, t(40)),
        (0, t(60)),
    ];
    assert_eq!(order, expected);
    assert_eq!(merge.torn_bytes(), 3);
}

#[test]
fn frames_out_of_order_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let paths =
        lanes(&folder, &[&[Frame::Done(done(0, 40)), Frame::Done(done(1, 39))], &[Frame::Closed { t: 50 }]]);
    let mut merge = Merge::open(&paths).unwrap();
    let good: Vec<Option<u64>> =
        merge.by_ref().map_while(Result::ok).map(|merged| merged.frame.t()).collect();
    assert_eq!(good, [Some(1), Some(1), Some(40)], "what came before it");
    assert!(merge.next().is_none(), "nothing is read on past damage");
    let error = Merge::open(&paths).unwrap().find_map(Result::err).unwrap().to_string();
    assert!(error.contains("lane-000.seg") && error.contains("older than the one before"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_merge_loses_nothing_and_keeps_to_time(
        mut times in prop::collection::vec(prop::collection::vec(1..50_u64, 0..12), 1..5),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut all: Vec<(u64, usize)> = Vec::new();
        let mut frames = Vec::new();
        for (lane, times) in times.iter_mut().enumerate() {
            times.sort_unstable();
            all.push((1, lane));
            all.extend(times.iter().map(|t| (*t, lane)));
            frames.push(times.iter().map(|t| Frame::Open { round: 0, t: *t }).collect::<Vec<_>>());
        }
        let slices: Vec<&[Frame]> = frames.iter().map(Vec::as_slice).collect();
        let merged: Vec<(u64, usize)> = Merge::open(&lanes(&folder, &slices))
            .expect("segments")
            .map(|merged| merged.expect("a frame"))
            .map(|merged| (merged.frame.t().expect("no lists here"), merged.segment))
            .collect();
        all.sort_unstable();
        prop_assert_eq!(merged, all);
    }
}
