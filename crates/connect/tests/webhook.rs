//! The webhook channel against the stand-in, over real sockets: every answer an endpoint can give.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mandate_connect::channel::webhook::secret::Secret;
use mandate_connect::channel::webhook::{DEFAULT_TIMEOUT, Webhook, WebhookConfig};
use mandate_connect::http::HttpClient;
use mandate_connect::http::dial::{Boxed, Resolve};
use mandate_core::delivery::Answer;
use mandate_standin::webhook::{SinkOptions, WebhookSink};
use tokio::time::Instant;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_b3RoZXItc2VjcmV0LW9mLTI0LWJ5dGVzIQ==";
const NOW: i64 = 1_767_225_600;
const ID: &str = "01980000-0000-7000-8000-000000000001";
const BODY: Bytes = Bytes::from_static(br#"{"type":"channel.test","timestamp":"2026-01-01T00:00:00.000Z","data":{}}"#);

async fn sink(plan: &str) -> WebhookSink {
    let mut options = SinkOptions::new(SECRET, Arc::new(|| NOW));
    options.plan = plan.parse().unwrap();
    WebhookSink::start(options).await.unwrap()
}

fn config(url: &str) -> WebhookConfig {
    WebhookConfig {
        name: "ops-hook".into(),
        url: url.into(),
        secrets: vec![Secret::parse(SECRET).unwrap()],
        allow_private: true,
        timeout: DEFAULT_TIMEOUT,
    }
}

fn webhook(url: &str) -> Webhook {
    Webhook::new(config(url), HttpClient::default()).unwrap()
}

/// One line a person can compare; the latency is left out.
fn told(outcome: &Answer) -> String {
    match outcome {
        Answer::Sent { status, .. } => format!("sent {status}"),
        Answer::Retry { after, why } => {
            format!("retry {}: {why}", after.map_or("-".into(), |after| after.to_string()))
        }
        Answer::Refused { why } => format!("refused: {why}"),
        Answer::Broken { why } => format!("broken: {why}"),
    }
}

/// Sends one message to a sink that follows `plan`; `expect` is how the outcome begins, `kept` what the sink has after it.
async fn check(plan: &str, expect: &str, kept: u64) {
    let sink = sink(plan).await;
    let webhook = Webhook::new(
        WebhookConfig { timeout: Duration::from_millis(400), ..config(&sink.url()) },
        HttpClient::default(),
    );
    let started = Instant::now();
    let outcome = told(&webhook.unwrap().send(ID, NOW, BODY).await);
    assert!(outcome.starts_with(expect), "{plan}: {outcome}");
    assert_eq!(sink.count(), kept, "{plan}");
    assert!(started.elapsed() < Duration::from_secs(2), "{plan}: a slot was held for {:?}", started.elapsed());
}

#[tokio::test]
async fn each_answer_has_its_outcome() {
    check("200", "sent 200", 1).await;
    check("204", "sent 204", 1).await;
    check("slow:50ms", "sent 200", 1).await;
    check("500", "retry -: the endpoint answered 500", 1).await;
    check("429", "retry -: the endpoint answered 429", 1).await;
    check("429:7", "retry 7s: the endpoint answered 429", 1).await;
    check("503:date+30", "retry 30s: the endpoint answered 503", 1).await;
    check("429:date+90000", "retry 1h: the endpoint answered 429", 1).await;
    check("400", "refused: the endpoint answered 400", 1).await;
    check("404", "refused: the endpoint answered 404", 1).await;
    check("403", "broken: the endpoint answered 403", 1).await;
    check("410", "broken: the endpoint answered 410", 1).await;
    check("hang", "retry -: no answer within 400 ms", 1).await;
    check("close", "retry -: the connection broke while talking to `127.0.0.1`", 0).await;
    check("lose", "retry -: the connection broke while talking to `127.0.0.1`", 1).await;
    check("drip:20ms", "sent 200", 1).await;
    check("huge:10000000", "sent 200", 1).await;
}

#[tokio::test]
async fn a_redirect_to_loopback_is_named_and_not_followed() {
    let target = sink("200").await;
    check(
        &format!("302:{}?token=x", target.url()),
        &format!("refused: the endpoint answered 302 to http://{};", target.address()),
        1,
    )
    .await;
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_lost_answer_is_repeated_under_the_same_id() {
    let sink = sink("lose,200").await;
    let webhook = webhook(&sink.url());
    assert!(matches!(webhook.send(ID, NOW, BODY).await, Answer::Retry { after: None, .. }));
    assert!(matches!(webhook.send(ID, NOW + 1, BODY).await, Answer::Sent { status: 200, .. }));
    let (first, second) = (sink.after(0).await.unwrap(), sink.after(1).await.unwrap());
    assert_eq!((first.id.as_str(), first.duplicate, second.id.as_str(), second.duplicate), (ID, false, ID, true));
    assert_eq!(first.body, second.body);
    assert_ne!(first.headers["webhook-signature"], second.headers["webhook-signature"], "signed anew for its own time");
    assert_eq!((sink.count(), sink.distinct(), sink.duplicates()), (2, 1, 1));
}

#[tokio::test]
async fn a_message_carries_what_the_standard_asks_for() {
    let sink = sink("200").await;
    webhook(&sink.url()).send(ID, NOW, BODY).await;
    let message = sink.after(0).await.unwrap();
    let header = |name: &str| message.headers.get(name).map_or("", String::as_str);
    assert_eq!(header("webhook-id"), ID);
    assert_eq!(header("webhook-timestamp"), "1767225600");
    assert!(header("webhook-signature").starts_with("v1,"));
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("host"), sink.address().to_string());
    assert!(header("user-agent").starts_with("Mandate/"));
    assert_eq!(message.body, BODY);
    assert_eq!(message.rejected, None);
}

#[tokio::test]
async fn a_wrong_secret_or_a_wrong_clock_is_a_broken_channel() {
    let sink = sink("200").await;
    let stranger = WebhookConfig { secrets: vec![Secret::parse(OTHER).unwrap()], ..config(&sink.url()) };
    let stranger = Webhook::new(stranger, HttpClient::default()).unwrap();
    assert!(matches!(stranger.send(ID, NOW, BODY).await, Answer::Broken { .. }));
    assert!(matches!(webhook(&sink.url()).send(ID, NOW - 301, BODY).await, Answer::Broken { .. }));
    assert_eq!((sink.count(), sink.received().len()), (0, 2));
}

#[tokio::test]
async fn while_a_secret_is_rotated_both_sides_of_it_verify() {
    let secrets = vec![Secret::parse(OTHER).unwrap(), Secret::parse(SECRET).unwrap()];
    for accepted in [SECRET, OTHER] {
        let sink = WebhookSink::start(SinkOptions::new(accepted, Arc::new(|| NOW))).await.unwrap();
        let webhook = WebhookConfig { secrets: secrets.clone(), ..config(&sink.url()) };
        let outcome = Webhook::new(webhook, HttpClient::default()).unwrap().send(ID, NOW, BODY).await;
        assert_eq!(told(&outcome), "sent 200");
        let signatures = sink.after(0).await.unwrap().headers["webhook-signature"].clone();
        assert_eq!(signatures.split(' ').count(), 2, "{signatures}");
    }
}

#[tokio::test]
async fn connections_are_kept_and_given_up_only_when_a_body_is_too_long() {
    let sink = sink("200*50,500*2,huge:10000000,200").await;
    let webhook = webhook(&sink.url());
    for n in 0..52 {
        webhook.send(&format!("message-{n}"), NOW, BODY).await;
    }
    assert_eq!(sink.connections(), 1);
    for n in 52..55 {
        webhook.send(&format!("message-{n}"), NOW, BODY).await;
    }
    assert_eq!((sink.connections(), sink.distinct()), (2, 55));
}

#[tokio::test]
async fn an_id_that_cannot_be_signed_is_refused() {
    let sink = sink("200").await;
    let webhook = webhook(&sink.url());
    for id in ["", "a.b", "a b", "a\r\nx: y", "ä"] {
        assert!(matches!(webhook.send(id, NOW, BODY).await, Answer::Refused { .. }), "{id:?}");
    }
    assert_eq!(sink.connections(), 0);
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_tried_again() {
    let gone = { sink("200").await.url() };
    let outcome = told(&webhook(&gone).send(ID, NOW, BODY).await);
    assert!(outcome.starts_with("retry -: cannot connect to `127.0.0.1`: "), "{outcome}");

    let plain = sink("200").await;
    let outcome = told(&webhook(&plain.url().replace("http:", "https:")).send(ID, NOW, BODY).await);
    assert!(outcome.starts_with("retry -: cannot connect to `127.0.0.1`: "), "{outcome}");
    assert_eq!(plain.count(), 0);
}

/// Gives a fixed list of answers in turn, the last one for ever.
struct Scripted(Vec<Vec<IpAddr>>, AtomicUsize);

impl Scripted {
    fn client(answers: &[&[&str]]) -> HttpClient {
        let read = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        HttpClient::new(Arc::new(Self(answers.iter().map(read).collect(), AtomicUsize::new(0))))
    }
}

impl Resolve for Scripted {
    fn resolve(&self, host: &str) -> Boxed<io::Result<Vec<IpAddr>>> {
        assert_eq!(host, "hooks.example");
        let turn = self.1.fetch_add(1, Ordering::Relaxed).min(self.0.len() - 1);
        let answer = self.0[turn].clone();
        Box::pin(async move { if answer.is_empty() { Err(io::Error::other("no such name")) } else { Ok(answer) } })
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_anything_is_dialled() {
    let sink = sink("200").await;
    let url = format!("https://hooks.example:{}/hook", sink.address().port());
    let check = async |answers: &[&[&str]], allow_private, expect: &str| {
        let config = WebhookConfig { allow_private, timeout: Duration::from_millis(400), ..config(&url) };
        let outcome = told(&Webhook::new(config, Scripted::client(answers)).unwrap().send(ID, NOW, BODY).await);
        assert!(outcome.starts_with(expect), "{answers:?}: {outcome}");
    };
    check(
        &[&["127.0.0.1"]],
        false,
        "refused: `hooks.example` leads to 127.0.0.1, a loopback address; set `allow_private",
    )
    .await;
    check(
        &[&["::ffff:10.1.2.3", "::1"]],
        false,
        "refused: `hooks.example` leads to ::ffff:10.1.2.3, a private network",
    )
    .await;
    check(&[&["169.254.169.254"]], true, "refused: `hooks.example` leads to 169.254.169.254, a cloud metadata").await;
    check(&[&["fd00:ec2::254"]], true, "refused: `hooks.example` leads to fd00:ec2::254, a cloud metadata").await;
    check(&[&[]], false, "retry -: cannot connect to `hooks.example`: no such name").await;
    assert_eq!(sink.connections(), 0);
}

#[tokio::test]
async fn a_name_is_checked_again_for_every_connection() {
    let sink = sink("lose,200").await;
    let url = format!("http://hooks.example:{}/hook", sink.address().port());
    let client = Scripted::client(&[&["127.0.0.1"], &["169.254.169.254"], &["169.254.169.254", "127.0.0.1"]]);
    let webhook = Webhook::new(config(&url), client).unwrap();
    assert!(matches!(webhook.send(ID, NOW, BODY).await, Answer::Retry { .. }));
    assert!(matches!(webhook.send(ID, NOW, BODY).await, Answer::Refused { .. }));
    assert!(matches!(webhook.send(ID, NOW, BODY).await, Answer::Sent { .. }), "only the permitted one is dialled");
    assert_eq!(sink.connections(), 2);
}

#[tokio::test]
async fn what_can_never_work_is_refused_when_configured() {
    let check = |url: &str, allow_private, expect: &str| {
        let config = WebhookConfig { allow_private, ..config(url) };
        let answer = Webhook::new(config, HttpClient::default()).map(|_| "ready".to_owned());
        let answer = answer.unwrap_or_else(|error| error.to_string());
        assert!(answer.starts_with(expect), "{url}: {answer}");
    };
    for url in ["https://hooks.example/x", "https://hooks.example:8443", "https://8.8.8.8/x", "https://[2606:4700::1]/"]
    {
        check(url, false, "ready");
    }
    for url in ["http://127.0.0.1:9999/hook", "http://localhost/", "http://[::1]:80/", "https://10.0.0.1/"] {
        check(url, true, "ready");
    }
    let bad = |what: &str| format!("channel `ops-hook`: url `{what}");
    check("http://hooks.example/s3cret", false, &bad("http://hooks.example` is not encrypted; use `https://`"));
    check("https://u:s3cret@hooks.example/", false, &bad("https://hooks.example` holds a user name or password"));
    check("ftp://hooks.example", true, &bad("ftp://hooks.example` has no scheme that channels use"));
    check("hooks.example", false, &bad("hooks.example` has no scheme that channels use"));
    check("", false, &bad("` is not an address"));
    check("https://", false, &bad("https://` is not an address"));
    check("https:///hook", false, &bad("https://` is not an address"));
    check("https://localhost/", false, &bad("https://localhost` leads to a loopback address"));
    check("https://api.LOCALHOST./", false, &bad("https://api.LOCALHOST.` leads to a loopback address"));
    for host in ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254"] {
        check(&format!("https://{host}/hook"), false, &bad(&format!("https://{host}` leads to a")));
    }
    for host in ["169.254.169.254", "[fd00:ec2::254]", "0xa9fea9fe", "[::ffff:a9fe:a9fe]"] {
        check(&format!("http://{host}/latest"), true, &bad(&format!("http://{host}` leads to a cloud metadata")));
    }
    let unsigned = WebhookConfig { secrets: vec![], ..config("https://hooks.example") };
    let error = Webhook::new(unsigned, HttpClient::default()).unwrap_err().to_string();
    assert!(error.starts_with("channel `ops-hook`: no secret is set"), "{error}");
    for (millis, ready) in [(0, false), (99, false), (100, true), (10_000, true), (10_001, false)] {
        let timeout = Duration::from_millis(millis);
        let answer = Webhook::new(WebhookConfig { timeout, ..config("https://hooks.example") }, HttpClient::default());
        assert_eq!(answer.is_ok(), ready, "{millis}");
    }
}
