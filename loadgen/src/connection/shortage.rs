//! Shortage: something that this machine lacks, so that no connection can open. The target has no
//! part in it.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use schemars::JsonSchema;
use serde::Serialize;

/// Something that this machine lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shortage {
    /// File descriptors of this process.
    Files,
    /// File descriptors of the machine.
    FilesOfMachine,
    /// Local ports towards this address.
    Ports,
    /// Memory of the network.
    Buffers,
}

/// All shortages.
const ALL: [Shortage; 4] = [Shortage::Files, Shortage::FilesOfMachine, Shortage::Ports, Shortage::Buffers];

impl Shortage {
    /// Returns the shortage that an error tells of; none if it tells of the other end or of the way.
    /// `to` is the address that the connection was to go to, if it has one.
    pub(crate) fn of(error: &io::Error, to: Option<SocketAddr>) -> Option<Self> {
        match Errno::from_io_error(error)? {
            Errno::MFILE => Some(Self::Files),
            Errno::NFILE => Some(Self::FilesOfMachine),
            // The same error says that no address of this machine can reach the other one.
            Errno::ADDRNOTAVAIL if to.is_none_or(has_a_way_to) => Some(Self::Ports),
            Errno::NOBUFS => Some(Self::Buffers),
            _ => None,
        }
    }

    /// Returns the name of its error.
    fn error(self) -> &'static str {
        match self {
            Self::Files => "EMFILE",
            Self::FilesOfMachine => "ENFILE",
            Self::Ports => "EADDRNOTAVAIL",
            Self::Buffers => "ENOBUFS",
        }
    }

    /// Returns the shortage in words, with the name of its error.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Files => "no free file descriptor in this process (EMFILE)",
            Self::FilesOfMachine => "no free file descriptor on this machine (ENFILE)",
            Self::Ports => "no free local port (EADDRNOTAVAIL)",
            Self::Buffers => "no memory for the network on this machine (ENOBUFS)",
        }
    }

    /// Returns the remedy.
    pub(crate) fn way_out(self) -> &'static str {
        match self {
            Self::Files => "raise the limit with `ulimit -n`, or use fewer connections (-c)",
            Self::FilesOfMachine => {
                "raise it with `sysctl fs.file-max`, or end programs that hold many files"
            }
            Self::Ports => {
                "leave connections open (no --requests-per-connection), or widen the range with `sysctl \
                 net.ipv4.ip_local_port_range`; ports are free again a minute after their connection"
            }
            Self::Buffers => "free memory of this machine, or use fewer connections (-c)",
        }
    }
}

/// True if this machine has an address from which the other one can be reached. A socket without
/// connections finds out, and needs none of the ports in question.
fn has_a_way_to(address: SocketAddr) -> bool {
    let from: SocketAddr = if address.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
    UdpSocket::bind(from).and_then(|socket| socket.connect(address)).is_ok()
}

/// Tries to connect that failed for want of something on this machine, by its error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Shortages {
    /// No free file descriptor in the process: `ulimit -n`.
    emfile: u64,
    /// No free file descriptor on the machine: `sysctl fs.file-max`.
    enfile: u64,
    /// No free local port: `sysctl net.ipv4.ip_local_port_range`.
    eaddrnotavail: u64,
    /// No memory for the network.
    enobufs: u64,
}

impl Shortages {
    fn count(&self, shortage: Shortage) -> u64 {
        match shortage {
            Shortage::Files => self.emfile,
            Shortage::FilesOfMachine => self.enfile,
            Shortage::Ports => self.eaddrnotavail,
            Shortage::Buffers => self.enobufs,
        }
    }

    /// Returns the count of each shortage, by the name of its error.
    pub(crate) fn by_error(&self) -> [(&'static str, u64); ALL.len()] {
        ALL.map(|shortage| (shortage.error(), self.count(shortage)))
    }

    /// Returns the shortages that were met, each with its count.
    pub(crate) fn met(&self) -> impl Iterator<Item = Met> {
        let counted = ALL.map(|shortage| Met { shortage, count: self.count(shortage) });
        counted.into_iter().filter(|met| met.count > 0)
    }

    /// Returns the shortage that was met most often.
    pub(crate) fn worst(&self) -> Option<Shortage> {
        self.met().max_by_key(|met| met.count).map(|met| met.shortage)
    }
}

/// Shortage that was met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Met {
    pub(crate) shortage: Shortage,
    pub(crate) count: u64,
}

/// Count of shortages, shared by all lanes.
#[derive(Debug, Default)]
pub(super) struct Shared([AtomicU64; ALL.len()]);

impl Shared {
    pub(super) fn add(&self, shortage: Shortage) {
        self.0[shortage as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn so_far(&self) -> Shortages {
        let count = |shortage: Shortage| self.0[shortage as usize].load(Ordering::Relaxed);
        Shortages {
            emfile: count(Shortage::Files),
            enfile: count(Shortage::FilesOfMachine),
            eaddrnotavail: count(Shortage::Ports),
            enobufs: count(Shortage::Buffers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(errno: Errno, to: &str) -> Option<Shortage> {
        Shortage::of(&errno.into(), Some(to.parse().unwrap()))
    }

    #[test]
    fn errors_of_this_machine_are_told_from_those_of_the_target() {
        let here = "127.0.0.1:80";
        assert_eq!(of(Errno::MFILE, here), Some(Shortage::Files));
        assert_eq!(of(Errno::NFILE, here), Some(Shortage::FilesOfMachine));
        assert_eq!(of(Errno::ADDRNOTAVAIL, here), Some(Shortage::Ports));
        assert_eq!(of(Errno::NOBUFS, here), Some(Shortage::Buffers));
        for errno in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::TIMEDOUT, Errno::HOSTUNREACH] {
            assert_eq!(of(errno, here), None);
        }
        assert_eq!(Shortage::of(&io::ErrorKind::AddrNotAvailable.into(), None), None, "not of the system");
    }

    #[test]
    fn an_address_without_a_way_to_it_is_no_want_of_ports() {
        // A link-local address without its interface is one that nobody can reach.
        assert_eq!(of(Errno::ADDRNOTAVAIL, "[fe80::1]:80"), None);
    }

    #[test]
    fn the_worst_is_what_was_met_most_often() {
        let shared = Shared::default();
        assert_eq!(shared.so_far().worst(), None);
        for shortage in [Shortage::Ports, Shortage::Files, Shortage::Ports] {
            shared.add(shortage);
        }
        let met: Vec<Met> = shared.so_far().met().collect();
        let expected = [(Shortage::Files, 1), (Shortage::Ports, 2)];
        assert_eq!(met, expected.map(|(shortage, count)| Met { shortage, count }));
        assert_eq!(shared.so_far().worst(), Some(Shortage::Ports));
        let by_error = shared.so_far().by_error();
        assert_eq!(by_error, [("EMFILE", 1), ("ENFILE", 0), ("EADDRNOTAVAIL", 2), ("ENOBUFS", 0)]);
        assert!(ALL.iter().all(|one| one.text().ends_with(&format!("({})", one.error()))));
    }
}
