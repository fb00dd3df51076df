//! However many processes ask at once, a source has one ring.

use crate::worker::{DEADLINE, DOMAIN, Folder, Worker, numbers};

const PROCESSES: usize = 16;
const SOURCES: usize = 50;
const ROUNDS: usize = 8;

#[test]
fn sixteen_processes_that_ask_for_the_same_fifty_sources_at_once_make_fifty_rings() {
    let folder = Folder::new();
    let mut workers: Vec<_> = (0..PROCESSES).map(|_| Worker::start(&folder)).collect();
    for round in 1..=ROUNDS {
        // All begin at the same time, with opening a domain that is not there yet.
        workers.iter_mut().for_each(|worker| {
            worker.tell(&format!("open {DOMAIN}"));
            worker.tell(&format!("allocate-many {SOURCES} 1000"));
        });
        let answers: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                assert_eq!(worker.answer(), "opened");
                let answer = worker.answer();
                assert!(answer.starts_with("made "), "{answer}");
                numbers(&answer)
            })
            .collect();
        let made: u64 = answers.iter().map(|answer| answer[0]).sum();
        assert_eq!(made, SOURCES as u64, "round {round}");
        let ids = &answers[0][1..];
        assert_eq!(ids.len(), SOURCES);
        for answer in &answers {
            assert_eq!(&answer[1..], ids, "round {round}: not the same rings");
        }
        folder.assert_clean(SOURCES, PROCESSES, &format!("round {round}, all made"));
        if round < ROUNDS {
            workers.iter_mut().for_each(|worker| worker.tell("close"));
            workers.iter_mut().for_each(|worker| assert_eq!(worker.answer(), "closed"));
        } else {
            workers.drain(..).for_each(Worker::end);
        }
        folder.assert_clean(SOURCES, 0, &format!("round {round}, all closed"));
        capbuf::remove_domain(DOMAIN, Some(folder.path())).unwrap();
        assert!(!folder.domain().exists());
    }
}

#[test]
fn who_claims_a_feed_is_not_refused_by_processes_that_come_and_go() {
    let folder = Folder::new();
    let mut claimer = Worker::open(&folder);
    claimer.tell("claim-feed-forever camera");
    let mut visitors: Vec<_> = (0..4).map(|_| Worker::start(&folder)).collect();
    for visitor in &mut visitors {
        visitor.tell(&format!("visit-forever {DOMAIN} camera"));
    }
    // The claimer ends its loop with what it was refused for.
    let enough = capbuf_tests::wait_until(DEADLINE, || {
        let newest = claimer.newest_answer();
        newest.is_some_and(|answer| {
            assert!(answer.starts_with("claimed "), "{answer}");
            numbers(&answer)[0] > 20_000
        })
    });
    assert!(enough, "too few claims");
    visitors.iter_mut().for_each(Worker::kill);
    claimer.kill();
}
