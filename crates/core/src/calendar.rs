//! Business hours: when people can be expected to look.
//!
//! `calendar.yaml` holds them; freezes and maintenance windows are not available yet and refused. The zone
//! data is compiled in, so the same instant gives the same answer on every machine.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::diagnostic::Problem;
use crate::time::Millis;
use crate::yaml::{self, Spanned, span_of};

const MINUTES_A_DAY: u16 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The hours of the week that count as business, by the wall clock of one zone.
///
/// Open while a clock on that wall shows a time from `from` to before `to`, on one of the days. So an hour that
/// daylight saving skips is not there, and one that it repeats counts both times. Hours that pass midnight
/// (`22:00` to `06:00`) belong to the day on which they begin.
#[derive(Debug, Clone, PartialEq)]
pub struct BusinessHours {
    zone: TimeZone,
    /// Monday first.
    days: [bool; 7],
    /// Minutes after midnight.
    from: u16,
    /// Minutes after midnight, up to 24:00; below `from` it is the next day's.
    to: u16,
}

impl Default for BusinessHours {
    /// Monday to Friday, 09:00 to 18:00 UTC.
    fn default() -> Self {
        Self { zone: TimeZone::UTC, days: [true, true, true, true, true, false, false], from: 9 * 60, to: 18 * 60 }
    }
}

impl BusinessHours {
    /// Reads a `calendar.yaml`; what it leaves out is as in the default.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let form: FileForm = yaml::parse(file, text)?;
        let mut problems = Vec::new();
        for (name, said) in [("freezes", form.freezes), ("maintenance", form.maintenance)] {
            if let Some(said) = said {
                problems.push(Problem::error(file, text, span_of(&said), format!("`{name}` is not available yet")));
            }
        }
        let hours = form.business_hours.unwrap_or_default().read(file, text, &mut problems);
        if problems.is_empty() { Ok(hours) } else { Err(problems) }
    }

    /// Whether an instant falls into business hours.
    #[must_use]
    pub fn is_open(&self, at: Millis) -> bool {
        // INVARIANT: instants beyond the year 9999 come from nowhere in this product; they count as closed.
        let Ok(instant) = Timestamp::from_millisecond(at.0) else { return false };
        let offset = i64::from(self.zone.to_offset(instant).seconds());
        let local = at.0.div_euclid(1_000) + offset;
        let minute = local.rem_euclid(86_400) / 60;
        // The epoch was a Thursday.
        let weekday = (local.div_euclid(86_400) + 3).rem_euclid(7);
        let on = |day: i64| usize::try_from(day).ok().and_then(|day| self.days.get(day)) == Some(&true);
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to {
            return on(weekday) && (from..to).contains(&minute);
        }
        (on(weekday) && minute >= from) || (on((weekday + 6) % 7) && minute < to)
    }
}

/// When people can be expected to look.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileForm {
    /// Monday to Friday, 09:00 to 18:00 UTC, where it says nothing else.
    business_hours: Option<HoursForm>,
    #[schemars(skip)]
    freezes: Option<Spanned<IgnoredAny>>,
    #[schemars(skip)]
    maintenance: Option<Spanned<IgnoredAny>>,
}

/// The hours of the week that count as business, by the wall clock of one zone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Hours")]
struct HoursForm {
    /// An IANA name such as `Europe/Berlin`.
    zone: Option<Spanned<String>>,
    /// The days, at least one.
    #[schemars(extend("items" = { "type": "string", "enum": DAYS }))]
    days: Option<Spanned<Vec<Spanned<String>>>>,
    /// When they begin, such as `"09:00"`.
    from: Option<Spanned<String>>,
    /// When they end, up to `"24:00"`; before `from` it is the next day.
    to: Option<Spanned<String>>,
}

impl HoursForm {
    fn read(self, file: &str, text: &str, problems: &mut Vec<Problem>) -> BusinessHours {
        let mut hours = BusinessHours::default();
        if let Some(name) = &self.zone {
            match zone(&name.value) {
                Ok(zone) => hours.zone = zone,
                Err((message, help)) => {
                    problems.push(Problem::error(file, text, span_of(name), message).with_help(help));
                }
            }
        }
        if let Some(days) = &self.days {
            hours.days = [false; 7];
            if days.value.is_empty() {
                problems.push(Problem::error(file, text, span_of(days), "without a day it is never open"));
            }
            for day in &days.value {
                match DAYS.iter().zip(&mut hours.days).find(|(name, _)| **name == day.value) {
                    Some((_, open)) => *open = true,
                    None => {
                        let message = format!("`{}` is not a day", day.value);
                        let help = format!("one of `{}`", DAYS.join("`, `"));
                        problems.push(Problem::error(file, text, span_of(day), message).with_help(help));
                    }
                }
            }
        }
        for (said, kept) in [(&self.from, &mut hours.from), (&self.to, &mut hours.to)] {
            let Some(said) = said else { continue };
            match minutes(&said.value) {
                Some(minutes) => *kept = minutes,
                None => {
                    let message = format!("`{}` is not a time of day", said.value);
                    problems.push(
                        Problem::error(file, text, span_of(said), message).with_help("write it like `\"09:00\"`"),
                    );
                }
            }
        }
        if hours.from % MINUTES_A_DAY == hours.to
            && let Some(said) = self.to.as_ref().or(self.from.as_ref())
            && problems.is_empty()
        {
            let problem = Problem::error(file, text, span_of(said), "it closes when it opens");
            problems.push(problem.with_help("for the whole day write `00:00` to `24:00`"));
        }
        hours
    }
}

fn zone(name: &str) -> Result<TimeZone, (String, String)> {
    let database = TimeZoneDatabase::bundled();
    database.get(name).map_err(|_| {
        let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
        let near = crate::diagnostic::nearest(name, names.iter().map(String::as_str));
        let help = near.map_or_else(
            || "an IANA name such as `Europe/Berlin`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        (format!("`{name}` is not a time zone"), help)
    })
}

/// `HH:MM`, up to `24:00`.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number =
        |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<u16>());
    let (hours, minutes) = (number(hours)?.ok()?, number(minutes)?.ok()?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES_A_DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        Millis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    #[track_caller]
    fn check(text: &str, open: &[&str], closed: &[&str]) {
        let hours = BusinessHours::load("calendar.yaml", text).unwrap();
        for instant in open {
            assert!(hours.is_open(at(instant)), "{instant} is open");
        }
        for instant in closed {
            assert!(!hours.is_open(at(instant)), "{instant} is closed");
        }
    }

    #[test]
    fn the_default_is_nine_to_six_on_weekdays_in_utc() {
        // 2026-06-01 is a Monday.
        check(
            "",
            &["2026-06-01T09:00:00Z", "2026-06-05T17:59:59.999Z", "1969-12-31T12:00:00Z"],
            &["2026-06-01T08:59:59.999Z", "2026-06-05T18:00:00Z", "2026-06-06T12:00:00Z", "2026-06-07T12:00:00Z"],
        );
    }

    #[test]
    fn hours_follow_the_wall_clock_through_daylight_saving() {
        let berlin = "business_hours: {zone: Europe/Berlin, days: [mon, sun], from: \"09:00\", to: \"18:00\"}";
        check(
            berlin,
            &["2026-01-05T08:00:00Z", "2026-06-01T07:00:00Z"],
            &["2026-01-05T07:59:59Z", "2026-06-01T06:59:59Z", "2026-06-01T16:00:00Z", "2026-01-05T17:00:00Z"],
        );
        // The clock goes from 02:00 to 03:00 at 01:00 UTC: nothing of the hour from 02:00 is there.
        check(
            "business_hours: {zone: Europe/Berlin, days: [sun], from: \"02:30\", to: \"04:00\"}",
            &["2026-03-29T01:00:00Z", "2026-03-29T01:59:59Z"],
            &["2026-03-29T00:59:59Z", "2026-03-29T02:00:00Z"],
        );
        // The clock goes from 03:00 back to 02:00 at 01:00 UTC: the half hour from 02:30 is there twice.
        check(
            "business_hours: {zone: Europe/Berlin, days: [sun], from: \"02:30\", to: \"03:00\"}",
            &["2026-10-25T00:30:00Z", "2026-10-25T00:59:59Z", "2026-10-25T01:30:00Z", "2026-10-25T01:59:59Z"],
            &["2026-10-25T00:29:59Z", "2026-10-25T01:00:00Z", "2026-10-25T01:29:59Z", "2026-10-25T02:00:00Z"],
        );
    }

    #[test]
    fn hours_can_pass_midnight_and_fill_the_day() {
        check(
            "business_hours: {days: [fri], from: \"22:00\", to: \"06:00\"}",
            &["2026-06-05T22:00:00Z", "2026-06-06T05:59:59Z"],
            &["2026-06-05T05:00:00Z", "2026-06-05T21:59:59Z", "2026-06-06T06:00:00Z", "2026-06-06T22:00:00Z"],
        );
        check(
            "business_hours: {days: [fri], from: \"00:00\", to: \"24:00\"}",
            &["2026-06-05T00:00:00Z", "2026-06-05T23:59:59Z"],
            &["2026-06-04T23:59:59Z", "2026-06-06T00:00:00Z"],
        );
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        for (text, expected) in [
            ("freezes: []", "1:10 `freezes` is not available yet -"),
            ("maintenance:\n  - {}", "2:3 `maintenance` is not available yet -"),
            ("hours: {}", "1:1 unknown key `hours` one of `business_hours`, `freezes`, `maintenance`"),
            (
                "business_hours: {zone: Europe/Berln}",
                "1:24 `Europe/Berln` is not a time zone did you mean `Europe/Berlin`?",
            ),
            (
                "business_hours: {days: [monday]}",
                "1:25 `monday` is not a day one of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`",
            ),
            ("business_hours: {days: []}", "1:24 without a day it is never open -"),
            ("business_hours: {from: \"9:00\"}", "1:24 `9:00` is not a time of day write it like `\"09:00\"`"),
            ("business_hours: {to: \"24:01\"}", "1:22 `24:01` is not a time of day write it like `\"09:00\"`"),
            (
                "business_hours: {to: \"09:00\"}",
                "1:22 it closes when it opens for the whole day write `00:00` to `24:00`",
            ),
        ] {
            let problems = BusinessHours::load("calendar.yaml", text).expect_err(text);
            let problem = problems.first().unwrap();
            let help = problem.help.as_deref().unwrap_or("-");
            assert_eq!(format!("{}:{} {} {help}", problem.line, problem.column, problem.message), expected);
        }
    }
}
