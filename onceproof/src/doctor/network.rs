//! Ports, the tracking of connections, and the queue of new ones.

use truth::numbers::grouped;

use super::finding::Finding;
use super::machine::Machine;

/// Ports for clients that a run needs which opens many connections.
const PORTS: u64 = 16_384;

/// Connections that the kernel must be able to track besides those it tracks now.
const TRACKED: u64 = 65_536;

/// Connections that may wait until a target on this machine takes them.
const BACKLOG: u64 = 1_024;

/// Ports that the system gives to clients, and those that wait for their end.
pub(super) fn ports(machine: &Machine) -> Finding {
    const NAME: &str = "ports";
    let range = machine.text("proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let bounds: Vec<u64> = range.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [first, last] = bounds[..] else { return Finding::untold(NAME, "the range of client ports") };
    let ports = last.saturating_add(1).saturating_sub(first);
    let waiting = waiting(machine);
    let seen = format!(
        "{} from {first} to {last}, expected {} or more; closed connections still hold {} of them",
        grouped(ports),
        grouped(PORTS),
        grouped(waiting)
    );
    let remedy = if ports < PORTS {
        "widen the range: `sysctl -w net.ipv4.ip_local_port_range='16384 65535'`"
    } else {
        "wait a minute for the ports of an earlier run, and keep connections alive"
    };
    Finding::judged(NAME, ports >= PORTS && waiting < ports / 2, seen, remedy)
}

/// Returns the number of connections in TIME_WAIT.
fn waiting(machine: &Machine) -> u64 {
    let line = machine.after("proc/net/sockstat", "TCP:").unwrap_or_default();
    let mut words = line.split_whitespace().skip_while(|word| *word != "tw").skip(1);
    words.next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Use of a port again while it waits for its end.
pub(super) fn reuse(machine: &Machine) -> Finding {
    const NAME: &str = "tw_reuse";
    let remedy = "a run with short connections may run out of ports: `sysctl -w net.ipv4.tcp_tw_reuse=1`, or keep \
                  connections alive";
    match machine.value("proc/sys/net/ipv4/tcp_tw_reuse") {
        None => Finding::untold(NAME, "tcp_tw_reuse"),
        Some(0_u32) => Finding::warning(NAME, "off", remedy),
        Some(1) => Finding::ok(NAME, "on"),
        Some(_) => Finding::ok(NAME, "on for this machine's own addresses"),
    }
}

/// Room for connections in the table of the kernel's packet filter.
pub(super) fn tracking(machine: &Machine) -> Finding {
    const NAME: &str = "conntrack";
    let value = |name: &str| machine.value::<u64>(&format!("proc/sys/net/netfilter/nf_conntrack_{name}"));
    if machine.has("proc/sys/net") && !machine.has("proc/sys/net/netfilter") {
        return Finding::ok(NAME, "no connections are tracked");
    }
    let (Some(limit), Some(count)) = (value("max"), value("count")) else {
        return Finding::untold(NAME, "the table of tracked connections");
    };
    let room = limit.saturating_sub(count);
    let seen = format!(
        "{} of at most {} connections are tracked, expected room for {} more",
        grouped(count),
        grouped(limit),
        grouped(TRACKED)
    );
    let remedy =
        "a full table drops packets without a word: `sysctl -w net.netfilter.nf_conntrack_max=262144`";
    Finding::judged(NAME, room >= TRACKED, seen, remedy)
}

/// Queue of connections that a server on this machine has not taken yet.
pub(super) fn backlog(machine: &Machine) -> Finding {
    const NAME: &str = "backlog";
    let Some(backlog) = machine.value::<u64>("proc/sys/net/core/somaxconn") else {
        return Finding::untold(NAME, "the longest queue of new connections");
    };
    let seen =
        format!("{} new connections may wait, expected {} or more", grouped(backlog), grouped(BACKLOG));
    let remedy = "connections that begin together may time out: `sysctl -w net.core.somaxconn=4096`";
    Finding::judged(NAME, backlog >= BACKLOG, seen, remedy)
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::machine;
    use super::*;

    fn ports_of(range: &str, waiting: u64) -> Finding {
        let sockets = format!("sockets: used 9\nTCP: inuse 3 orphan 0 tw {waiting} alloc 5 mem 1\n");
        let (machine, _root) =
            machine(&[("proc/sys/net/ipv4/ip_local_port_range", range), ("proc/net/sockstat", &sockets)]);
        ports(&machine)
    }

    #[test]
    fn a_narrow_range_and_one_that_is_used_up_are_told_with_their_remedies() {
        assert!(!ports_of("32768\t60999\n", 100).is_warning());
        assert!(!ports_of("40000\t56383\n", 0).is_warning());
        let narrow = ports_of("40000\t56382\n", 0);
        assert!(narrow.is_warning() && narrow.to_string().contains("widen the range"), "{narrow}");
        let used = ports_of("32768\t60999\n", 14_116);
        assert!(used.is_warning() && used.to_string().contains("wait a minute"), "{used}");
    }

    #[test]
    fn ports_that_are_never_used_again_early_are_a_warning() {
        let kept = |text: &str| {
            let (machine, _root) = machine(&[("proc/sys/net/ipv4/tcp_tw_reuse", text)]);
            reuse(&machine).is_warning()
        };
        assert_eq!(["0", "1", "2"].map(kept), [true, false, false]);
        let (without, _root) = machine(&[]);
        assert!(reuse(&without).to_string().starts_with("-     tw_reuse"));
    }

    #[test]
    fn a_table_of_connections_needs_room() {
        let tracking_of = |count: &str| {
            let (machine, _root) = machine(&[
                ("proc/sys/net/netfilter/nf_conntrack_max", "131072"),
                ("proc/sys/net/netfilter/nf_conntrack_count", count),
            ]);
            tracking(&machine).is_warning()
        };
        assert!(!tracking_of("65536"));
        assert!(tracking_of("65537"));
        let (without, _root) = machine(&[("proc/sys/net/core/somaxconn", "128")]);
        assert_eq!(tracking(&without), Finding::ok("conntrack", "no connections are tracked"));
        let (elsewhere, _root) = machine(&[]);
        assert!(tracking(&elsewhere).to_string().starts_with("-     conntrack"));
    }

    #[test]
    fn a_short_queue_is_a_warning() {
        let backlog_of = |text: &str| {
            let (machine, _root) = machine(&[("proc/sys/net/core/somaxconn", text)]);
            backlog(&machine).is_warning()
        };
        assert!(backlog_of("128") && !backlog_of("4096"));
    }
}
