//! A buffer answers every call as a naive buffer does: a vector of everything ever written.
//!
//! Scripts are generated, and shrunk where one fails. They are the same in every run;
//! `CAPBUF_LONG=1` runs more, newly seeded ones.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod cursor;
mod naive;
mod naive_time;
mod play;
mod read_check;
mod script;
mod times;

use play::Play;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Plays generated scripts. Prints the smallest one that fails.
fn play_generated(seed: u8) {
    let long = std::env::var_os("CAPBUF_LONG").is_some_and(|value| value == "1");
    let config = Config { cases: if long { 20_000 } else { 200 }, failure_persistence: None, ..Config::default() };
    let mut runner = if long {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
    };
    let outcome = runner.run(&script::script(), |(shape, steps)| {
        let mut play = Play::new(&shape);
        steps.iter().for_each(|step| play.step(step));
        play.end();
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, (shape, steps))) => {
            panic!("{reason}\nthe smallest failing script: {shape:?}\n{steps:#?}");
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn buffer_equals_a_naive_buffer_in_scripts_of_seed_1() {
    play_generated(1);
}

#[test]
fn buffer_equals_a_naive_buffer_in_scripts_of_seed_2() {
    play_generated(2);
}
