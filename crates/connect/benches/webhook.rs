//! How many webhooks a second, and at what CPU time each: the channel against the stand-in, and beside it the
//! bare HTTP library posting the same bytes. Run with `cargo bench -p mandate-connect --bench webhook`.
//!
//! Sender and sink run on threads of their own names, so that their CPU times are told apart.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::fs;
use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use mandate_connect::channel::notice::{
    Call, EventRef, Impact, Kind, Notice, Place, Since, Suggestion, What, When, Who, WhyYou,
};
use mandate_connect::channel::webhook::body;
use mandate_connect::channel::webhook::secret::Secret;
use mandate_connect::channel::webhook::{DEFAULT_TIMEOUT, Webhook, WebhookConfig};
use mandate_connect::http::HttpClient;
use mandate_core::delivery::Answer;
use mandate_core::time::Millis;
use mandate_standin::webhook::{SinkOptions, WebhookSink};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW: i64 = 1_767_225_600;
/// A lane's width.
const WIDTH: usize = 32;

fn main() {
    // Without `--bench` this is only a check that it runs, as part of the tests.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let span = Duration::from_millis(if measured { 3_000 } else { 50 });

    let notice = notice();
    let body = body::write(&notice);
    let (sending, sinking) = (runtime("send"), runtime("sink"));
    let mut options = SinkOptions::new(SECRET, Arc::new(|| NOW));
    options.keep = 0;
    let sink = sinking.block_on(WebhookSink::start(options)).unwrap();
    println!("body {} bytes, {WIDTH} at a time, one sender thread, one sink thread", body.len());

    let built = cpu("send");
    let count = if measured { 100_000 } else { 100 };
    let building = async move { (0..count).for_each(|_| drop(black_box(body::write(&notice)))) };
    sending.block_on(sending.spawn(building)).unwrap();
    println!("build the body          {:>7.2} µs CPU each", micros(cpu("send") - built) / count as f64);

    let client = HttpClient::default();
    let config = WebhookConfig {
        name: "bench".into(),
        url: sink.url(),
        secrets: vec![Secret::parse(SECRET).unwrap()],
        allow_private: true,
        timeout: DEFAULT_TIMEOUT,
    };
    let webhook = Webhook::new(config, client).unwrap();
    run("the channel", &sending, span, |lane, deadline, sent| {
        let (webhook, body) = (webhook.clone(), body.clone());
        async move {
            let mut n = 0;
            while Instant::now() < deadline {
                let outcome = webhook.send(&format!("message-{lane}-{n}"), NOW, body.clone()).await;
                assert!(matches!(outcome, Answer::Sent { .. }), "{outcome:?}");
                n += 1;
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    });

    let signed = sink.address();
    run("bare HTTP, unsigned", &sending, span, |_, deadline, sent| {
        let body = body.clone();
        async move {
            let stream = tokio::net::TcpStream::connect(signed).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut connection, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            let mut tasks = JoinSet::new();
            tasks.spawn(async move { drop(driver.await) });
            while Instant::now() < deadline {
                let request =
                    Request::post("/hook").header("host", "sink").body(Full::<Bytes>::new(body.clone())).unwrap();
                connection.ready().await.unwrap();
                connection.send_request(request).await.unwrap().into_body().collect().await.unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
}

fn run<F: Future<Output = ()> + Send + 'static>(
    name: &str,
    sending: &Runtime,
    span: Duration,
    lane: impl Fn(usize, Instant, Arc<AtomicU64>) -> F,
) {
    let sent = Arc::new(AtomicU64::new(0));
    let before = (cpu("send"), cpu("sink"));
    let wall = sending.block_on(async {
        let started = Instant::now();
        let mut lanes = JoinSet::new();
        (0..WIDTH).for_each(|n| drop(lanes.spawn(lane(n, started + span, sent.clone()))));
        while let Some(ended) = lanes.join_next().await {
            ended.unwrap();
        }
        started.elapsed()
    });
    let sent = sent.load(Ordering::Relaxed);
    let each = |after: u64, before: u64| micros(after - before) / sent as f64;
    println!(
        "{name:<22} {:>7.0} /s, {:>6.2} µs CPU each in the sender, {:>6.2} in the sink",
        sent as f64 / wall.as_secs_f64(),
        each(cpu("send"), before.0),
        each(cpu("sink"), before.1),
    );
}

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread().worker_threads(1).thread_name(name).enable_all().build().unwrap()
}

/// Nanoseconds of CPU that the living threads of this name have had.
fn cpu(name: &str) -> u64 {
    let mut total = 0;
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if read("comm").trim() == name {
            total += read("schedstat").split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    total
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

fn notice() -> Notice {
    let place = |resource: &str, owner: &str| Place {
        resource: resource.into(),
        owner: Some(owner.into()),
        source: "ownership.yaml:12".into(),
    };
    Notice {
        id: "01980000-0000-7000-8000-000000000001".into(),
        kind: Kind::ActionMonitored,
        at: Millis(1_767_225_600_013),
        label: "monitored".into(),
        urgency: "normal".into(),
        recipient: "@alice".into(),
        who: Who {
            kind: "agent".into(),
            id: "deployer".into(),
            name: "Deployer".into(),
            framework: Some("mcp".into()),
        },
        what: What {
            action: "deploy".into(),
            description: Some("Deploy payments-service v2.3.1".into()),
            ..What::default()
        },
        places: vec![place("service:payments-service", "@alice"), place("file:acme/shop/src/pay.rs", "@bob")],
        when: When { occurred_at: Millis(1_767_225_600_000), received_at: Millis(1_767_225_600_012), late: None },
        why_you: WhyYou {
            reason: "You own service:payments-service".into(),
            rule: Some("production-deploys".into()),
            confidence: 1.0,
            confidence_words: "definitely".into(),
        },
        impact: Impact::default(),
        since: Since::default(),
        suggestions: vec![
            Suggestion { label: "Acknowledge".into(), call: Call::Respond { intervention: "acknowledge".into() } },
            Suggestion { label: "Pause deployer".into(), call: Call::Pause { agent: "deployer".into() } },
        ],
        event: Some(EventRef {
            id: "01980000-0000-7000-8000-000000000000".into(),
            seq: 1841,
            hash: format!("sha256:{}", "0".repeat(64)),
        }),
        public_url: Some("http://127.0.0.1:7878".into()),
    }
}
