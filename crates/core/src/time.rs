//! Points in time and durations, as the wire has them: Unix milliseconds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A point in time, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// The hour this falls in, counted from the epoch.
    #[must_use]
    pub fn hour(self) -> i64 {
        self.0.div_euclid(HOUR.0)
    }

    /// This point, `by` later. Saturates.
    #[must_use]
    pub fn plus(self, by: Span) -> Self {
        Self(self.0.saturating_add(by.0))
    }

    /// This point, `by` earlier. Saturates.
    #[must_use]
    pub fn minus(self, by: Span) -> Self {
        Self(self.0.saturating_sub(by.0))
    }

    /// How long after `earlier` this is; negative when before it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The same point in RFC 3339 with milliseconds, in UTC.
    #[must_use]
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).map_or_else(|_| self.0.to_string(), |at| format!("{at:.3}"))
    }
}

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

/// One second.
pub const SECOND: Span = Span(1_000);
/// One minute.
pub const MINUTE: Span = Span(60_000);
/// One hour.
pub const HOUR: Span = Span(3_600_000);
/// One day.
pub const DAY: Span = Span(86_400_000);

impl Span {
    /// `n` times this span. Saturates.
    #[must_use]
    pub const fn times(self, n: i64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// The span as the standard library has it; a negative one is zero.
    #[must_use]
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }

    /// Reads `250ms`, `30s`, `5m`, `4h`, `7d`; a bare integer is seconds.
    ///
    /// # Errors
    /// Says what was expected when the text is none of these, negative, or too long to count.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is not a duration; write `30s`, `5m`, `4h` or `7d`");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().map_err(|_| expected())?;
        let unit = match unit {
            "ms" => 1,
            "s" | "" => SECOND.0,
            "m" | "min" => MINUTE.0,
            "h" => HOUR.0,
            "d" => DAY.0,
            _ => return Err(expected()),
        };
        number.checked_mul(unit).map(Span).ok_or_else(expected)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")] {
            if self.0 != 0 && self.0 % unit.0 == 0 {
                return write!(f, "{}{name}", self.0 / unit.0);
            }
        }
        write!(f, "{}ms", self.0)
    }
}
