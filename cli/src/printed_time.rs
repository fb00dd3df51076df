//! Times as programs print them: logs, `date`, journalctl, syslog, web servers, names of clips.

use jiff::civil::{Date, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};

/// A date and a time as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrintedTime {
    /// Absent in syslog's times: then the newest one that is not to come.
    year: Option<i16>,
    month: i8,
    day: i8,
    time: Time,
    zone: Zone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Zone {
    Offset(Offset),
    Local,
    /// Local time, if that is the abbreviation of the local zone at that time.
    Abbreviation(String),
}

/// Dates and times without the zone, white space as one blank, a comma before a fraction as a dot.
const FORMATS: [&str; 19] = [
    // RFC 3339 without an offset, journalctl, and most logs.
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%a %Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %I:%M:%S%.f %p",
    // nginx's errors, and Go.
    "%Y/%m/%d %H:%M:%S%.f",
    // Clips.
    "%Y%m%dT%H%M%S%.f",
    // Syslog.
    "%b %d %H:%M:%S%.f",
    "%b %d %Y %H:%M:%S%.f",
    // `date`, C's ctime, Apache's errors.
    "%a %b %d %H:%M:%S%.f %Y",
    "%a %b %d %I:%M:%S%.f %p %Y",
    "%a %d %b %H:%M:%S%.f %Y",
    "%a %d %b %Y %H:%M:%S%.f",
    "%a %d %b %Y %I:%M:%S%.f %p",
    // RFC 2822, HTTP.
    "%a, %d %b %Y %H:%M:%S%.f",
    "%d %b %Y %H:%M:%S%.f",
    // Requests of nginx and Apache.
    "%d/%b/%Y:%H:%M:%S%.f",
    "%d/%b/%Y %H:%M:%S%.f",
];

/// Parses a printed time. `None` for any other text, for a day that does not exist and for one that
/// is not the named day of the week.
pub(crate) fn parse(text: &str) -> Option<PrintedTime> {
    let text = text.trim_matches(|sign: char| sign.is_whitespace() || sign == '[' || sign == ']');
    let text = in_clip_name(text).unwrap_or(text);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(',', ".");
    // The day of the week has a comma in RFC 2822.
    let words = words.replacen(". ", ", ", 1);
    let (words, zone) = split_zone(&words)?;
    let parsed = FORMATS.iter().find_map(|format| BrokenDownTime::parse(format, &words).ok())?;
    let (month, day, time) = (parsed.month()?, parsed.day()?, parsed.to_time().ok()?);
    // Without a year, of a leap year.
    Date::new(parsed.year().unwrap_or(2024), month, day).ok()?;
    if parsed.year().is_some() {
        parsed.to_date().ok()?;
    }
    Some(PrintedTime { year: parsed.year(), month, day, time, zone })
}

/// The time in the name of a clip: `yard_20261122T183000.123Z.wav`, numbered or in a folder.
fn in_clip_name(text: &str) -> Option<&str> {
    let stem = text.strip_suffix(".wav").or_else(|| text.strip_suffix(".flac")).unwrap_or(text);
    let (_, time) = stem.rsplit_once('_')?;
    let end = time.find('Z')? + 1;
    let number = time[end..].strip_prefix('-').unwrap_or("");
    (end == time.len() || (!number.is_empty() && number.bytes().all(|sign| sign.is_ascii_digit())))
        .then(|| &time[..end])
}

/// Takes the zone out of a text: an offset, or an abbreviation, after the time of day.
fn split_zone(text: &str) -> Option<(String, Zone)> {
    let time = text.find(':').or_else(|| text.find('T'))?;
    let (before, mut rest) = (&text[..time], text[time..].to_owned());
    let mut zone = Zone::Local;
    if let Some(begin) = rest.rfind(['+', '-']) {
        let end = rest[begin..].find(' ').map_or(rest.len(), |length| begin + length);
        zone = Zone::Offset(offset(&rest[begin..end])?);
        rest.replace_range(begin..end, "");
    }
    if rest.ends_with(['Z', 'z']) && rest[..rest.len() - 1].ends_with(|sign: char| sign.is_ascii_digit()) {
        rest.pop();
        zone = Zone::Offset(Offset::UTC);
    }
    let is_utc = |word: &str| ["UTC", "GMT"].contains(&word.to_ascii_uppercase().as_str());
    let is_abbreviation = |word: &str| {
        let upper = (2..=5).contains(&word.len()) && word.bytes().all(|sign| sign.is_ascii_uppercase());
        is_utc(word) || (upper && !["AM", "PM"].contains(&word))
    };
    if let Some(name) = rest.split(' ').find(|word| is_abbreviation(word)).map(str::to_owned) {
        rest = rest.replacen(&name, "", 1);
        // After an offset it repeats it.
        if zone == Zone::Local {
            zone = if is_utc(&name) { Zone::Offset(Offset::UTC) } else { Zone::Abbreviation(name) };
        }
    }
    let words = format!("{before}{rest}");
    Some((words.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "), zone))
}

/// Parses `+01:00`, `+0100` or `+01`.
fn offset(text: &str) -> Option<Offset> {
    ["%:z", "%z", "%:::z"].iter().find_map(|format| BrokenDownTime::parse(format, text).ok()?.offset())
}

impl PrintedTime {
    /// Returns its moment.
    ///
    /// # Errors
    /// The reason if it is none in its zone, or two.
    pub(crate) fn timestamp(&self, now: &Zoned) -> Result<Timestamp, String> {
        let zone = match &self.zone {
            Zone::Offset(offset) => TimeZone::fixed(*offset),
            _ => now.time_zone().clone(),
        };
        let civil_now = now.with_time_zone(zone.clone()).datetime();
        let on = |year| Some(Date::new(year, self.month, self.day).ok()?.to_datetime(self.time));
        // Logs are of the past; a clock may differ. Leap days are up to eight years apart.
        let latest = civil_now.saturating_add(1.day());
        let guessed = || (-8..=1).rev().filter_map(|more| on(civil_now.year().saturating_add(more)));
        let civil = match self.year {
            Some(year) => on(year),
            None => guessed().find(|civil| *civil <= latest),
        };
        let civil = civil.ok_or("no year near has that day")?;
        let ambiguous = zone.to_ambiguous_timestamp(civil);
        let candidates = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => vec![offset],
            AmbiguousOffset::Gap { .. } => return Err("the local clock was set forward over it".to_owned()),
            AmbiguousOffset::Fold { before, after } => vec![before, after],
        };
        let mut found = candidates.into_iter().filter_map(|offset| offset.to_timestamp(civil).ok());
        match (&self.zone, found.next(), found.next()) {
            (Zone::Abbreviation(name), first, second) => {
                let is_named = |at: &Timestamp| zone.to_offset_info(*at).abbreviation() == *name;
                let unknown = || format!("{name:?} is not the local time zone; allowed: an offset as in +01:00");
                first.filter(is_named).or(second.filter(is_named)).ok_or_else(unknown)
            }
            (_, Some(_), Some(_)) => Err("the local clock shows it twice; allowed: an offset as in +01:00".to_owned()),
            (_, found, _) => found.ok_or_else(|| "it is out of range".to_owned()),
        }
    }
}
