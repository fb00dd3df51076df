//! Finds a source by its name, or a part of it, on the command line.

use capbuf::{CaptureBuffer, Registry, SourceInfo};

use crate::failure::Failure;
use crate::{meter, run};

/// Finds a buffer by its source's name, else by the redacted name, else by a unique part of that.
/// `NAME #2` is the second source with this redacted name, in the order of the list.
pub(crate) fn find(registry: &Registry, name: &str) -> Result<CaptureBuffer, Failure> {
    if let Some(buffer) = registry.try_get(name)? {
        return Ok(buffer);
    }
    let info = find_any(registry, name)?;
    info.buffer.ok_or_else(|| {
        let state = meter::state(info.health.as_ref(), None);
        Failure::Run(format!("source {} has no audio yet, it was not opened: {state}", info.source))
    })
}

/// Finds a source as [`find`] does, also one without a buffer, or the daemon by its own name.
pub(crate) fn find_any(registry: &Registry, name: &str) -> Result<SourceInfo, Failure> {
    if let Some(daemon) = registry.daemon_info()?.filter(|_| name == run::OWN_NAME) {
        return Ok(daemon);
    }
    let mut sources = registry.sources()?;
    if let Some(index) = sources.iter().position(|info| info.source.as_str() == name) {
        return Ok(sources.swap_remove(index));
    }
    let redacted: Vec<_> = sources.iter().map(|info| info.source.to_string()).collect();
    match choose(&redacted, name) {
        Ok(index) => Ok(sources.swap_remove(index)),
        Err(reason) => Err(Failure::Run(reason)),
    }
}

/// Returns why the daemon of the domain refused its configuration, if it did.
pub(crate) fn refused_configuration(registry: &Registry) -> Result<Option<String>, Failure> {
    Ok(registry.daemon_info()?.and_then(|info| info.health).map(|health| health.reason))
}

/// Returns the index of the name that matches, or a message.
fn choose(redacted: &[String], name: &str) -> Result<usize, String> {
    let find = |matches: &dyn Fn(&str) -> bool| -> Vec<usize> {
        redacted.iter().enumerate().filter(|(_, redacted)| matches(redacted)).map(|(index, _)| index).collect()
    };
    let mut found = find(&|redacted| redacted == name);
    if let Some((name, number)) = name.rsplit_once(" #").filter(|_| found.is_empty())
        && let Some(number) = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1))
        && let Some(index) = find(&|redacted| redacted == name).get(number)
    {
        return Ok(*index);
    }
    if found.is_empty() && !name.is_empty() {
        found = find(&|redacted| redacted.contains(name));
    }
    let name = capbuf::redact(name);
    let list = |indices: &[usize]| indices.iter().map(|index| redacted[*index].as_str()).collect::<Vec<_>>().join(", ");
    match &found[..] {
        [index] => Ok(*index),
        [] if redacted.is_empty() => Err(format!("there is no source {name:?}; there are none")),
        [] => {
            Err(format!("there is no source {name:?}; there are: {}", list(&(0..redacted.len()).collect::<Vec<_>>())))
        }
        several => {
            let (first, is_one_name) =
                (several[0], several.iter().all(|index| redacted[*index] == redacted[several[0]]));
            let shown = &redacted[first];
            let cure = if is_one_name {
                format!("use the name with its password, or {:?} for the first in the list", format!("{shown} #1"))
            } else {
                "use the whole name".to_owned()
            };
            Err(format!("source {name:?} is ambiguous: {}; {cure}", list(several)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDACTED: [&str; 4] = ["rtsp://***@cam/1", "rtsp://***@cam/1", "tone:440", "tone:4400"];

    fn choice(name: &str) -> Result<usize, String> {
        choose(&REDACTED.map(str::to_owned), name)
    }

    #[test]
    fn a_whole_name_wins_over_a_part_of_another() {
        assert_eq!(choice("tone:440"), Ok(2));
        assert_eq!(choice("4400"), Ok(3));
    }

    #[test]
    fn an_ambiguous_name_is_rejected_with_the_candidates() {
        assert_eq!(choice("tone"), Err("source \"tone\" is ambiguous: tone:440, tone:4400; use the whole name".into()));
        assert!(choice("cam").unwrap_err().contains("rtsp://***@cam/1, rtsp://***@cam/1;"));
        assert!(
            choice("rtsp://***@cam/1").unwrap_err().contains("\"rtsp://***@cam/1 #1\""),
            "they differ in the password"
        );
        assert_eq!((choice("rtsp://***@cam/1 #1"), choice("rtsp://***@cam/1 #2")), (Ok(0), Ok(1)));
        assert!(choice("rtsp://***@cam/1 #3").is_err() && choice("rtsp://***@cam/1 #0").is_err());
    }

    #[test]
    fn an_unknown_name_is_rejected_redacted_with_the_existing_ones() {
        let message = choice("rtsp://me:sesame@door").unwrap_err();
        assert!(message.contains("rtsp://***@door") && message.contains("tone:4400"), "{message}");
        assert!(choice("").is_err());
        assert_eq!(choose(&[], "x"), Err("there is no source \"x\"; there are none".into()));
    }
}
