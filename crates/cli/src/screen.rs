//! What people and programs read: data on standard output, talk on standard error, colour only on terminals.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::machine;

/// Where a command writes, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Whether data is JSON.
    pub(crate) json: bool,
    colour_out: bool,
    colour_err: bool,
}

/// How a piece of text stands out on a terminal. Nothing is said by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A heading, or what matters most.
    Bold,
    /// What may be passed over.
    Dim,
    /// It went well.
    Good,
    /// Look here.
    Warn,
    /// It went wrong.
    Bad,
    /// Something to type.
    Code,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Code => "36",
        }
    }
}

impl Screen {
    /// The process's own output.
    pub(crate) fn new(json: bool) -> Self {
        let allowed = machine::var("NO_COLOR").is_none() && machine::var("TERM").as_deref() != Some("dumb");
        Self {
            json,
            colour_out: allowed && io::stdout().is_terminal(),
            colour_err: allowed && io::stderr().is_terminal(),
        }
    }

    /// One line of data.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_ref().as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// One JSON document, or one line of JSON Lines.
    pub(crate) fn document(&self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.line(text)
    }

    /// Talk.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        // Nobody may listen; that is no reason to stop.
        let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
    }

    /// What went wrong, as `error: …`.
    pub(crate) fn error(&self, text: &str) {
        self.say(format!("{}: {text}", self.paint_err(Style::Bad, "error")));
    }

    /// What should be looked at, as `warning: …`.
    pub(crate) fn warn(&self, text: &str) {
        self.say(format!("{}: {text}", self.paint_err(Style::Warn, "warning")));
    }

    /// Text that stands out on standard output.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        painted(self.colour_out, style, text)
    }

    /// Text that stands out on standard error.
    pub(crate) fn paint_err(&self, style: Style, text: &str) -> String {
        painted(self.colour_err, style, text)
    }

    /// A table with left-aligned columns; nothing without rows. Cells are cleaned of what could steer a terminal.
    pub(crate) fn table(&self, header: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        for (number, line) in table(header, rows).into_iter().enumerate() {
            self.line(if number == 0 { self.paint(Style::Bold, &line) } else { line })?;
        }
        Ok(())
    }

    /// Asks a yes-or-no question on a terminal; `None` when there is nobody to ask.
    pub(crate) fn confirm(&self, question: &str) -> Option<bool> {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return None;
        }
        let _ = write!(io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).ok()?;
        Some(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
    }
}

fn painted(colour: bool, style: Style, text: &str) -> String {
    if colour { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
}

fn table(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> =
        std::iter::once(header).chain(rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect())).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// Text from elsewhere without what could steer a terminal or turn its letters around.
pub(crate) fn clean(text: &str) -> String {
    let steers = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|letter| if steers(letter) { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_cannot_steer_the_terminal() {
        let rows = vec![vec!["a".into(), "x\x1b[2Jy".into()], vec!["longer".into(), "z".into()]];
        assert_eq!(table(&["id", "name"], &rows), ["id      name", "a       x\u{fffd}[2Jy", "longer  z"]);
        assert_eq!(table(&["id"], &[]), Vec::<String>::new());
    }

    #[test]
    fn colour_is_left_out_where_nobody_sees_it() {
        assert_eq!(painted(false, Style::Bad, "error"), "error");
        assert_eq!(painted(true, Style::Bad, "error"), "\x1b[31merror\x1b[0m");
    }
}
