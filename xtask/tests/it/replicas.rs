//! Several aggregators on one database, behind one address: together they store each event once.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use xtask::rig::aggregator;
use xtask::rig::cluster::Durability;
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Profile, Programs, Running};
use xtask::rig::scratch::Scratch;
use xtask::rig::service::Service;

use crate::stack::Server;

#[test]
fn replicas_that_are_killed_and_that_hang_are_one_target() {
    let server = Server::postgres(Durability::Fast);
    let database_url = server.database("events");
    let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
    let mut replicas = [(); 3].map(|()| aggregator::start(&programs, &database_url).unwrap());
    let address = balance(replicas.iter().map(Service::address).collect());

    let results = Scratch::new().unwrap();
    let out = results.path().to_str().unwrap();
    let scenario = xtask::rig::cargo::workspace().join("scenarios/replicas.toml");
    let arguments = format!("--scenario {} --target http://{address} --out {out}", scenario.display());
    let more = "--count 40000 --timeout 500ms";
    let arguments = arguments.split(' ').chain(more.split(' ')).map(str::to_owned);
    let mut loading = programs.start("loadgen", arguments).unwrap();

    wait_for(8_000, &replicas[2], &mut loading);
    replicas[0].kill().unwrap();
    wait_for(16_000, &replicas[2], &mut loading);
    replicas[1].pause().unwrap();
    wait_for(24_000, &replicas[2], &mut loading);
    replicas[0].restart().unwrap();
    let loaded = loading.finish().unwrap();
    assert_eq!(loaded.code, Some(0), "{}{}", loaded.stdout, loaded.stderr);
    assert!(loaded.stdout.contains(" timed_out="), "{}", loaded.stdout);
    // The replica executes the requests that it holds now: long after another replica has executed
    // the same, and after the last response.
    replicas[1].resume().unwrap();

    let verified = programs.run("verify", ["--out", out]).unwrap();
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.starts_with("PASS"), "{}", verified.stdout);
    for check in ["answer-order", "stored-twice", "routes-disagree", "counters"] {
        assert!(verified.stdout.contains(&format!("  {check:<20} ok ")), "{check}: {}", verified.stdout);
    }
}

/// Waits until this replica counts `received` events.
fn wait_for(received: u64, replica: &Service, loading: &mut Running) {
    while replica.received().unwrap() < received {
        assert_eq!(loading.process.try_wait().unwrap(), None, "the run was over before");
        thread::yield_now();
    }
}

/// Passes each connection to the next server in turn that accepts it, until the tests end.
fn balance(servers: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (turn, client) in listener.incoming().enumerate() {
            let mut in_turn = servers.iter().cycle().skip(turn % servers.len()).take(servers.len());
            // Without a server the client is dropped, which closes its connection.
            if let Some(server) = in_turn.find_map(|server| TcpStream::connect(server).ok()) {
                join(&client.unwrap(), &server);
            }
        }
    });
    address
}

/// Passes bytes both ways until one side closes.
fn join(client: &TcpStream, server: &TcpStream) {
    for (from, to) in [(client, server), (server, client)] {
        from.set_nodelay(true).unwrap();
        let mut from = from.try_clone().unwrap();
        let mut to = to.try_clone().unwrap();
        thread::spawn(move || {
            // The other side is told of the end, whatever it was.
            io::copy(&mut from, &mut to).ok();
            to.shutdown(Shutdown::Both).ok();
            from.shutdown(Shutdown::Both).ok();
        });
    }
}
