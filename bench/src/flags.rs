//! The few flags of these programs.

use std::path::PathBuf;

/// The command line, looked through by name.
#[derive(Debug)]
pub struct Flags(Vec<String>);

impl Flags {
    /// Those of this process.
    #[must_use]
    pub fn read() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// The value after `--NAME`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|word| word.strip_prefix("--") == Some(name))?;
        self.0.get(at + 1).map(String::as_str)
    }

    /// Whether `--NAME` or the word itself is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|word| word == name || word.strip_prefix("--") == Some(name))
    }

    /// The number after `--NAME`.
    ///
    /// # Errors
    /// What follows is no number.
    pub fn number(&self, name: &str, otherwise: usize) -> crate::Result<usize> {
        let Some(text) = self.text(name) else { return Ok(otherwise) };
        text.parse().map_err(|_| format!("`--{name}` takes a number, this is `{text}`").into())
    }

    /// The `mandate` to measure: `--mandate PATH`, else the one beside this program.
    ///
    /// # Errors
    /// There is none.
    pub fn mandate(&self) -> crate::Result<PathBuf> {
        let path = match self.text("mandate") {
            Some(path) => PathBuf::from(path),
            None => std::env::current_exe()?.with_file_name("mandate"),
        };
        if path.is_file() {
            return Ok(path);
        }
        Err(format!("no `{}`; build it with cargo build --release -p mandate", path.display()).into())
    }
}
