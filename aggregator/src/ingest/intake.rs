//! Memory of bodies that arrive. A slow client holds it for long, and many clients together could
//! hold all of the machine's.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes of each body that are not counted. Its connection holds as much anyway, and small requests
/// are served while large ones fill the memory.
const SMALL_BYTES: usize = 16 * 1024;

/// Memory that all bodies share while they arrive.
#[derive(Debug)]
pub(crate) struct Intake {
    /// One permit a byte.
    room: Semaphore,
    size: usize,
}

/// A body, as far as it has arrived.
#[derive(Debug)]
pub(crate) struct Arriving<'a> {
    bytes: Vec<u8>,
    most: usize,
    intake: &'a Intake,
    share: Share<'a>,
}

/// A body's share of the memory, freed when dropped. A small body has none.
pub(crate) type Share<'a> = Option<SemaphorePermit<'a>>;

/// Reasons to refuse a part of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// The body is larger than allowed.
    TooLarge,
    /// Other bodies hold the memory.
    Full,
}

impl Intake {
    pub(crate) fn new(size: usize) -> Self {
        Self { room: Semaphore::new(size), size }
    }

    /// Number of bytes in use.
    pub(crate) fn taken(&self) -> usize {
        self.size - self.room.available_permits()
    }

    /// Begins a body of at most `most` bytes.
    pub(crate) fn begin(&self, most: usize) -> Arriving<'_> {
        Arriving { bytes: Vec::new(), most, intake: self, share: None }
    }
}

impl<'a> Arriving<'a> {
    pub(crate) fn add(&mut self, part: &[u8]) -> Result<(), NotTaken> {
        let held = self.bytes.capacity();
        let needed = self.bytes.len() + part.len();
        if needed > self.most {
            return Err(NotTaken::TooLarge);
        }
        if needed > held {
            // By doubling, so that no byte is moved often, but never beyond the largest size.
            let grown = needed.max(2 * held).min(self.most);
            self.claim(counted(grown) - counted(held))?;
            self.bytes.reserve_exact(grown - self.bytes.len());
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    fn claim(&mut self, bytes: usize) -> Result<(), NotTaken> {
        if bytes == 0 {
            return Ok(());
        }
        let bytes = u32::try_from(bytes).map_err(|_| NotTaken::TooLarge)?;
        let more = self.intake.room.try_acquire_many(bytes).map_err(|_| NotTaken::Full)?;
        match &mut self.share {
            Some(share) => share.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    /// Returns the body and its share.
    pub(crate) fn end(self) -> (Vec<u8>, Share<'a>) {
        (self.bytes, self.share)
    }
}

fn counted(bytes: usize) -> usize {
    bytes.saturating_sub(SMALL_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_small_bodies_pass() {
        let intake = Intake::new(150_000);
        let part = [b'x'; 10_000];
        let mut large = intake.begin(100_000);
        for _ in 0..10 {
            large.add(&part).unwrap();
        }
        let taken = intake.taken();
        assert_eq!(taken, 100_000 - SMALL_BYTES);
        let mut other = intake.begin(150_000);
        other.add(&part).unwrap();
        assert_eq!((0..10).find_map(|_| other.add(&part).err()), Some(NotTaken::Full));
        drop(other);
        assert_eq!(intake.taken(), taken);

        let (bytes, share) = large.end();
        assert_eq!(bytes.len(), 100_000);
        assert_eq!(intake.taken(), taken, "until the body is dropped");
        drop(share);
        assert_eq!(intake.taken(), 0);
    }

    #[test]
    fn a_body_takes_no_more_than_it_may_have() {
        let intake = Intake::new(100_000 - SMALL_BYTES);
        let mut body = intake.begin(100_000);
        for _ in 0..3 {
            body.add(&[b'x'; 30_000]).unwrap();
        }
        assert_eq!(body.add(&[b'x'; 10_001]), Err(NotTaken::TooLarge));
        body.add(&[b'x'; 10_000]).unwrap();
        assert_eq!(body.end().0.capacity(), 100_000);
    }
}
