//! Why a command did not do what was asked, by what the caller of the binary can do about it.

use std::io;

use mandate_agent::Error as ClientError;

/// Why a command ends with something else than 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The check failed, or what was asked for was refused. Exit code 1.
    Failed(String),
    /// The same, and everything was said already.
    Told,
    /// The command line, or a file it names, cannot be used. Exit code 2.
    Usage(String),
    /// The server cannot be reached. Exit code 3.
    Unreachable(String),
    /// Whoever read the output went away: nothing is wrong.
    ReaderGone,
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Told => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::ReaderGone => 0,
        }
    }

    /// What to say, unless it was said.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Failed(text) | Self::Usage(text) | Self::Unreachable(text) => Some(text),
            Self::Told | Self::ReaderGone => None,
        }
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(verb: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::Usage(format!("cannot {verb} `{}`: {}", path.display(), plain(error)))
    }
}

/// What the system said, without its error number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let mut text = error.to_string();
        if let ClientError::Refused { problem, .. } = &error {
            for field in &problem.errors {
                text.push_str(&format!("\n  {}: {}", field.pointer, field.detail));
            }
            if let (500.., Some(id)) = (problem.status, &problem.request_id) {
                text.push_str(&format!("\n  the server's log has more under request {id}"));
            }
        }
        match &error {
            error if error.is_unreachable() => Self::Unreachable(text),
            ClientError::Address { .. } | ClientError::Key => Self::Usage(text),
            _ => Self::Failed(text),
        }
    }
}

/// An error of writing to standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Failed(format!("cannot write the output: {}", plain(&error))),
        }
    }
}
