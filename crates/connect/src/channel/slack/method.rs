//! The methods of Slack's Web API that are called, and how often each may be.

/// One method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `chat.postMessage`
    PostMessage,
    /// `chat.update`
    UpdateMessage,
    /// `chat.postEphemeral`
    PostEphemeral,
    /// `views.open`
    OpenView,
    /// `auth.test`
    TestAuth,
    /// `apps.connections.open`
    OpenConnection,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::PostMessage,
        Self::UpdateMessage,
        Self::PostEphemeral,
        Self::OpenView,
        Self::TestAuth,
        Self::OpenConnection,
    ];

    /// The name, which is the last part of its address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostMessage => "chat.postMessage",
            Self::UpdateMessage => "chat.update",
            Self::PostEphemeral => "chat.postEphemeral",
            Self::OpenView => "views.open",
            Self::TestAuth => "auth.test",
            Self::OpenConnection => "apps.connections.open",
        }
    }

    /// How many calls a minute Slack grants a workspace.
    #[must_use]
    pub fn per_minute(self) -> u32 {
        match self {
            // Not published beyond "several hundred" a workspace; each channel has its own limit beside it.
            Self::PostMessage => 300,
            Self::PostEphemeral | Self::OpenView | Self::TestAuth => 100,
            Self::UpdateMessage | Self::OpenConnection => 50,
        }
    }
}
