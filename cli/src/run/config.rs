//! The configuration file: read, checked, and every complaint with its line.

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use capbuf::{Length, Lifetime, SampleFormat};
use capbuf_capture::{
    Backoff, CaptureOptions, CircuitBreaker, Condition, DeviceHost, Locator, Mix, SourceConfig, TriggerOptions,
    Watchdog, WhenGone, alsa_name, devices,
};
use serde::Deserialize;
use toml::Spanned;

use super::triggers::TriggerConfig;
use crate::duration;
use crate::failure::without_secrets;

/// What a file says.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) domain: Option<String>,
    pub(super) budget_bytes: Option<u64>,
    pub(super) sources: Vec<SourceConfig>,
    pub(super) triggers: Vec<TriggerConfig>,
    /// What is not wrong by itself, but will not work as things are.
    pub(super) warnings: Vec<Complaint>,
}

/// Something in a file that can't be, and what can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    file: String,
    line: Option<usize>,
    words: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.words),
            None => write!(f, "{}: {}", self.file, self.words),
        }
    }
}

/// The file as it stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    domain: Option<Spanned<String>>,
    budget: Option<Spanned<String>>,
    #[serde(default)]
    defaults: Settings,
    #[serde(default, rename = "source")]
    sources: Vec<Spanned<Source>>,
    #[serde(default, rename = "trigger")]
    triggers: Vec<Trigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trigger {
    source: Spanned<String>,
    above: Spanned<f32>,
    band: Option<Spanned<[f32; 2]>>,
    before: Option<Spanned<String>>,
    after: Option<Spanned<String>>,
    at_most: Option<Spanned<String>>,
    folder: Spanned<String>,
    #[serde(rename = "type")]
    clip_type: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    name: Option<Spanned<String>>,
    from: Spanned<String>,
    length: Option<Spanned<String>>,
    sample_rate: Option<Spanned<u32>>,
    channels: Option<Spanned<u16>>,
    format: Option<Spanned<String>>,
    mix: Option<Spanned<String>>,
    gain: Option<Spanned<f32>>,
    lifetime: Option<Spanned<String>>,
    when_gone: Option<Spanned<String>>,
    open_within: Option<Spanned<String>>,
    retry_after: Option<Spanned<String>>,
    retry_at_most_after: Option<Spanned<String>>,
    give_up_after: Option<Spanned<u32>>,
    then_retry_every: Option<Spanned<String>>,
    nothing_for: Option<Spanned<String>>,
    silence_for: Option<Spanned<String>>,
}

/// What holds for sources that don't say otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    length: Option<Spanned<String>>,
    sample_rate: Option<Spanned<u32>>,
    channels: Option<Spanned<u16>>,
    format: Option<Spanned<String>>,
    lifetime: Option<Spanned<String>>,
    when_gone: Option<Spanned<String>>,
    open_within: Option<Spanned<String>>,
    retry_after: Option<Spanned<String>>,
    retry_at_most_after: Option<Spanned<String>>,
    give_up_after: Option<Spanned<u32>>,
    then_retry_every: Option<Spanned<String>>,
    nothing_for: Option<Spanned<String>>,
    silence_for: Option<Spanned<String>>,
}

/// Reads a file.
///
/// The first thing that is wrong is told.
pub(super) fn read(path: &Path) -> Result<Config, Complaint> {
    let file = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => parse(&file, &text),
        Err(error) => Err(Complaint { file, line: None, words: format!("it can't be read: {error}") }),
    }
}

fn parse(file: &str, text: &str) -> Result<Config, Complaint> {
    let reader = Reader { file, text };
    let parsed: File = toml::from_str(text).map_err(|error| reader.complaint(error.span(), &words(&error)))?;
    let mut sources: Vec<SourceConfig> = Vec::new();
    let mut warnings = Vec::new();
    for table in &parsed.sources {
        let source = table.get_ref();
        let config = reader.source(source, &parsed.defaults)?;
        if sources.iter().any(|other| other.name() == config.name()) {
            let at = source.name.as_ref().unwrap_or(&source.from).span();
            let words = format!("there is a source {} already; give it another name", capbuf::redact(config.name()));
            return Err(reader.complaint(Some(at), &words));
        }
        warnings.extend(reader.warning(source));
        sources.push(config);
    }
    let mut triggers = Vec::new();
    for trigger in &parsed.triggers {
        triggers.push(reader.trigger(trigger, &sources)?);
        let folder = Path::new(trigger.folder.get_ref());
        if !folder.is_dir() {
            let words = format!("there is no folder {} to write clips to; make it", folder.display());
            warnings.push(reader.complaint(Some(trigger.folder.span()), &words));
        }
    }
    let budget_bytes = parsed.budget.as_ref().map(|budget| reader.read(budget, bytes)).transpose()?;
    let domain = parsed.domain.map(Spanned::into_inner);
    Ok(Config { domain, budget_bytes, sources, triggers, warnings })
}

/// What is wrong, in one line and without the picture of the place.
fn words(error: &toml::de::Error) -> String {
    let words: Vec<_> = error.message().split_whitespace().collect();
    words.join(" ").replace(", expected one of ", "; allowed: ").replace(", expected ", "; allowed: ")
}

/// A number of bytes as people write it.
fn bytes(given: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 4] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)];
    let refused = || format!("{given:?} is no size; allowed: a number with B, kB, MB or GB, as in 500 MB");
    let found = UNITS.into_iter().find_map(|(unit, bytes)| Some((given.strip_suffix(unit)?, bytes)));
    let (number, unit) = found.ok_or_else(refused)?;
    let number: f64 = number.trim().parse().map_err(|_| refused())?;
    if number > 0.0 && number.is_finite() { Ok((number * unit) as u64) } else { Err(refused()) }
}

fn silence(given: &str) -> Result<Option<Duration>, String> {
    if given == "never" { Ok(None) } else { duration::parse(given).map(Some) }
}

fn lifetime(given: &str) -> Result<Lifetime, String> {
    let all = [Lifetime::UntilRemoved, Lifetime::WhileOpen];
    all.into_iter()
        .find(|lifetime| lifetime.name() == given)
        .ok_or_else(|| format!("{given:?} is no lifetime; allowed: {}", all.map(Lifetime::name).join(", ")))
}

fn when_gone(given: &str) -> Result<WhenGone, String> {
    match given {
        "remove" => Ok(WhenGone::Remove),
        "keep" => Ok(WhenGone::Keep),
        _ => Err(format!("{given:?} is not understood; allowed: remove, keep")),
    }
}

fn mix_of(given: &str) -> Result<Mix, String> {
    let channel = || given.strip_prefix("channel ")?.parse().ok();
    match given {
        "auto" => Ok(Mix::Auto),
        "average" => Ok(Mix::Average),
        _ => channel().map(Mix::Channel).ok_or_else(|| {
            format!(
                "{given:?} is no choice of channels; allowed: auto, average, channel 0 (or any other, counted from 0)"
            )
        }),
    }
}

fn is_flac(given: &str) -> Result<bool, String> {
    match given {
        "wav" => Ok(false),
        "flac" => Ok(true),
        _ => Err(format!("{given:?} is no type of clips; allowed: wav, flac")),
    }
}

fn sample_format(given: &str) -> Result<SampleFormat, String> {
    given.parse().map_err(|error: capbuf::Error| error.to_string())
}

/// Reads values, and knows where they stand.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

/// A setting of a source, or else the default.
macro_rules! setting {
    ($source:ident, $defaults:ident, $name:ident) => {
        $source.$name.as_ref().or($defaults.$name.as_ref())
    };
}

impl Reader<'_> {
    fn complaint(&self, at: Option<Range<usize>>, words: &str) -> Complaint {
        let line = at.and_then(|at| self.text.get(..at.start)).map(|before| before.matches('\n').count() + 1);
        Complaint { file: self.file.to_owned(), line, words: without_secrets(words) }
    }

    fn read<T>(&self, value: &Spanned<String>, read: impl Fn(&str) -> Result<T, String>) -> Result<T, Complaint> {
        read(value.get_ref()).map_err(|words| self.complaint(Some(value.span()), &words))
    }

    fn read_or<T>(
        &self,
        value: Option<&Spanned<String>>,
        read: impl Fn(&str) -> Result<T, String>,
        default: T,
    ) -> Result<T, Complaint> {
        value.map_or(Ok(default), |value| self.read(value, read))
    }

    fn source(&self, source: &Source, defaults: &Settings) -> Result<SourceConfig, Complaint> {
        let from = source.from.get_ref();
        from.parse::<Locator>().map_err(|error| self.complaint(Some(source.from.span()), &error.to_string()))?;
        let name = source.name.as_ref().unwrap_or(&source.from);
        capbuf::Source::new(name.get_ref()).map_err(|error| self.complaint(Some(name.span()), &error.to_string()))?;
        let length = setting!(source, defaults, length);
        let seconds = self.read_or(length, duration::parse, Duration::from_secs(60))?;
        let mut options = CaptureOptions::new().length(Length::Seconds(seconds.as_secs_f64()));
        let (rate, channels) = (setting!(source, defaults, sample_rate), setting!(source, defaults, channels));
        // Each by itself, so that the line is the one that is wrong.
        let check = |at: Range<usize>, length, rate, channels| {
            let spec = capbuf::Spec::new(length, rate, channels, SampleFormat::S16);
            spec.map(drop).map_err(|error| self.complaint(Some(at), &error.to_string()))
        };
        if let Some(rate) = rate {
            check(rate.span(), Length::Seconds(1.0), *rate.get_ref(), 1)?;
            options = options.sample_rate_hz(*rate.get_ref());
        }
        if let Some(channels) = channels {
            check(channels.span(), Length::Seconds(1.0), 48_000, *channels.get_ref())?;
            options = options.channels(*channels.get_ref());
        }
        if let Some(length) = length {
            let rate = rate.map_or(48_000, |rate| *rate.get_ref());
            check(length.span(), Length::Seconds(seconds.as_secs_f64()), rate, 1)?;
        }
        if let Some(format) = setting!(source, defaults, format) {
            options = options.format(self.read(format, sample_format)?);
        }
        if let Some(mix) = &source.mix {
            options = options.mix(self.read(mix, mix_of)?);
        }
        if let Some(gain) = &source.gain {
            if !(-100.0..=100.0).contains(gain.get_ref()) {
                let words = format!("{} is no gain; allowed: -100 to 100, in dB", gain.get_ref());
                return Err(self.complaint(Some(gain.span()), &words));
            }
            options = options.gain_db(*gain.get_ref());
        }
        let first =
            self.read_or(setting!(source, defaults, retry_after), duration::parse, Duration::from_millis(500))?;
        let longest =
            self.read_or(setting!(source, defaults, retry_at_most_after), duration::parse, Duration::from_secs(30))?;
        let every =
            self.read_or(setting!(source, defaults, then_retry_every), duration::parse, Duration::from_secs(60))?;
        let give_up_after = setting!(source, defaults, give_up_after).map_or(10, |after| *after.get_ref());
        let nothing =
            self.read_or(setting!(source, defaults, nothing_for), duration::parse, Duration::from_secs(15))?;
        let five_minutes = Some(Duration::from_secs(300));
        let silence = self.read_or(setting!(source, defaults, silence_for), silence, five_minutes)?;
        let open = self.read_or(setting!(source, defaults, open_within), duration::parse, Duration::from_secs(20))?;
        let lifetime = self.read_or(setting!(source, defaults, lifetime), lifetime, Lifetime::UntilRemoved)?;
        let options = options
            .lifetime(lifetime)
            .open_deadline(open)
            .backoff(Backoff::new(first, longest).jitter(0.2))
            .circuit_breaker(CircuitBreaker::new(give_up_after, every))
            .watchdog(Watchdog::new().nothing_for(nothing).silence_for(silence));
        let when_gone = self.read_or(setting!(source, defaults, when_gone), when_gone, WhenGone::Remove)?;
        Ok(SourceConfig::new(name.get_ref(), from).options(options).when_gone(when_gone))
    }

    fn trigger(&self, trigger: &Trigger, sources: &[SourceConfig]) -> Result<TriggerConfig, Complaint> {
        let source = trigger.source.get_ref();
        if !sources.iter().any(|config| config.name() == source) {
            let known: Vec<_> = sources.iter().map(|config| capbuf::redact(config.name())).collect();
            let words = format!("there is no source {:?}; there is: {}", capbuf::redact(source), known.join(", "));
            return Err(self.complaint(Some(trigger.source.span()), &words));
        }
        let mut condition = Condition::louder_than(*trigger.above.get_ref());
        let mut at = trigger.above.span();
        let mut options = TriggerOptions::new(trigger.folder.get_ref());
        // Each by itself, so that the line is the one that is wrong.
        let check = |at: &Range<usize>, options: &TriggerOptions| {
            options.check().map_err(|words| self.complaint(Some(at.clone()), &words))
        };
        check(&at, &options.clone().when(condition))?;
        if let Some(band) = &trigger.band {
            let [low, high] = *band.get_ref();
            (condition, at) = (condition.between(low, high), band.span());
        }
        options = options.when(condition);
        check(&at, &options)?;
        let three = Duration::from_secs(3);
        options = options
            .before(self.read_or(trigger.before.as_ref(), duration::parse_or_none, three)?)
            .after(self.read_or(trigger.after.as_ref(), duration::parse_or_none, Duration::from_secs(5))?)
            .at_most(self.read_or(trigger.at_most.as_ref(), duration::parse, Duration::from_secs(60))?);
        let last = trigger.at_most.as_ref().or(trigger.after.as_ref()).or(trigger.before.as_ref());
        check(&last.unwrap_or(&trigger.source).span(), &options)?;
        if self.read_or(trigger.clip_type.as_ref(), is_flac, false)? {
            options = options.flac();
        }
        Ok(TriggerConfig { source: source.clone(), options })
    }

    /// What will not work as things are: a device that is not there, a file that can't be read.
    fn warning(&self, source: &Source) -> Option<Complaint> {
        let words = match source.from.get_ref().parse().ok()? {
            Locator::File { path, .. } => match fs::File::open(&path) {
                Ok(_) => return None,
                Err(error) => format!("{} can't be read: {error}", path.display()),
            },
            Locator::Device { host, name } => missing_device(host, &name)?,
            _ => return None,
        };
        Some(self.complaint(Some(source.from.span()), &words))
    }
}

fn missing_device(host: DeviceHost, name: &str) -> Option<String> {
    if host == DeviceHost::Alsa && ["usb:", "path:"].iter().any(|stable| name.starts_with(stable)) {
        return alsa_name(name).err().map(|error| error.to_string());
    }
    let known = match devices(host) {
        Ok(known) => known,
        Err(error) => return Some(error.to_string()),
    };
    // ALSA takes more names than it lists.
    let is_card = host == DeviceHost::Alsa && name.contains(':');
    if is_card || known.iter().any(|device| device.name == name) {
        return None;
    }
    let names: Vec<_> = known.iter().map(|device| device.name.as_str()).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Some(format!("there is no {} device {name:?} now; there is: {names}", host.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        parse("x.toml", text).expect_err(text).to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_is_allowed() {
        let source = |more: &str| format!("\n[[source]]\nname = \"a\"\nfrom = \"tone:440\"\n{more}\n");
        for (text, told) in [
            ("x".to_owned(), "x.toml:1: "),
            (
                "a = 1".to_owned(),
                "x.toml:1: unknown field `a`; allowed: `domain`, `budget`, `defaults`, `source`, `trigger`",
            ),
            ("budget = \"much\"".to_owned(), "x.toml:1: \"much\" is no size; allowed: a number with B, kB, MB or GB"),
            ("budget = 5".to_owned(), "x.toml:1: invalid type: integer `5`; allowed: a string"),
            ("[[source]]\nname = \"a\"".to_owned(), "x.toml:1: missing field `from`"),
            (source("secnds = 5"), "x.toml:5: unknown field `secnds`; allowed: `name`, `from`, `length`"),
            (source("length = 5"), "x.toml:5: invalid type: integer `5`"),
            (source("length = \"5 parsecs\""), "x.toml:5: \"5 parsecs\" is no duration; allowed: a number"),
            (source("length = \"9999999999h\""), "x.toml:5: length is "),
            (source("sample_rate = 0"), "x.toml:5: sample_rate_hz is 0; allowed: 1 to 768000"),
            (source("sample_rate = -1"), "x.toml:5: invalid value: integer `-1`"),
            (source("channels = 65"), "x.toml:5: channels is 65; allowed: 1 to 64"),
            (source("format = \"s20\""), "x.toml:5: "),
            (
                source("mix = \"left\""),
                "x.toml:5: \"left\" is no choice of channels; allowed: auto, average, channel 0",
            ),
            (source("gain = 1e9"), "x.toml:5: 1000000000 is no gain; allowed: -100 to 100"),
            (source("lifetime = \"short\""), "x.toml:5: \"short\" is no lifetime; allowed: until removed, while open"),
            (source("when_gone = \"burn\""), "x.toml:5: \"burn\" is not understood; allowed: remove, keep"),
            (source("silence_for = \"ever\""), "x.toml:5: \"ever\" is no duration"),
            (source("name = \"b\""), "x.toml:5: duplicate key"),
            (source("[[source]]\nname = \"a\"\nfrom = \"tone:1\""), "x.toml:6: there is a source a already"),
            (source("[[source]]\nfrom = \"mic:1\""), "x.toml:6: source \"mic:1\" is not understood: "),
            (source("[[source]]\nfrom = \"rtsp://me:sesame@\""), "x.toml:6: "),
            (
                source("[[trigger]]\nsource = \"b\"\nabove = -9\nfolder = \".\""),
                "x.toml:6: there is no source \"b\"; there is: a",
            ),
            (source("[[trigger]]\nsource = \"a\"\nabove = 9\nfolder = \".\""), "x.toml:7: 9 dB is no threshold"),
            (
                source("[[trigger]]\nsource = \"a\"\nabove = -9\nfolder = \".\"\nband = [9, 5]"),
                "x.toml:9: 9 to 5 Hz is no band",
            ),
            (
                source("[[trigger]]\nsource = \"a\"\nabove = -9\nfolder = \".\"\nat_most = \"1s\""),
                "x.toml:9: clips of 1s at most; allowed: 8s",
            ),
            ("[defaults]\nformat = \"s20\"\n[[source]]\nfrom = \"tone:1\"".to_owned(), "x.toml:2: "),
        ] {
            let complaint = complaint(&text);
            assert!(complaint.starts_with(told), "{complaint}\nand not {told}");
            assert!(!complaint.contains("sesame") && !complaint.contains('\n'), "{complaint}");
        }
    }

    #[test]
    fn what_a_source_does_not_say_is_as_the_defaults_are() {
        let text = "[defaults]\nlength = \"2m\"\nformat = \"f32\"\n[[source]]\nname = \"a\"\nfrom = \"tone:440\"\n\
                    [[source]]\nname = \"b\"\nfrom = \"tone:440\"\nlength = \"5s\"\n";
        let config = parse("x.toml", text).expect("it is right");
        let options = CaptureOptions::new().format(SampleFormat::F32);
        let supervised = |options: CaptureOptions| {
            let watchdog = Watchdog::new().silence_for(Some(Duration::from_secs(300)));
            options.lifetime(Lifetime::UntilRemoved).watchdog(watchdog)
        };
        let expected = [("a", 120.0), ("b", 5.0)].map(|(name, seconds)| {
            let options = supervised(options.clone().length(Length::Seconds(seconds)));
            SourceConfig::new(name, "tone:440").options(options)
        });
        assert_eq!(config.sources, expected);
    }

    #[test]
    fn what_is_not_there_now_is_a_warning_with_its_line() {
        let text = "[[source]]\nfrom = \"file:/nowhere/x.wav\"\n[[source]]\nfrom = \"device:alsa:none\"\n[[source]]\nfrom = \"device:usb:0000:0000\"\n";
        let config = parse("x.toml", text).expect("it is right");
        let told: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with("x.toml:2: /nowhere/x.wav can't be read: No such file"), "{told:?}");
        assert!(told[1].starts_with("x.toml:4: there is no alsa device \"none\" now; there is: "), "{told:?}");
        assert!(told[2].starts_with("x.toml:6: there is no alsa device \"usb:0000:0000\""), "{told:?}");
    }
}
