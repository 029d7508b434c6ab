//! How a workspace is set up before anybody calls it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// Tells the Unix milliseconds; a stand-in has no clock of its own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a workspace is started.
pub struct SlackOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The workspace itself.
    pub team: Team,
    /// The app that is installed in it.
    pub app: App,
    /// Who is a member; the app's own user is one besides.
    pub people: Vec<Person>,
    /// The channels that are there from the start.
    pub channels: Vec<ChannelSetup>,
    /// Where button presses and submitted views are posted while no socket is connected.
    pub interactivity_url: Option<String>,
    /// Where slash commands are posted while no socket is connected.
    pub commands_url: Option<String>,
    /// How often a method may be called.
    pub pacing: Pacing,
    /// How long an interaction may go without acknowledgement, and how long a trigger id lives.
    pub patience: Duration,
    /// What message timestamps, trigger ids, limits and signatures count from.
    pub clock: Clock,
    /// How many calls the log keeps; older ones are forgotten.
    pub keep: usize,
}

impl SlackOptions {
    /// A workspace on a free loopback port with three people, two channels and Slack's own limits.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            team: Team::default(),
            app: App::default(),
            people: vec![Person::new("U0ALICE", "alice"), Person::new("U0BOB", "bob"), Person::new("U0CAROL", "carol")],
            channels: vec![ChannelSetup::new("C0OPS", "ops"), ChannelSetup::new("C0PAYMENTS", "payments")],
            interactivity_url: None,
            commands_url: None,
            pacing: Pacing::default(),
            patience: Duration::from_secs(3),
            clock,
            keep: 10_000,
        }
    }
}

/// A workspace's name, in its three forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Team {
    /// `T…`
    pub id: String,
    /// What people read.
    pub name: String,
    /// What stands before `.slack.com`.
    pub domain: String,
}

impl Default for Team {
    fn default() -> Self {
        Self { id: "T0STANDIN".into(), name: "Stand-in".into(), domain: "standin".into() }
    }
}

/// The installed app and its secrets.
#[derive(Debug, Clone)]
pub struct App {
    /// `A…`
    pub id: String,
    /// What its messages are signed with for people.
    pub name: String,
    /// The user that the bot token speaks for.
    pub user: String,
    /// `B…`
    pub bot: String,
    /// `xoxb-…`; opens every method but `apps.connections.open`.
    pub bot_token: String,
    /// `xapp-…`; opens `apps.connections.open` only.
    pub app_token: String,
    /// What callbacks are signed with.
    pub signing_secret: String,
}

impl Default for App {
    fn default() -> Self {
        Self {
            id: "A0MANDATE".into(),
            name: "Mandate".into(),
            user: "U0MANDATE".into(),
            bot: "B0MANDATE".into(),
            bot_token: "xoxb-standin".into(),
            app_token: "xapp-standin".into(),
            signing_secret: "standin-signing-secret".into(),
        }
    }
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// `U…`
    pub id: String,
    /// The handle, without `@`.
    pub name: String,
    /// The address `users.lookupByEmail` knows.
    pub email: String,
    /// The IANA name of the time zone.
    pub tz: String,
}

impl Person {
    /// A person at `NAME@example.com` in UTC.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self { id: id.into(), name: name.into(), email: format!("{name}@example.com"), tz: "Etc/UTC".into() }
    }
}

/// A channel before anything is posted.
#[derive(Debug, Clone)]
pub struct ChannelSetup {
    /// `C…`
    pub id: String,
    /// Without `#`.
    pub name: String,
    /// Whether only members see it.
    pub private: bool,
    /// Whether the app is in it.
    pub joined: bool,
    /// Whether it is closed for ever.
    pub archived: bool,
}

impl ChannelSetup {
    /// An open public channel that the app is in.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self { id: id.into(), name: name.into(), private: false, joined: true, archived: false }
    }
}

/// How often methods may be called; `None` is without limit.
#[derive(Debug, Clone)]
pub struct Pacing {
    /// Calls a minute of one method, by tier, the first tier first.
    pub tiers: [Option<usize>; 4],
    /// Messages that may follow each other in one channel before one a second is the rule.
    pub channel_burst: Option<u32>,
    /// Messages a minute in the whole workspace.
    pub workspace: Option<usize>,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { tiers: [Some(1), Some(20), Some(50), Some(100)], channel_burst: Some(4), workspace: Some(300) }
    }
}

impl Pacing {
    /// No limit at all.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { tiers: [None; 4], channel_burst: None, workspace: None }
    }
}
