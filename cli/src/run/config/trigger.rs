//! A `[[trigger]]` of the file, checked.

use std::ops::Range;
use std::time::Duration;

use capbuf_capture::{Condition, SourceConfig, TriggerOptions};

use super::diagnostic::{Diagnostic, Document};
use super::file::{File, Trigger};
use super::{source, values};
use crate::clip_file::ClipType;
use crate::duration;
use crate::run::triggers::TriggerConfig;

/// Checks a trigger on one of `sources`.
pub(super) fn read(
    document: &Document<'_>,
    trigger: &Trigger,
    sources: &[SourceConfig],
    parsed: &File,
) -> Result<TriggerConfig, Diagnostic> {
    let source = trigger.source.get_ref();
    let Some(number) = sources.iter().position(|config| config.name() == source) else {
        let known: Vec<_> = sources.iter().map(|config| capbuf::redact(config.name())).collect();
        let source = capbuf::redact(source);
        let message = format!("there is no source {source:?} in this file; allowed: {}", known.join(", "));
        return Err(document.diagnostic(Some(trigger.source.span()), &message));
    };
    let spec = parsed.sources.get(number).and_then(|table| source::spec(table.get_ref(), &parsed.defaults, None));
    // Checked after each setting, to report the line of the one that is wrong.
    let check = |at: &Range<usize>, options: &TriggerOptions| {
        options.check().map_err(|message| document.diagnostic(Some(at.clone()), &message))
    };
    let check_spec = |at: &Range<usize>, options: &TriggerOptions| {
        let checked = spec.as_ref().map_or(Ok(()), |spec| options.check_spec(spec));
        checked.map_err(|message| document.diagnostic(Some(at.clone()), &message))
    };
    let mut condition = Condition::louder_than(*trigger.above.get_ref());
    let mut options = TriggerOptions::new(trigger.folder.get_ref()).when(condition);
    check(&trigger.above.span(), &options)?;
    if let Some(band) = &trigger.band {
        let &[low, high] = &band.get_ref()[..] else {
            let count = band.get_ref().len();
            let message = format!("band has {count} numbers; allowed: 2, its lower and its upper end in hertz");
            return Err(document.diagnostic(Some(band.span()), &message));
        };
        condition = condition.between(low, high);
        options = options.when(condition);
        check(&band.span(), &options)?;
        check_spec(&band.span(), &options.clone().before(Duration::ZERO).after(Duration::ZERO))?;
    }
    let before = document.read_if_set(trigger.before.as_ref(), duration::parse_or_zero)?;
    options = before.into_iter().fold(options, TriggerOptions::before);
    let after = document.read_if_set(trigger.after.as_ref(), duration::parse_or_zero)?;
    options = after.into_iter().fold(options, TriggerOptions::after);
    if let Some(at_most) = document.read_if_set(trigger.at_most.as_ref(), duration::parse)? {
        options = options.at_most(at_most);
    }
    // The limit covers before and after, so the last of the three is the line to change.
    let last = trigger.at_most.as_ref().or(trigger.after.as_ref()).or(trigger.before.as_ref());
    check(&last.unwrap_or(&trigger.source).span(), &options)?;
    // The longer of the two is the line to change.
    let longer = if after > before { &trigger.after } else { &trigger.before };
    check_spec(&longer.as_ref().unwrap_or(&trigger.source).span(), &options)?;
    if document.read_if_set(trigger.clip_type.as_ref(), values::clip_type)? == Some(ClipType::Flac) {
        options = options.flac();
        let at = trigger.clip_type.as_ref().unwrap_or(&trigger.source);
        check_spec(&at.span(), &options)?;
    }
    Ok(TriggerConfig { source: source.clone(), options })
}
