//! Scripts: how a sink answers, one step a verified message, the last step for ever.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

/// One way to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// This status with an empty body. `204`
    Answer(u16),
    /// This status with `retry-after` in seconds. `429:2`
    AfterSeconds(u16, i64),
    /// This status with `retry-after` as an HTTP date so many seconds from the sink's now. `429:date+2`
    AfterDate(u16, i64),
    /// 302 to this address. `302:http://127.0.0.1/`
    Redirect(String),
    /// 200, the head at once, then a byte of the body every so often, without end. `drip:50ms`
    Drip(Duration),
    /// 200 with a body of so many bytes. `huge:1000000`
    Huge(usize),
    /// 200 after this long. `slow:300ms`
    Slow(Duration),
    /// Reads the message, and then nothing. `hang`
    Hang,
    /// Closes the connection without reading the message. `close`
    CloseUnread,
    /// Reads and keeps the message, then closes the connection: the answer is lost. `lose`
    CloseRead,
}

/// Steps that are taken in turn; the last one stays.
#[derive(Debug, Clone)]
pub struct Plan(VecDeque<Behaviour>);

impl Default for Plan {
    fn default() -> Self {
        Self::new([Behaviour::Answer(200)])
    }
}

impl Plan {
    /// A plan of these steps; `200` for ever when there are none.
    #[must_use]
    pub fn new(steps: impl IntoIterator<Item = Behaviour>) -> Self {
        Self(steps.into_iter().collect())
    }

    /// The step that would be taken next.
    #[must_use]
    pub fn peek(&self) -> Behaviour {
        self.0.front().cloned().unwrap_or(Behaviour::Answer(200))
    }

    /// Takes a step.
    pub fn step(&mut self) -> Behaviour {
        let step = self.peek();
        if self.0.len() > 1 {
            self.0.pop_front();
        }
        step
    }
}

impl FromStr for Plan {
    type Err = String;

    /// Reads steps with commas between them, `*N` after a step to repeat it: `500*3, 429:2, lose, 200`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (step, times) = match part.rsplit_once('*') {
                Some((step, times)) => (step, times.parse().map_err(|_| unknown(part))?),
                None => (part, 1_usize),
            };
            steps.extend(std::iter::repeat_n(step.parse::<Behaviour>()?, times));
        }
        Ok(Self::new(steps))
    }
}

impl FromStr for Behaviour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, detail) = text.split_once(':').map_or((text, None), |(name, detail)| (name, Some(detail)));
        let read = || match (name, detail) {
            ("hang", None) => Some(Self::Hang),
            ("close", None) => Some(Self::CloseUnread),
            ("lose", None) => Some(Self::CloseRead),
            ("huge", Some(bytes)) => Some(Self::Huge(bytes.parse().ok()?)),
            ("drip", Some(pause)) => Some(Self::Drip(millis(pause)?)),
            ("slow", Some(pause)) => Some(Self::Slow(millis(pause)?)),
            ("302", Some(location)) => Some(Self::Redirect(location.to_owned())),
            (status, None) => Some(Self::Answer(code(status)?)),
            (status, Some(after)) => match after.strip_prefix("date+") {
                Some(seconds) => Some(Self::AfterDate(code(status)?, seconds.parse().ok()?)),
                None => Some(Self::AfterSeconds(code(status)?, after.parse().ok()?)),
            },
        };
        read().ok_or_else(|| unknown(text))
    }
}

fn code(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (200..=999).contains(code))
}

fn millis(text: &str) -> Option<Duration> {
    text.strip_suffix("ms")?.parse().ok().map(Duration::from_millis)
}

fn unknown(text: &str) -> String {
    format!(
        "`{text}` is not a step; write a status such as `500`, `429:2`, `429:date+2`, `302:URL`, `hang`, `close`, `lose`, \
         `drip:50ms`, `slow:300ms` or `huge:BYTES`, with `*N` to repeat it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_and_their_last_step_stays() {
        let check = |text: &str, expect: &[Behaviour]| {
            let mut plan: Plan = text.parse().unwrap();
            let taken: Vec<_> = expect.iter().map(|_| plan.step()).collect();
            assert_eq!(taken, expect, "{text}");
        };
        let ms = Duration::from_millis;
        check("200", &[Behaviour::Answer(200), Behaviour::Answer(200)]);
        check(
            "500*2, 204",
            &[Behaviour::Answer(500), Behaviour::Answer(500), Behaviour::Answer(204), Behaviour::Answer(204)],
        );
        check(
            "429:2,503:date+30,hang",
            &[Behaviour::AfterSeconds(429, 2), Behaviour::AfterDate(503, 30), Behaviour::Hang],
        );
        check("302:http://127.0.0.1:1/x", &[Behaviour::Redirect("http://127.0.0.1:1/x".into())]);
        check("close,lose,huge:9", &[Behaviour::CloseUnread, Behaviour::CloseRead, Behaviour::Huge(9)]);
        check("drip:50ms,slow:300ms", &[Behaviour::Drip(ms(50)), Behaviour::Slow(ms(300))]);
        for wrong in ["", "ok", "99", "429:soon", "200*x", "drip", "drip:1s", "hang:1", "429:date+x"] {
            assert!(wrong.parse::<Plan>().is_err(), "{wrong}");
        }
    }
}
