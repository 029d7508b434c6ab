//! What can go wrong with a call, drawn by the caller.

/// What a call is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Any read.
    Read,
    /// Opening a transaction.
    Begin,
    /// Writing within a transaction, or a write of its own.
    Write,
    /// Committing.
    Commit,
    /// Taking due notifications.
    Claim,
}

/// What goes wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It fails before anything happened.
    Before,
    /// The disk is full; nothing happened.
    Full,
    /// The disk fails: what a commit wrote may be on it.
    Io {
        /// Whether it is.
        happened: bool,
    },
    /// The connection breaks, so the caller cannot know. Calls that write nothing just fail.
    Lost {
        /// Whether it had happened.
        happened: bool,
    },
}

/// Where faults come from. Any closure from [`Call`] to [`Fault`] is one.
pub trait Faults: Send {
    /// What goes wrong with this call.
    fn draw(&mut self, call: Call) -> Fault;
}

impl<F: FnMut(Call) -> Fault + Send> Faults for F {
    fn draw(&mut self, call: Call) -> Fault {
        self(call)
    }
}
