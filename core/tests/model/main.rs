//! Whatever is done to a buffer, it answers as a vector of everything ever written would.
//!
//! Scripts are made up and, where one fails, made smaller. The same in every run; with `CAPBUF_LONG=1` more, and others each time.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod cursor;
mod naive;
mod play;
mod script;
mod times;

use play::Play;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Plays scripts made up from a seed; tells the smallest one that fails.
fn made_up(seed: u8) {
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
            panic!("{reason}\nthe smallest script that fails so: {shape:?}\n{steps:#?}");
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn no_script_of_the_first_seed_tells_a_buffer_from_a_vector_of_everything() {
    made_up(1);
}

#[test]
fn no_script_of_the_second_seed_tells_a_buffer_from_a_vector_of_everything() {
    made_up(2);
}
