//! The disk that results are written to: room, and the time of a write that is made durable.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::statvfs;
use truth::numbers::grouped;

use super::finding::Finding;
use super::machine::Machine;

/// Room that a run of some ten million events needs, with the target's files beside it.
const ROOM_MIB: u64 = 2_048;

/// Writes that are timed.
const WRITES: usize = 15;

/// Longest time of a durable write, by the median.
const SLOW: Duration = Duration::from_millis(20);

const BLOCK: [u8; 4096] = [0; 4096];

/// Looks at the disk of a folder, or of the folder in which it would be made.
pub(super) fn look(machine: &Machine, results: &Path) -> Vec<Finding> {
    let place = existing(results);
    if place.is_dir() {
        return vec![room(machine, &place), durable(&place)];
    }
    let seen = format!("{} is a file, expected a folder", place.display());
    vec![Finding::warning("disk", seen, "remove it, or choose another folder with --out")]
}

fn room(machine: &Machine, folder: &Path) -> Finding {
    const NAME: &str = "disk";
    let mib = match statvfs(folder) {
        Ok(found) => (found.f_bavail.saturating_mul(found.f_frsize)) >> 20,
        Err(error) => {
            let seen = format!("{} cannot be looked at: {error}", folder.display());
            return Finding::warning(NAME, seen, "choose another folder with --out");
        }
    };
    let kind = kind(machine, folder).map_or_else(String::new, |kind| format!(" ({kind})"));
    let place = folder.display();
    let seen = format!("{} MiB free in {place}{kind}, expected {} or more", grouped(mib), grouped(ROOM_MIB));
    let remedy = "remove old run folders, or choose another folder with --out: a full disk ends a run";
    Finding::judged(NAME, mib >= ROOM_MIB, seen, remedy)
}

fn durable(folder: &Path) -> Finding {
    const NAME: &str = "fsync";
    match median(folder) {
        Ok(time) => {
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            let seen = format!("{:.2} ms (median of {WRITES}), expected {} ms at most", ms(time), ms(SLOW));
            let remedy =
                "a target that stores durably on this disk is as slow as that: put its files on a faster one";
            Finding::judged(NAME, time <= SLOW, seen, remedy)
        }
        Err(error) => Finding::warning(
            NAME,
            format!("{} cannot be written to: {error}", folder.display()),
            "choose another folder with --out, or make this one writable",
        ),
    }
}

/// Returns the median time of a write that is made durable.
fn median(folder: &Path) -> io::Result<Duration> {
    let mut file: File = tempfile::tempfile_in(folder)?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let begun = Instant::now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[WRITES / 2])
}

/// Returns the path, or the nearest above it that is there.
fn existing(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors().find(|place| place.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// Returns the kind of the file system that a folder is on, such as `ext4`.
fn kind(machine: &Machine, folder: &Path) -> Option<String> {
    let text = machine.text("proc/self/mountinfo")?;
    let mounts = text.lines().filter_map(|line| {
        let place = line.split(' ').nth(4)?;
        let kind = line.split_once(" - ")?.1.split(' ').next()?;
        folder.starts_with(place).then_some((place.len(), kind))
    });
    // Of mounts at one place the last one is seen.
    mounts.max_by_key(|(length, _)| *length).map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::machine;
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_looked_at_where_it_would_be_made() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("a/b")), folder.path());
        let (machine, _root) = machine(&[]);
        let [room, durable] = look(&machine, &folder.path().join("results")).try_into().unwrap();
        assert!(room.to_string().contains(&folder.path().display().to_string()), "{room}");
        assert!(durable.to_string().contains(" ms (median of 15)"), "{durable}");
    }

    #[test]
    fn a_file_where_the_folder_should_be_is_a_warning() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (machine, _root) = machine(&[]);
        for place in [file.path(), &file.path().join("results")] {
            let [found] = look(&machine, place).try_into().unwrap();
            let expected = format!("{} is a file, expected a folder", file.path().display());
            assert!(found.is_warning() && found.to_string().contains(&expected), "{found}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        assert!(durable(&folder.path().join("absent")).is_warning());
    }

    #[test]
    fn the_innermost_mount_tells_the_kind() {
        let mounts = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                      30 22 0:25 / /tmp rw shared:2 - tmpfs tmpfs rw\n";
        let (machine, _root) = machine(&[("proc/self/mountinfo", mounts)]);
        assert_eq!(kind(&machine, Path::new("/tmp/results")).as_deref(), Some("tmpfs"));
        assert_eq!(kind(&machine, Path::new("/tmpest")).as_deref(), Some("ext4"));
    }
}
