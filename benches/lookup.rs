//! Finding a source that has a buffer.
#![allow(missing_docs)]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, Barrier, Mutex, RwLock};
use std::time::{Duration, Instant};

use capbuf::Registry;
use capbuf_benches::{Lookup, source};
use criterion::{Criterion, criterion_group, criterion_main};

/// Looks through sixty-four of the sources, again and again, on so many threads; the time of one thread.
fn time<L: Lookup>(map: &L, names: &[String], threads: usize, rounds: u64) -> Duration {
    let start = Barrier::new(threads);
    let look = || {
        start.wait();
        let begin = Instant::now();
        for round in 0..rounds {
            black_box(map.look(&names[round as usize % names.len()]));
        }
        begin.elapsed()
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(look)).collect();
        let own = look();
        others.into_iter().filter_map(|other| other.join().ok()).fold(own, Duration::max)
    })
}

fn lookup<L: Lookup>(criterion: &mut Criterion) {
    for count in [1, 64, 1024, 10_000] {
        let Ok(map) = L::with_sources(count) else { continue };
        let names: Vec<_> = (0..count.min(64)).map(|number| source(number * (count / count.min(64)))).collect();
        assert!(names.iter().all(|name| map.look(name) == Some(1)) && map.look("nobody").is_none());
        for threads in [1, 2] {
            let job = format!("lookup/{count} sources, {threads} threads/{}", L::NAME);
            criterion.bench_function(&job, |bench| {
                bench.iter_custom(|rounds| time(&map, &names, threads, rounds));
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(200));
    targets = lookup::<Registry>, lookup::<Mutex<HashMap<String, Arc<u64>>>>, lookup::<RwLock<HashMap<String, Arc<u64>>>>
}
criterion_main!(benches);
