//! Processes that race for a source get one ring.

use crate::worker::{DEADLINE, DOMAIN, Folder, Worker, numbers};

const PROCESSES: usize = 16;
const SOURCES: usize = 50;
const ROUNDS: usize = 8;

#[test]
fn sixteen_processes_racing_for_fifty_sources_allocate_fifty_rings() {
    let folder = Folder::new();
    let mut workers: Vec<_> = (0..PROCESSES).map(|_| Worker::start(&folder)).collect();
    for round in 1..=ROUNDS {
        // All begin at once, by opening a domain that does not exist yet.
        workers.iter_mut().for_each(|worker| {
            worker.send(&format!("open {DOMAIN}"));
            worker.send(&format!("allocate-many {SOURCES} 1000"));
        });
        let replies: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                assert_eq!(worker.reply(), "opened");
                let reply = worker.reply();
                assert!(reply.starts_with("made "), "{reply}");
                numbers(&reply)
            })
            .collect();
        let made: u64 = replies.iter().map(|reply| reply[0]).sum();
        assert_eq!(made, SOURCES as u64, "round {round}");
        let ids = &replies[0][1..];
        assert_eq!(ids.len(), SOURCES);
        for reply in &replies {
            assert_eq!(&reply[1..], ids, "round {round}: different rings");
        }
        folder.assert_clean(SOURCES, PROCESSES, &format!("round {round}, all made"));
        if round < ROUNDS {
            workers.iter_mut().for_each(|worker| worker.send("close"));
            workers.iter_mut().for_each(|worker| assert_eq!(worker.reply(), "closed"));
        } else {
            workers.drain(..).for_each(Worker::end);
        }
        folder.assert_clean(SOURCES, 0, &format!("round {round}, all closed"));
        capbuf::remove_domain(DOMAIN, Some(folder.path())).unwrap();
        assert!(!folder.domain().exists());
    }
}

#[test]
fn source_claim_is_not_refused_because_of_visitors() {
    let folder = Folder::new();
    let mut claimer = Worker::open(&folder);
    claimer.send("claim-source-forever camera");
    let mut visitors: Vec<_> = (0..4).map(|_| Worker::start(&folder)).collect();
    for visitor in &mut visitors {
        visitor.send(&format!("visit-forever {DOMAIN} camera"));
    }
    // A refused claim is an error, which ends the loop.
    let enough = capbuf_tests::wait_until(DEADLINE, || {
        let newest = claimer.newest_reply();
        newest.is_some_and(|reply| {
            assert!(reply.starts_with("claimed "), "{reply}");
            numbers(&reply)[0] > 20_000
        })
    });
    assert!(enough, "too few claims");
    visitors.iter_mut().for_each(Worker::kill);
    claimer.kill();
}
