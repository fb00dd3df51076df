//! The source that is meant by a word on the command line.

use capbuf::{CaptureBuffer, Registry};

use crate::failure::Failure;

/// Finds the buffer of a source by its whole name, else by the name that is shown of it, else by a part of that which no other has.
pub(crate) fn find(registry: &Registry, given: &str) -> Result<CaptureBuffer, Failure> {
    if let Some(buffer) = registry.get(given) {
        return Ok(buffer);
    }
    let mut buffers = registry.buffers();
    let shown: Vec<_> = buffers.iter().map(|buffer| buffer.source().to_string()).collect();
    match choose(&shown, given) {
        Ok(number) => Ok(buffers.swap_remove(number)),
        Err(reason) => Err(Failure::Run(reason)),
    }
}

/// The number of the name that is meant, or why none is.
fn choose(shown: &[String], given: &str) -> Result<usize, String> {
    let numbers = |is_meant: &dyn Fn(&str) -> bool| -> Vec<usize> {
        shown.iter().enumerate().filter(|(_, name)| is_meant(name)).map(|(number, _)| number).collect()
    };
    let mut meant = numbers(&|name| name == given);
    if meant.is_empty() && !given.is_empty() {
        meant = numbers(&|name| name.contains(given));
    }
    let given = capbuf::redact(given);
    let list = |numbers: &[usize]| numbers.iter().map(|number| shown[*number].as_str()).collect::<Vec<_>>().join(", ");
    match &meant[..] {
        [number] => Ok(*number),
        [] if shown.is_empty() => Err(format!("there is no source {given:?}, and no other")),
        [] => Err(format!("there is no source {given:?}, but {}", list(&(0..shown.len()).collect::<Vec<_>>()))),
        several => Err(format!("source {given:?} can be any of {}; give its whole name", list(several))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: [&str; 4] = ["rtsp://***@cam/1", "rtsp://***@cam/1", "tone:440", "tone:4400"];

    fn choice(given: &str) -> Result<usize, String> {
        choose(&SHOWN.map(str::to_owned), given)
    }

    #[test]
    fn a_whole_name_comes_before_a_part_of_another() {
        assert_eq!(choice("tone:440"), Ok(2));
        assert_eq!(choice("4400"), Ok(3));
    }

    #[test]
    fn what_can_be_several_is_refused_with_them() {
        assert_eq!(
            choice("tone"),
            Err("source \"tone\" can be any of tone:440, tone:4400; give its whole name".into())
        );
        assert!(choice("cam").unwrap_err().contains("rtsp://***@cam/1, rtsp://***@cam/1;"));
        assert!(choice("rtsp://***@cam/1").is_err(), "they differ in what is not shown");
    }

    #[test]
    fn what_is_none_is_refused_with_what_there_is_and_without_its_password() {
        let refused = choice("rtsp://me:sesame@door").unwrap_err();
        assert!(refused.contains("rtsp://***@door") && refused.contains("tone:4400"), "{refused}");
        assert!(choice("").is_err());
        assert_eq!(choose(&[], "x"), Err("there is no source \"x\", and no other".into()));
    }
}
