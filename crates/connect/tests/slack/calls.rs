//! What goes out, over real sockets: every answer Slack can give.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mandate_connect::channel::intervention::Intervention;
use mandate_connect::channel::slack::address::Receipt;
use mandate_connect::channel::slack::inbound::{self, Inbound};
use mandate_connect::channel::slack::message::Message;
use mandate_connect::channel::slack::method::Method;
use mandate_connect::channel::slack::pace::Pace;
use mandate_connect::channel::slack::render::{Layout, Offer, message};
use mandate_connect::channel::slack::view::{Asked, View};
use mandate_connect::channel::slack::{Callbacks, Identity, Reply, Slack, SlackConfig};
use mandate_connect::http::HttpClient;
use mandate_core::time::Millis;
use mandate_standin::slack::delivery::Route;
use mandate_standin::slack::mishap::Mishap;
use mandate_standin::slack::options::Pacing;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::notices::{ID, everything, full, notice, wild};
use crate::workspace::{OPS, Workspace, config, told};

fn standard() -> Message {
    message(&notice(), Layout::Standard, &everything())
}

#[tokio::test]
async fn a_message_is_posted_and_then_replaced() {
    let world = Workspace::start().await;
    let receipt = world.slack.post(OPS, None, &standard()).await.unwrap();
    let messages = world.standin.messages(OPS);
    assert_eq!((receipt.channel.as_str(), receipt.ts.as_str()), (OPS, messages[0].ts.as_str()));
    let metadata = json!({"event_type": "mandate_notification", "event_payload": {"notification_id": ID}});
    assert_eq!(messages[0].content.metadata, Some(metadata));

    let left = [Intervention::ResumeAgent];
    let after = message(&full(), Layout::Standard, &Offer { available: &left, ..everything() });
    for _ in 0..2 {
        assert_eq!(world.slack.update(&receipt, &after).await, Ok(receipt.clone()));
    }
    let messages = world.standin.messages(OPS);
    assert_eq!(messages.len(), 1);
    assert!(messages[0].content.text.ends_with("@alice paused Deployer, 12 s after the notice"));

    let thread = world.slack.post(OPS, Some(&receipt.ts), &Message::note("because", None)).await.unwrap();
    let answer = world.standin.messages(OPS).into_iter().find(|message| message.ts == thread.ts).unwrap();
    assert_eq!(answer.thread_ts, Some(receipt.ts));
}

#[tokio::test]
async fn a_person_is_told_directly_and_what_comes_back_can_be_updated() {
    let world = Workspace::start().await;
    let receipt = world.slack.post("U0ALICE", None, &standard()).await.unwrap();
    assert!(receipt.channel.starts_with('D'), "{receipt:?}");
    assert_eq!(world.slack.update(&receipt, &standard()).await, Ok(receipt));
}

#[tokio::test]
async fn slack_takes_whatever_a_notice_holds() {
    let world = Workspace::start().await;
    let mut runner = TestRunner::deterministic();
    for layout in Layout::ALL.into_iter().cycle().take(60) {
        let notice = wild().new_tree(&mut runner).unwrap().current();
        let sent = world.slack.post(OPS, None, &message(&notice, layout, &everything())).await;
        assert_eq!(told(sent), "done", "{notice:?}");
    }
    assert_eq!(world.standin.messages(OPS).len(), 60);
}

/// Posts into a workspace in which `mishap` befalls the call; `kept` is how many messages stand there then.
async fn check(mishap: Mishap, expect: &str, kept: usize) {
    let world = Workspace::start().await;
    world.standin.plan("chat.postMessage", [mishap.clone()]);
    let outcome = told(world.slack.post(OPS, None, &standard()).await);
    assert!(outcome.starts_with(expect), "{mishap:?}: {outcome}");
    assert_eq!(expect.ends_with("(perhaps done)"), outcome.ends_with("(perhaps done)"), "{mishap:?}: {outcome}");
    assert_eq!(world.standin.messages(OPS).len(), kept, "{mishap:?}");
}

#[tokio::test]
async fn each_answer_has_its_outcome() {
    let refuse = |code: &str| Mishap::Refuse(code.to_owned());
    check(Mishap::Nothing, "done", 1).await;
    check(Mishap::Slow(Duration::from_millis(50)), "done", 1).await;
    check(Mishap::RateLimited(30), "retry in 30s: slack answered `ratelimited`", 0).await;
    check(refuse("rate_limited"), "retry: slack answered `rate_limited`", 0).await;
    check(refuse("internal_error"), "retry: slack answered `internal_error` (perhaps done)", 0).await;
    check(refuse("token_revoked"), "broken: slack answered `token_revoked`; install the app again", 0).await;
    check(refuse("msg_too_long"), "refused: slack answered `msg_too_long`", 0).await;
    check(Mishap::Status(503), "retry: slack answered 503 without saying why (perhaps done)", 0).await;
    check(Mishap::Status(404), "refused: slack answered 404 without saying why", 0).await;
    check(Mishap::Hang, "retry: no answer within 400 ms (perhaps done)", 0).await;
}

#[tokio::test]
async fn a_lost_answer_is_said_to_be_lost() {
    for (mishap, kept) in [(Mishap::Lose, 1), (Mishap::HangUp, 0)] {
        let world = Workspace::start().await;
        world.standin.plan("chat.postMessage", [mishap]);
        let failure = world.slack.post(OPS, None, &standard()).await.unwrap_err();
        assert!(failure.ambiguous, "{failure:?}");
        assert_eq!(world.standin.messages(OPS).len(), kept);
    }
}

#[tokio::test]
async fn a_press_brings_the_receipt_that_was_lost() {
    let world = Workspace::start().await;
    world.standin.plan("chat.postMessage", [Mishap::Lose]);
    assert!(world.slack.post(OPS, None, &standard()).await.is_err());
    let ts = world.standin.messages(OPS)[0].ts.clone();
    let delivery = world.standin.press("U0ALICE", &ts, "pause_agent").over_http().send().await.unwrap();
    let Route::Http { body, .. } = delivery.route else { panic!("not over HTTP") };
    let Ok(Inbound::Press(press)) = inbound::form(body.as_bytes()) else { panic!("no press") };
    assert_eq!((press.notification.as_str(), &press.message), (ID, &Some(Receipt { channel: OPS.into(), ts })));
    assert_eq!(told(world.slack.update(&press.message.unwrap(), &standard()).await), "done");
}

#[tokio::test]
async fn a_dead_slack_and_a_bad_token_are_told_apart() {
    let world = Workspace::start().await;
    let identity = Identity { team: "T0STANDIN".into(), team_name: "Stand-in".into(), user: "U0MANDATE".into() };
    assert_eq!(world.slack.test_auth().await, Ok(identity));
    world.standin.set_revoked(true);
    assert!(told(world.slack.test_auth().await).starts_with("broken: slack answered `token_revoked`"));
    assert!(told(world.slack.post(OPS, None, &standard()).await).starts_with("broken: "));

    let gone = { Workspace::start().await.standin.api_url() };
    let slack = Slack::new(config(&gone), HttpClient::default()).unwrap();
    let outcome = told(slack.post(OPS, None, &standard()).await);
    assert!(outcome.starts_with("retry: cannot connect to slack: ") && !outcome.contains("perhaps"), "{outcome}");
}

#[tokio::test]
async fn a_channel_that_is_not_there_is_named_with_what_to_do() {
    let world = Workspace::start().await;
    let outcome = told(world.slack.post("C0NOWHERE", None, &standard()).await);
    assert!(outcome.starts_with("refused: slack answered `channel_not_found`; use the channel's id"), "{outcome}");
    world.standin.archive(OPS);
    let outcome = told(world.slack.post(OPS, None, &standard()).await);
    assert!(outcome.starts_with("refused: slack answered `is_archived`"), "{outcome}");
    let nowhere = Receipt { channel: "C0PAYMENTS".into(), ts: "1.2".into() };
    assert_eq!(told(world.slack.update(&nowhere, &standard()).await), "refused: slack answered `message_not_found`");
}

#[tokio::test]
async fn a_modal_is_opened_once_and_a_response_url_serves_five_times() {
    let world = Workspace::start().await;
    let receipt = world.slack.post(OPS, None, &standard()).await.unwrap();
    let delivery = world.standin.press("U0ALICE", &receipt.ts, "ask_question").over_http().send().await.unwrap();
    let asked = Asked { notification: ID.into(), message: Some(receipt.clone()) };
    let view = View::of(Intervention::AskQuestion, &notice().header(), &asked).unwrap();
    assert_eq!(told(world.slack.open_view(&delivery.trigger_id, &view).await), "done");
    let again = told(world.slack.open_view(&delivery.trigger_id, &view).await);
    assert!(again.starts_with("refused: slack answered `exchanged_trigger_id`"), "{again}");

    let opened = world.standin.views()[0].id.clone();
    let typed = [("words", "Why now?")];
    let submitted = world.standin.submit("U0ALICE", &opened, &typed).over_http().send().await.unwrap();
    let Route::Http { body, .. } = submitted.route else { panic!("not over HTTP") };
    let Ok(Inbound::Submission(submission)) = inbound::form(body.as_bytes()) else { panic!("no answer") };
    assert_eq!((submission.text.as_str(), submission.notification.as_str()), ("Why now?", ID));
    assert_eq!((submission.intervention, submission.message), (Intervention::AskQuestion, Some(receipt)));

    let note = Message::note("Asked @payments-team.", None);
    for reply in [Reply::Whisper, Reply::Whisper, Reply::Replace, Reply::Whisper, Reply::Whisper] {
        assert_eq!(told(world.slack.respond(&delivery.response_url, reply, &note).await), "done");
    }
    let used = told(world.slack.respond(&delivery.response_url, Reply::Whisper, &note).await);
    assert_eq!(used, "refused: slack answered `used_url`");
    assert_eq!(world.standin.ephemerals("U0ALICE").len(), 4);
    let messages = world.standin.messages(OPS);
    assert_eq!((messages.len(), messages[0].content.text.as_str()), (1, "Asked @payments-team."));

    let odd = told(world.slack.respond("ftp://hooks.example/x", Reply::Whisper, &note).await);
    assert!(odd.starts_with("refused: the response url `ftp://hooks.example` has no scheme"), "{odd}");
}

#[tokio::test]
async fn what_only_one_person_should_see_only_one_person_sees() {
    let world = Workspace::start().await;
    assert_eq!(told(world.slack.post_ephemeral(OPS, "U0BOB", &Message::note("hello", None)).await), "done");
    assert_eq!((world.standin.ephemerals("U0BOB").len(), world.standin.ephemerals("U0ALICE").len()), (1, 0));
}

#[tokio::test]
async fn who_keeps_the_pace_is_never_turned_away() {
    let world = Workspace::with(Pacing::default()).await;
    let (mut pace, note) = (Pace::default(), Message::note("hello", None));
    let mut receipts = Vec::new();
    for n in 0..150 {
        let channel = [OPS, "C0PAYMENTS"][n % 2];
        let now = || Millis(world.clock.load(Ordering::Relaxed));
        if let Err(wait) = pace.take(Method::PostMessage, Some(channel), now()) {
            world.clock.fetch_add(wait.0, Ordering::Relaxed);
            pace.take(Method::PostMessage, Some(channel), now()).unwrap();
        }
        receipts.push(world.slack.post(channel, None, &note).await.unwrap());
        if let Err(wait) = pace.take(Method::UpdateMessage, Some(channel), now()) {
            world.clock.fetch_add(wait.0, Ordering::Relaxed);
            pace.take(Method::UpdateMessage, Some(channel), now()).unwrap();
        }
        world.slack.update(&receipts[n], &note).await.unwrap();
    }
}

#[tokio::test]
async fn a_burst_without_pace_is_turned_away_and_says_for_how_long() {
    let world = Workspace::with(Pacing::default()).await;
    let note = Message::note("hello", None);
    let mut outcomes = Vec::new();
    for _ in 0..8 {
        outcomes.push(told(world.slack.post(OPS, None, &note).await));
    }
    assert!(outcomes.last().unwrap().starts_with("retry in 1s: slack answered `ratelimited`"), "{outcomes:?}");
}

#[tokio::test]
async fn what_can_never_work_is_refused_when_configured() {
    let check = |url: &str, change: &dyn Fn(&mut SlackConfig), expect: &str| {
        let mut config = config(url);
        change(&mut config);
        let answer = Slack::new(config, HttpClient::default());
        let answer = answer.map_or_else(|error| error.to_string(), |slack| format!("{:?}", slack.callbacks()));
        assert!(answer.starts_with(expect), "{url}: {answer}");
    };
    let public = |config: &mut SlackConfig| config.allow_private = false;
    check("https://slack.example/api/", &public, "Socket");
    check("https://slack.example/api", &|config| config.app_token = None, "Http");
    let links = |config: &mut SlackConfig| (config.app_token, config.signing_secrets) = (None, vec![]);
    check("https://slack.example/api", &links, "Links");
    let bad = |what: &str| format!("channel `ops-slack`: url `{what}");
    check("http://slack.example/api/", &public, &bad("http://slack.example` is not encrypted"));
    check("http://127.0.0.1/api/", &public, &bad("http://127.0.0.1` is not encrypted"));
    check("https://127.0.0.1/api/", &public, &bad("https://127.0.0.1` leads to a loopback address"));
    check("https://slack.example/api/?x=s3cret", &public, &bad("https://slack.example` has a query or fragment"));
    check("https://u:s3cret@slack.example/", &public, &bad("https://slack.example` holds a user name or password"));
    check("slack.example", &public, &bad("slack.example` has no scheme"));
    let never = |config: &mut SlackConfig| config.timeout = Duration::ZERO;
    check("https://slack.example/api/", &never, "channel `ops-slack`: timeout `0ms` is out of range");
    let slack = Slack::new(config("https://slack.example/api"), HttpClient::default()).unwrap();
    assert_eq!(slack.callbacks(), Callbacks::Socket);
    assert!(!format!("{slack:?} {:?}", config("x")).contains("standin"), "a token was shown");
}
