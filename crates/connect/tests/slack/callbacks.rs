//! What comes in: signed requests, honest and forged, and Socket Mode with everything that breaks in it.

use std::future::{Future, pending};
use std::time::Duration;

use mandate_connect::channel::intervention::Intervention;
use mandate_connect::channel::slack::address::SlackUser;
use mandate_connect::channel::slack::button::Action;
use mandate_connect::channel::slack::inbound::{self, Inbound, Press};
use mandate_connect::channel::slack::render::{Layout, message};
use mandate_connect::channel::slack::signature::{self, Rejected};
use mandate_connect::channel::slack::socket::{Health, SocketMode};
use mandate_connect::channel::slack::{Slack, SlackConfig};
use mandate_connect::http::HttpClient;
use mandate_standin::slack::delivery::{Delivery, Route};
use mandate_standin::slack::interaction::Interaction;
use mandate_standin::slack::socket::Disconnect;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::notices::{ID, everything, notice};
use crate::workspace::{NOW, OPS, Workspace, config};

/// A workspace with one message, and its time stamp.
async fn posted() -> (Workspace, String) {
    let world = Workspace::start().await;
    let receipt = world.slack.post(OPS, None, &message(&notice(), Layout::Standard, &everything())).await.unwrap();
    (world, receipt.ts)
}

/// What the app makes of a request, as its HTTP server would.
fn received(slack: &Slack, delivery: &Delivery) -> Result<Inbound, Rejected> {
    let Route::Http { headers, body, .. } = &delivery.route else { panic!("not over HTTP") };
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_bytes());
    let (timestamp, signed) = (header(signature::TIMESTAMP), header(signature::SIGNATURE));
    signature::verify(slack.signing_secrets(), timestamp, signed, body.as_bytes(), NOW / 1_000)?;
    Ok(inbound::form(body.as_bytes()).unwrap())
}

#[tokio::test]
async fn only_what_slack_signed_just_now_is_taken() {
    let (world, ts) = posted().await;
    let check = async |forge: &dyn for<'a> Fn(Interaction<'a>) -> Interaction<'a>, expect: Result<(), Rejected>| {
        let press = world.standin.press("U0ALICE", &ts, "pause_agent").over_http();
        let delivery = forge(press).send().await.unwrap();
        assert_eq!(received(&world.slack, &delivery).map(drop), expect);
    };
    check(&|press| press, Ok(())).await;
    check(&|press| press.skewed(-299), Ok(())).await;
    check(&|press| press.skewed(299), Ok(())).await;
    check(&|press| press.skewed(-301), Err(Rejected::Stale)).await;
    check(&|press| press.skewed(301), Err(Rejected::Stale)).await;
    check(&|press| press.unsigned(), Err(Rejected::Unsigned)).await;
    check(&|press| press.badly_signed(), Err(Rejected::Mismatch)).await;
    check(&|press| press.signed_with("another"), Err(Rejected::Mismatch)).await;
    // Well signed, and the person belongs elsewhere: that is for the one above to see.
    let delivery = world.standin.press("U0ALICE", &ts, "pause_agent").from_team("T0OTHER").over_http();
    let Ok(Inbound::Press(press)) = received(&world.slack, &delivery.send().await.unwrap()) else { panic!("no press") };
    assert_eq!(press.who, SlackUser { team: "T0OTHER".into(), user: "U0ALICE".into() });
}

#[tokio::test]
async fn a_press_twice_has_one_key_and_two_presses_have_two() {
    let (world, ts) = posted().await;
    let press = async || {
        let delivery = world.standin.press("U0ALICE", &ts, "acknowledge").over_http().send().await.unwrap();
        received(&world.slack, &delivery).unwrap().dedupe().unwrap().to_owned()
    };
    assert_ne!(press().await, press().await);
}

#[tokio::test]
async fn a_command_is_read() {
    let (world, _) = posted().await;
    let delivery = world.standin.command("U0BOB", OPS, "/mandate", "pause deployer").over_http().send().await.unwrap();
    let Ok(Inbound::Command(command)) = received(&world.slack, &delivery) else { panic!("no command") };
    assert_eq!((command.command.as_str(), command.text.as_str()), ("/mandate", "pause deployer"));
    assert_eq!((command.who.user.as_str(), command.channel.as_str()), ("U0BOB", OPS));
}

/// Runs Socket Mode beside a scenario, which gets what comes in and how things stand.
async fn connected<F: Future<Output = ()>>(
    world: &Workspace,
    room: usize,
    scenario: impl FnOnce(mpsc::Receiver<Inbound>, watch::Receiver<Health>) -> F,
) {
    let config = SlackConfig { timeout: Duration::from_secs(2), ..config(&world.standin.api_url()) };
    let socket = SocketMode::new(Slack::new(config, HttpClient::default()).unwrap(), || 0).unwrap();
    let (out, inbox) = mpsc::channel(room);
    let mut health = socket.health();
    health.mark_unchanged();
    let done = tokio::select! {
        biased;
        () = socket.run(out, pending()) => false,
        () = scenario(inbox, health) => true,
    };
    assert!(done, "it ended by itself");
}

/// Waits until it is up again.
async fn up(health: &mut watch::Receiver<Health>) {
    timeout(Duration::from_secs(10), health.wait_for(|health| *health == Health::Up)).await.unwrap().unwrap();
}

async fn press(world: &Workspace, ts: &str, inbox: &mut mpsc::Receiver<Inbound>) -> Press {
    let delivery = world.standin.press("U0ALICE", ts, "pause_agent").send().await.unwrap();
    assert!(delivery.is_acknowledged(), "{delivery:?}");
    match inbox.recv().await {
        Some(Inbound::Press(press)) => press,
        other => panic!("no press: {other:?}"),
    }
}

#[tokio::test]
async fn a_press_comes_over_the_socket_and_is_acknowledged() {
    let (world, ts) = posted().await;
    connected(&world, 8, async |mut inbox, mut health| {
        up(&mut health).await;
        let pressed = press(&world, &ts, &mut inbox).await;
        assert_eq!(pressed.action, Action::Intervene(Intervention::PauseAgent));
        assert_eq!((pressed.notification.as_str(), pressed.who.user.as_str()), (ID, "U0ALICE"));

        let twice = world.standin.press("U0BOB", &ts, "acknowledge").twice().send().await.unwrap();
        assert_eq!(twice.attempts.len(), 2);
        let (first, second) = (inbox.recv().await.unwrap(), inbox.recv().await.unwrap());
        assert_eq!(first.dedupe(), second.dedupe());

        let command = world.standin.command("U0BOB", OPS, "/mandate", "status").send().await.unwrap();
        assert!(command.is_acknowledged());
        assert!(matches!(inbox.recv().await, Some(Inbound::Command(command)) if command.text == "status"));
    })
    .await;
}

#[tokio::test]
async fn what_nobody_takes_is_not_acknowledged() {
    let (world, ts) = posted().await;
    connected(&world, 1, async |mut inbox, mut health| {
        up(&mut health).await;
        let first = world.standin.press("U0ALICE", &ts, "acknowledge").send().await.unwrap();
        let second = world.standin.press("U0ALICE", &ts, "acknowledge").send().await.unwrap();
        assert_eq!((first.is_acknowledged(), second.is_acknowledged()), (true, false));
        inbox.recv().await.unwrap();
        press(&world, &ts, &mut inbox).await;
    })
    .await;
}

#[tokio::test]
async fn the_next_link_stands_before_the_old_one_goes() {
    let (world, ts) = posted().await;
    connected(&world, 8, async |mut inbox, mut health| {
        up(&mut health).await;
        for reason in [Disconnect::Warning, Disconnect::RefreshRequested] {
            health.mark_unchanged();
            world.standin.disconnect(reason);
            press(&world, &ts, &mut inbox).await;
            // It never was down in between.
            timeout(Duration::from_secs(10), health.changed()).await.unwrap().unwrap();
            assert_eq!(*health.borrow(), Health::Up);
            timeout(Duration::from_secs(5), world.standin.until(|standin| standin.sockets() == 1)).await.unwrap();
            press(&world, &ts, &mut inbox).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_broken_link_is_replaced() {
    let (world, ts) = posted().await;
    connected(&world, 8, async |mut inbox, mut health| {
        up(&mut health).await;
        world.standin.close_sockets();
        let lost = health.wait_for(|health| matches!(health, Health::Down { broken: false, .. })).await;
        drop(lost.unwrap());
        up(&mut health).await;
        press(&world, &ts, &mut inbox).await;
    })
    .await;
}

#[tokio::test]
async fn it_says_when_the_app_token_is_not_taken_and_ends_when_told() {
    let (world, _) = posted().await;
    let mut config = config(&world.standin.api_url());
    config.app_token = Some(mandate_connect::channel::slack::token::Token::app("xapp-wrong").unwrap());
    let slack = Slack::new(config.clone(), HttpClient::default()).unwrap();
    let socket = SocketMode::new(slack, || 0).unwrap();
    let mut health = socket.health();
    let (out, _inbox) = mpsc::channel(1);
    let stop = async move {
        let broken = health.wait_for(|health| matches!(health, Health::Down { broken: true, .. })).await;
        drop(broken.unwrap());
    };
    timeout(Duration::from_secs(10), socket.run(out, stop)).await.unwrap();

    let without = SlackConfig { app_token: None, ..config };
    assert!(SocketMode::new(Slack::new(without, HttpClient::default()).unwrap(), || 0).is_none());
}
