//! Socket Mode: people's answers over a connection that we open, for where Slack cannot reach us.
//!
//! What to do is decided by the [`machine`]; here it is done, on one task and without spawning another. The one who
//! calls [`SocketMode::run`] owns that task.

pub mod machine;
mod seen;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use mandate_core::time::{Millis, Span};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Slack;
use super::inbound::Inbound;
use super::token::Token;
use crate::http::{Stream, address, innermost};
use machine::{Input, LinkId, Machine, Output};

/// How long a full queue is waited for. What does not fit is not acknowledged, and Slack sends it again.
const HAND_OVER: Duration = Duration::from_secs(2);
/// How long one frame may take to leave.
const SEND: Duration = Duration::from_secs(2);
/// The longest message that is read, in bytes.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Not connected yet.
    Starting,
    /// Answers come in.
    Up,
    /// Nothing comes in; it is tried again.
    Down {
        /// What happened.
        why: String,
        /// Whether somebody has to mend the token or the app.
        broken: bool,
    },
}

/// The receiving half of an app with an app token.
pub struct SocketMode {
    slack: Slack,
    app_token: Token,
    jitter: Box<dyn FnMut() -> u8 + Send>,
    health: watch::Sender<Health>,
}

type Socket = WebSocketStream<Stream>;
type Doing = FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send>>>;

/// What came of something that took time.
enum Done {
    Address(Result<String, super::answer::Failure>),
    Opened(LinkId, Result<Box<Socket>, String>),
}

struct Link {
    id: LinkId,
    socket: Box<Socket>,
}

impl SocketMode {
    /// Nothing without an app token. `jitter` gives random bytes, which spread the waits between attempts.
    #[must_use]
    pub fn new(slack: Slack, jitter: impl FnMut() -> u8 + Send + 'static) -> Option<Self> {
        let app_token = slack.app_token.clone()?;
        Some(Self { slack, app_token, jitter: Box::new(jitter), health: watch::Sender::new(Health::Starting) })
    }

    /// How things stand, to be watched while it runs.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Keeps connected and hands over what comes, until `stop` ends or nobody receives any more.
    ///
    /// An envelope is acknowledged once `out` has taken it, so keep `out` short and empty it into what is durable.
    /// The same thing may come twice; [`Inbound::dedupe`] tells.
    pub async fn run(mut self, out: mpsc::Sender<Inbound>, stop: impl Future<Output = ()> + Send) {
        let mut links = Vec::new();
        self.serve(&mut links, &out, stop).await;
        for Link { socket, .. } in &mut links {
            let _ = timeout(SEND, socket.close()).await;
        }
    }

    async fn serve(
        &mut self,
        links: &mut Vec<Link>,
        out: &mpsc::Sender<Inbound>,
        stop: impl Future<Output = ()> + Send,
    ) {
        let mut stop = pin!(stop);
        let began = Instant::now();
        let now = || Millis(i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX));
        let mut machine = Machine::new(now());
        let mut doing = Doing::new();
        let mut outputs = VecDeque::new();
        loop {
            while let Some(output) = outputs.pop_front() {
                if let Some(input) = self.carry_out(output, links, &mut doing, out).await {
                    outputs.extend(machine.step(input, now(), (self.jitter)()));
                }
            }
            let due = machine.due().map_or_else(far_off, |due| began + due.since(Millis(0)).to_std());
            let heard;
            let input = tokio::select! {
                biased;
                () = &mut stop => return,
                () = out.closed() => return,
                Some(done) = doing.next(), if !doing.is_empty() => finished(done, links),
                (link, message) = hear(links), if !links.is_empty() => {
                    heard = message;
                    understood(link, heard.as_ref())
                }
                () = sleep_until(due) => Some(Input::Tick),
            };
            if let Some(input) = input {
                outputs.extend(machine.step(input, now(), (self.jitter)()));
            }
        }
    }

    /// Does one thing; what takes long goes to `doing`. Answers with what happened, when that is known at once.
    async fn carry_out(
        &mut self,
        output: Output,
        links: &mut Vec<Link>,
        doing: &mut Doing,
        out: &mpsc::Sender<Inbound>,
    ) -> Option<Input<'static>> {
        match output {
            Output::AskAddress => {
                let (slack, token) = (self.slack.clone(), self.app_token.clone());
                doing.push(Box::pin(async move { Done::Address(slack.open_connection(&token).await) }));
            }
            Output::Open(link, url) => {
                let slack = self.slack.clone();
                doing.push(Box::pin(async move { Done::Opened(link, slack.open_socket(&url).await.map(Box::new)) }));
            }
            Output::Ping(link) => return send(links, link, Message::Ping(Bytes::new())).await,
            Output::Acknowledge(link, envelope) => {
                let acknowledgement = serde_json::json!({ "envelope_id": envelope }).to_string();
                return send(links, link, Message::text(acknowledgement)).await;
            }
            Output::Deliver { link, envelope, inbound } => {
                let taken = matches!(timeout(HAND_OVER, out.send(*inbound)).await, Ok(Ok(())));
                return Some(Input::Taken { link, envelope, taken });
            }
            Output::Close(link) => {
                if let Some(at) = links.iter().position(|known| known.id == link) {
                    let _ = timeout(SEND, links.swap_remove(at).socket.close()).await;
                }
            }
            Output::Report(health) => {
                self.health.send_replace(health);
            }
        }
        None
    }
}

impl Slack {
    /// Connects to an address that Slack named. The address holds a ticket, so no error shows it.
    async fn open_socket(&self, url: &str) -> Result<Socket, String> {
        let http = match url.split_once("://") {
            Some(("wss", rest)) => format!("https://{rest}"),
            Some(("ws", rest)) => format!("http://{rest}"),
            _ => return Err("slack named an address that is not `wss://`".to_owned()),
        };
        let (uri, _) = address::read(&http, self.reach)
            .map_err(|why| format!("the address `{}` {why}", address::without_secrets(url)))?;
        let stream = self.client.open(self.reach, uri).await.map_err(|error| innermost(&*error))?;
        let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES));
        let connected = client_async_with_config(url, stream, Some(config)).await;
        connected.map(|(socket, _)| socket).map_err(|error| error.to_string())
    }
}

fn finished(done: Done, links: &mut Vec<Link>) -> Option<Input<'static>> {
    Some(match done {
        Done::Address(address) => Input::Address(address),
        Done::Opened(id, Ok(socket)) => {
            links.push(Link { id, socket });
            Input::Opened(id)
        }
        Done::Opened(id, Err(why)) => Input::Closed(id, why),
    })
}

/// What a frame means; nothing for frames that mean nothing.
fn understood(link: LinkId, message: Option<&Result<Message, String>>) -> Option<Input<'_>> {
    match message {
        Some(Ok(Message::Text(text))) => Some(Input::Text(link, text)),
        Some(Ok(Message::Ping(_))) => Some(Input::Ping(link)),
        Some(Ok(Message::Pong(_))) => Some(Input::Pong(link)),
        Some(Ok(Message::Binary(_) | Message::Frame(_))) => None,
        Some(Ok(Message::Close(_))) | None => Some(Input::Closed(link, "slack closed the connection".to_owned())),
        Some(Err(why)) => Some(Input::Closed(link, why.clone())),
    }
}

/// The next frame of any link.
async fn hear(links: &mut [Link]) -> (LinkId, Option<Result<Message, String>>) {
    poll_fn(|context| {
        for Link { id, socket } in links.iter_mut() {
            if let Poll::Ready(message) = socket.poll_next_unpin(context) {
                return Poll::Ready((*id, message.map(|frame| frame.map_err(|error| error.to_string()))));
            }
        }
        Poll::Pending
    })
    .await
}

/// Sends one frame; says that the link is gone when it cannot.
async fn send(links: &mut [Link], link: LinkId, message: Message) -> Option<Input<'static>> {
    let known = links.iter_mut().find(|known| known.id == link)?;
    match timeout(SEND, known.socket.send(message)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Input::Closed(link, error.to_string())),
        Err(_) => Some(Input::Closed(link, "slack does not read any more".to_owned())),
    }
}

/// A moment that does not come.
fn far_off() -> Instant {
    Instant::now() + Span(86_400_000).to_std()
}
