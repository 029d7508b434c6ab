//! Socket Mode as a task: what comes over the socket is taken like what comes as a request.

use mandate_connect::channel::slack::inbound::Inbound;
use mandate_connect::channel::slack::socket::SocketMode;
use tokio::sync::mpsc;

use super::take;
use crate::app::App;
use crate::channel::Channel;
use crate::tasks::Stop;

/// What waits to be taken; what does not fit is not acknowledged, and Slack sends it again.
const WAITING: usize = 64;

/// Listens to one workspace until told to stop. Ends at once for a channel without an app token.
pub async fn listen(app: App, name: std::sync::Arc<str>, mut stop: Stop) {
    let Some(Channel::Slack(channel)) = app.channels.get(&name) else { return };
    let env = app.env.clone();
    let Some(socket) = SocketMode::new(channel.slack.clone(), move || env.random::<1>()[0]) else { return };
    let (out, mut inbox) = mpsc::channel(WAITING);
    let mut stopping = stop.clone();
    let took = async {
        while let Some(inbound) = inbox.recv().await {
            carry_out(&app, &name, inbound);
        }
    };
    tokio::select! {
        biased;
        () = socket.run(out, async move { stopping.wait().await }) => {}
        () = took => {}
        () = stop.wait() => {}
    }
}

/// Each on a task of its own: a slow answer to one holds nobody else up.
fn carry_out(app: &App, name: &std::sync::Arc<str>, inbound: Inbound) {
    let (owner, name) = (app.clone(), std::sync::Arc::clone(name));
    app.tasks.spawn("slack answer", async move {
        let Some(Channel::Slack(channel)) = owner.channels.get(&name) else { return };
        take(&owner, channel, inbound).await.say(channel).await;
    });
}
