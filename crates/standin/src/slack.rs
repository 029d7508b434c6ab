//! A Slack workspace with one app installed: its Web API with the limits and the refusals, its callbacks signed or
//! forged, Socket Mode, and a page that shows what people would see.
//!
//! A test starts it, points the adapter at [`Slack::api_url`], presses what the adapter posted, and reads what came
//! of it. What may go wrong goes wrong when a test says so ([`mishap`]). Everything a workspace runs ends when it is
//! dropped.

mod api;
mod arguments;
pub mod delivery;
pub mod interaction;
mod limits;
pub mod log;
pub mod mishap;
pub mod options;
mod pace;
mod page;
mod payload;
mod refusal;
mod respond;
mod serve;
pub mod socket;
mod state;
mod trigger;
pub mod workspace;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use delivery::{Attempt, Delivery};
use interaction::{Interaction, What};
use log::Call;
use mishap::Mishap;
use options::{Pacing, SlackOptions};
use socket::Disconnect;
use state::Shared;
use workspace::{Channel, Ephemeral, Message, View};

/// A running workspace. Dropping it closes its socket and all connections.
pub struct Slack {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Slack {
    /// Binds and begins to answer.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn start(options: SlackOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(options, address));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve::accept(listener, shared.clone()));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stands before a method's name.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}/api/", self.address)
    }

    /// The page that shows what people would see.
    #[must_use]
    pub fn page_url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Where button presses and submitted views are posted from now on.
    pub fn set_interactivity_url(&self, url: &str) {
        self.shared.state().interactivity_url = Some(url.to_owned());
    }

    /// Where slash commands are posted from now on.
    pub fn set_commands_url(&self, url: &str) {
        self.shared.state().commands_url = Some(url.to_owned());
    }
}

/// What happens to it.
impl Slack {
    /// What befalls the next calls of a method, one each, after what is planned already.
    pub fn plan(&self, method: &str, mishaps: impl IntoIterator<Item = Mishap>) {
        self.shared.state().mishaps.add(method, mishaps);
    }

    /// Forgets every mishap that is planned.
    pub fn forget_plans(&self) {
        self.shared.state().mishaps.clear();
    }

    /// Every connection breaks, and none can be made; or all is well again.
    pub fn set_down(&self, down: bool) {
        self.shared.down.send_replace(down);
    }

    /// From now on the bot token is answered `token_revoked`; or it is good again.
    pub fn set_revoked(&self, revoked: bool) {
        self.shared.state().revoked = revoked;
    }

    /// Other limits, and all counts anew.
    pub fn set_pacing(&self, pacing: Pacing) {
        self.shared.state().pace.set(pacing);
    }

    /// Closes a channel as a person would.
    pub fn archive(&self, channel: &str) {
        if let Some(channel) = self.shared.state().workspace.channels.get_mut(channel) {
            channel.archived = true;
        }
        self.shared.changed();
    }

    /// Tells every open socket to go; it stays open until the app closes it.
    pub fn disconnect(&self, reason: Disconnect) {
        self.shared.state().links.disconnect(reason);
    }

    /// Closes every open socket without a word.
    pub fn close_sockets(&self) {
        self.shared.state().links.close();
    }
}

/// What people do in it.
impl Slack {
    /// Somebody, a member or not, presses what has this `action_id` in a message, or had it before an update.
    pub fn press(&self, user: &str, ts: &str, action_id: &str) -> Interaction<'_> {
        let what = What::Press { ts: ts.to_owned(), action_id: action_id.to_owned(), choice: None };
        Interaction::new(&self.shared, user, what)
    }

    /// Somebody submits a view with these values, by `block_id`.
    pub fn submit(&self, user: &str, view: &str, values: &[(&str, &str)]) -> Interaction<'_> {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Interaction::new(&self.shared, user, What::Submit { view: view.to_owned(), values })
    }

    /// Somebody closes a view without submitting it.
    pub fn close(&self, user: &str, view: &str) -> Interaction<'_> {
        Interaction::new(&self.shared, user, What::Close { view: view.to_owned() })
    }

    /// Somebody gives a slash command in a channel: `/mandate`, and what follows.
    pub fn command(&self, user: &str, channel: &str, command: &str, text: &str) -> Interaction<'_> {
        let (channel, command, text) = (channel.to_owned(), command.to_owned(), text.to_owned());
        Interaction::new(&self.shared, user, What::Command { channel, command, text })
    }

    /// Sends an earlier delivery again, byte for byte.
    pub async fn replay(&self, delivery: &Delivery) -> Attempt {
        interaction::replay(&self.shared, delivery).await
    }
}

/// What came of it.
impl Slack {
    /// Every call that is kept, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().log.all()
    }

    /// How many calls there were, those that are no longer kept too.
    #[must_use]
    pub fn call_count(&self) -> u64 {
        self.shared.state().log.total
    }

    /// The channel with this id or name.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<Channel> {
        self.shared.state().workspace.find_channel(name).cloned()
    }

    /// Every channel and direct message, by id.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        self.shared.state().workspace.channels.values().cloned().collect()
    }

    /// The messages that stand in a channel, in order.
    #[must_use]
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        let messages = self.channel(channel).map(|channel| channel.messages).unwrap_or_default();
        messages.into_iter().filter(|message| !message.deleted).collect()
    }

    /// What was shown to one person alone, in order.
    #[must_use]
    pub fn ephemerals(&self, user: &str) -> Vec<Ephemeral> {
        let state = self.shared.state();
        state.workspace.ephemerals.iter().filter(|shown| shown.user == user).cloned().collect()
    }

    /// Every view that was opened, closed ones too, in order.
    #[must_use]
    pub fn views(&self) -> Vec<View> {
        self.shared.state().workspace.views.clone()
    }

    /// How many sockets are open.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.shared.state().links.count()
    }

    /// Waits until something holds.
    pub async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        while !holds(self) {
            // The sender lives as long as the workspace, so waiting cannot fail.
            changes.changed().await.ok();
        }
    }
}
