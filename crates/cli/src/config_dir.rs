//! The configuration directory, read into memory: paths relative to it, and their text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mandate_server::offline::{self, Problem};

use crate::failure::{Failure, plain};
use crate::screen::{Screen, Style};
use crate::words;

/// A tenant's files by their path in the directory, and the process's own settings beside them.
#[derive(Debug)]
pub(crate) struct ConfigDir {
    /// The directory.
    pub(crate) path: PathBuf,
    /// The tenant's files: everything but `mandate.yaml`.
    pub(crate) files: BTreeMap<String, String>,
    /// The text of `mandate.yaml`.
    pub(crate) settings: Option<String>,
}

/// The process's own settings.
pub(crate) const SETTINGS: &str = "mandate.yaml";

impl ConfigDir {
    /// Reads the YAML files and CODEOWNERS of a directory, its `rules/*.yaml`, and the CODEOWNERS files that
    /// `ownership.yaml` names.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        for (folder, prefix) in [(path.to_owned(), ""), (path.join("rules"), "rules/")] {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !prefix.is_empty() => continue,
                Err(error) => return Err(Failure::file("read the directory", &folder, &error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| Failure::file("read the directory", &folder, &error))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let wanted =
                    name.ends_with(".yaml") || name.ends_with(".yml") || (prefix.is_empty() && name == "CODEOWNERS");
                if wanted && entry.path().is_file() {
                    files.insert(format!("{prefix}{name}"), read_text(&entry.path())?);
                }
            }
        }
        let settings = files.remove(SETTINGS);
        for wanted in offline::wanted_files(&files) {
            if !files.contains_key(&wanted)
                && let Ok(text) = std::fs::read_to_string(path.join(&wanted))
            {
                // A file that is not there is reported with its line when the files are checked.
                files.insert(wanted, text);
            }
        }
        Ok(Self { path: path.to_owned(), files, settings })
    }

    /// The text of a file that a problem names.
    pub(crate) fn text(&self, file: &str) -> &str {
        match file {
            SETTINGS => self.settings.as_deref().unwrap_or_default(),
            _ => self.files.get(file).map_or("", String::as_str),
        }
    }

    /// Shows problems as a compiler does, on standard error, and says how many there are.
    pub(crate) fn show(&self, problems: &[Problem], screen: &Screen) {
        for problem in problems {
            screen.say(format!("{}\n", self.rendered(problem)));
        }
        let errors = problems.iter().filter(|problem| problem.is_error()).count() as u64;
        let warnings = problems.len() as u64 - errors;
        if !problems.is_empty() {
            let told = format!(
                "{}, {} in {}",
                words::count(errors, "error"),
                words::count(warnings, "warning"),
                self.path.display()
            );
            screen.say(screen.paint_err(Style::Bold, &told));
        }
    }

    /// One problem with its snippet.
    pub(crate) fn rendered(&self, problem: &Problem) -> String {
        problem.render(self.text(&problem.file))
    }
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::Usage(format!("cannot read `{}`: {}", path.display(), plain(&error))))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::Usage(format!("`{}` is not UTF-8 from byte {at} on; save it as UTF-8", path.display()))
    })
}
