//! Notices to render, ordinary ones and wild ones.

use mandate_connect::channel::intervention::Intervention;
use mandate_connect::channel::notice::{
    BlastLine, EventRef, Impact, Kind, Layer, Merged, Notice, PastIncident, Place, Response, Since, What, When, Who,
    WhyYou,
};
use mandate_connect::channel::slack::render::Offer;
use mandate_core::time::{Millis, SECOND, Span};
use proptest::prelude::*;

pub(crate) const ID: &str = "01980000-0000-7000-8000-000000000001";

/// An ordinary notice.
pub(crate) fn notice() -> Notice {
    let place = |resource: &str, owner: Option<&str>, source: &str| Place {
        resource: resource.into(),
        owner: owner.map(str::to_owned),
        source: source.into(),
    };
    Notice {
        id: ID.into(),
        kind: Kind::ActionMonitored,
        at: Millis(1_767_225_600_013),
        label: "monitored".into(),
        urgency: "medium".into(),
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
            diff: Some("+120 −14 in 3 files".into()),
            version: Some("v2.3.1".into()),
            environment: Some("production".into()),
        },
        places: vec![
            place("service:payments-service", Some("@alice"), "ownership.yaml:12"),
            place("file:acme/pay/src/fee.rs", None, "fallback: nobody owns it"),
        ],
        when: When { occurred_at: Millis(1_767_225_600_000), received_at: Millis(1_767_225_600_012), late: None },
        why_you: WhyYou {
            reason: "You own service:payments-service".into(),
            rule: Some("production-deploys".into()),
            confidence: 0.95,
            confidence_words: "very likely".into(),
        },
        impact: Impact::default(),
        since: Since::default(),
        suggestions: Vec::new(),
        event: Some(EventRef { id: ID.into(), seq: 1841, hash: "sha256:00".into() }),
        public_url: Some("https://mandate.example".into()),
    }
}

/// The same with everything that can be known.
pub(crate) fn full() -> Notice {
    let mut notice = notice();
    notice.when.late = Some("arrived 90 s after it happened".into());
    notice.impact = Impact {
        blast_radius: vec![
            BlastLine { layer: Layer::Likely, resource: "service:checkout".into(), owner: Some("@bob".into()) },
            BlastLine { layer: Layer::Possible, resource: "service:invoices".into(), owner: None },
        ],
        check_first: vec!["error rate of payments-service".into(), "queue of checkout".into()],
        resembles: Some(PastIncident {
            title: "INC-12 Checkout down for 40 minutes".into(),
            undone: vec!["Add a canary".into()],
        }),
    };
    notice.since = Since {
        also_told: vec!["@bob".into(), "@carol".into()],
        merged: Some(Merged { count: 41, last_action: "deploy".into(), worst_impact: "high".into() }),
        responses: vec![Response { who: "@alice".into(), did: "paused Deployer".into(), after: SECOND.times(12) }],
    };
    notice
}

/// Everything on offer.
pub(crate) fn everything() -> Offer<'static> {
    Offer { available: &Intervention::ALL, interactive: true, mention: None }
}

/// What agents may call themselves and what they touch: long, empty, in every script, with every kind of markup.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,20}",
        "[\0-\u{1f}\"\\\\&<>*`~_]{0,9}",
        "[a-z/:]{0,30}",
        Just("<!channel>".to_owned()),
        Just("<@U024BE7LH>".to_owned()),
        Just("<https://evil.example|Approve>".to_owned()),
        Just("@here @everyone https://evil.example".to_owned()),
        Just("\u{202e}gpj.exe \u{2066}שלום عليكم".to_owned()),
        Just("👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿👍🏽".to_owned()),
        Just("```\n*Owners notified* nobody\n".to_owned()),
    ];
    (piece, prop_oneof![4 => Just(1usize), 1 => 0usize..800])
        .prop_map(|(piece, times)| piece.repeat(times).chars().take(10_000).collect())
}

/// A notice in which everything may be wild.
pub(crate) fn wild() -> impl Strategy<Value = Notice> {
    let texts = proptest::collection::vec(text(), 16);
    (texts, 0usize..60, any::<i64>(), any::<f64>(), any::<bool>()).prop_map(
        |(texts, many, number, confidence, sane)| {
            let next = |n: usize| texts[n % texts.len()].clone();
            let lines = |n: usize| (n..n + many).map(next).collect::<Vec<_>>();
            let place =
                |n| Place { resource: next(n), owner: Some(next(n + 1)).filter(|_| n % 3 > 0), source: next(n + 2) };
            let reached = |n| BlastLine { layer: Layer::Likely, resource: next(n), owner: Some(next(n + 1)) };
            let response = |n| Response { who: next(n), did: next(n + 1), after: Span(number) };
            Notice {
                id: if sane { ID.into() } else { next(0) },
                kind: Kind::ActionFlagged,
                at: Millis(number),
                label: next(1),
                urgency: next(2),
                recipient: next(3),
                who: Who { kind: next(4), id: next(5), name: next(6), framework: Some(next(7)) },
                what: What {
                    action: next(8),
                    description: Some(next(9)),
                    diff: Some(next(10)),
                    version: Some(next(11)),
                    environment: Some(next(12)),
                },
                places: (0..many).map(place).collect(),
                when: When { occurred_at: Millis(number), received_at: Millis(0), late: Some(next(13)) },
                why_you: WhyYou { reason: next(14), rule: Some(next(15)), confidence, confidence_words: next(0) },
                impact: Impact {
                    blast_radius: (0..many).map(reached).collect(),
                    check_first: lines(1),
                    resembles: Some(PastIncident { title: next(2), undone: lines(3) }),
                },
                since: Since {
                    also_told: lines(4),
                    merged: Some(Merged { count: u64::MAX, last_action: next(5), worst_impact: next(6) }),
                    responses: (0..many).map(response).collect(),
                },
                suggestions: Vec::new(),
                event: Some(EventRef { id: next(7), seq: number, hash: next(8) }),
                public_url: Some(if sane {
                    format!("https://mandate.example/{}", "x".repeat(many * 6))
                } else {
                    next(9)
                }),
            }
        },
    )
}
