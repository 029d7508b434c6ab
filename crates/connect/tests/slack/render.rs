//! What a person reads, for each layout, and what no notice can make of it.

use mandate_connect::channel::intervention::Intervention;
use mandate_connect::channel::notice::{Notice, Place, Response, What};
use mandate_connect::channel::slack::address::Mention;
use mandate_connect::channel::slack::message::Message;
use mandate_connect::channel::slack::render::{Layout, Offer, message};
use mandate_core::time::MINUTE;
use proptest::prelude::*;
use serde_json::Value;

use crate::limits::broken;
use crate::notices::{everything, full, notice, wild};

/// The message as a person reads it: titles after `#`, small print after `~`, buttons in brackets; `‸` is the
/// invisible joiner that keeps a call or an address from being one.
fn read(message: &Message) -> String {
    let message = serde_json::to_value(message).unwrap();
    assert_eq!(broken(&message), Vec::<String>::new());
    let mut page = format!("({})\n", message["text"].as_str().unwrap());
    for block in message["blocks"].as_array().unwrap() {
        let line = match block["type"].as_str().unwrap() {
            "header" => format!("# {}", block["text"]["text"].as_str().unwrap()),
            "section" if block["fields"].is_array() => {
                let fields: Vec<_> = block["fields"].as_array().unwrap().iter().map(shown).collect();
                fields.join("\n")
            }
            "section" => shown(&block["text"]),
            "context" => format!("~ {}", shown(&block["elements"][0])),
            _ => block["elements"].as_array().unwrap().iter().map(button).collect::<Vec<_>>().join(" "),
        };
        page.push_str(&line);
        page.push('\n');
    }
    page.replace('\u{2060}', "‸")
}

fn shown(text: &Value) -> String {
    text["text"].as_str().unwrap().to_owned()
}

fn button(button: &Value) -> String {
    let style = match button["style"].as_str() {
        Some("danger") => "!",
        Some("primary") => "+",
        _ => "",
    };
    let asks = if button["confirm"].is_null() { "" } else { "?" };
    let link = button["url"].as_str().map_or_else(String::new, |url| format!(" → {url}"));
    format!("[{style}{}{asks}{link}]", button["text"]["text"].as_str().unwrap())
}

#[test]
fn standard() {
    insta::assert_snapshot!(read(&message(&notice(), Layout::Standard, &everything())), @r#"
    ([monitored] Agent "Deployer" deploy on service:payments-service and 1 more)
    # [monitored] Agent "Deployer" deploy on service:payments-service and 1 more
    *Action*
    `deploy` · v2.3.1 · production · +120 −14 in 3 files
    *Time*
    <!date^1767225600^{date_short_pretty} {time_secs}|2026-01-01T00:00:00.000Z>
    “Deploy payments-service v2.3.1”
    *Affected*
    • `service:payments-service` owned by @alice (ownership.yaml:12)
    • `file:acme/pay/src/fee.rs` (fallback: nobody owns it)
    *Why you* You own service:payments-service
    very likely (95 %) · rule `production-deploys`
    [View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001] [!Pause Agent] [+Resume Agent] [Flag for Review] [Ask] [👍 Looks OK] [👎 Not relevant] [Acknowledge] [Investigate] [Assign owner]
    ~ `deployer` via mcp · event 1841
    "#);
}

#[test]
fn standard_with_all_that_can_be_known() {
    insta::assert_snapshot!(read(&message(&full(), Layout::Standard, &everything())), @r#"
    ([monitored] Agent "Deployer" deploy on service:payments-service and 1 more — @alice paused Deployer, 12 s after the notice)
    # [monitored] Agent "Deployer" deploy on service:payments-service and 1 more
    *Action*
    `deploy` · v2.3.1 · production · +120 −14 in 3 files
    *Time*
    <!date^1767225600^{date_short_pretty} {time_secs}|2026-01-01T00:00:00.000Z>
    arrived 90 s after it happened
    “Deploy payments-service v2.3.1”
    *Affected*
    • `service:payments-service` owned by @alice (ownership.yaml:12)
    • `file:acme/pay/src/fee.rs` (fallback: nobody owns it)
    *Why you* You own service:payments-service
    very likely (95 %) · rule `production-deploys`
    *Check first*
    • error rate of payments-service
    • queue of checkout
    *Blast radius* (<https://mandate.example/notifications/01980000-0000-7000-8000-000000000001#blast-radius|see all of it>)
    • likely: `service:checkout` owned by @bob
    • possible: `service:invoices` owned by nobody
    *Began like* INC-12 Checkout down for 40 minutes, of which is not done yet:
    • Add a canary
    *and 41 more actions in this session* · last `deploy` · worst impact high
    ↳ @alice paused Deployer, 12 s after the notice
    [View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001] [!Pause Agent] [+Resume Agent] [Flag for Review] [Ask] [👍 Looks OK] [👎 Not relevant] [Acknowledge] [Investigate] [Assign owner]
    ~ `deployer` via mcp · event 1841
    "#);
}

#[test]
fn critical() {
    let mut critical = full();
    critical.label = "critical".into();
    critical.since.responses.clear();
    critical.since.merged = None;
    let mention = Mention::parse("U0ALICE").unwrap();
    let offer = Offer { mention: Some(&mention), ..everything() };
    insta::assert_snapshot!(read(&message(&critical, Layout::Critical, &offer)), @r#"
    (<@U0ALICE> 🔴 [critical] Agent "Deployer" deploy on service:payments-service and 1 more)
    # 🔴 [critical] Agent "Deployer" deploy on service:payments-service and 1 more
    *Action*
    `deploy` · v2.3.1 · production · +120 −14 in 3 files
    *Time*
    <!date^1767225600^{date_short_pretty} {time_secs}|2026-01-01T00:00:00.000Z>
    arrived 90 s after it happened
    “Deploy payments-service v2.3.1”
    *Affected*
    • `service:payments-service` owned by @alice (ownership.yaml:12)
    • `file:acme/pay/src/fee.rs` (fallback: nobody owns it)
    *Owners notified* @bob, @carol
    <@U0ALICE> *Why you* You own service:payments-service
    very likely (95 %) · rule `production-deploys`
    *Check first*
    • error rate of payments-service
    • queue of checkout
    *Blast radius* (<https://mandate.example/notifications/01980000-0000-7000-8000-000000000001#blast-radius|see all of it>)
    • likely: `service:checkout` owned by @bob
    • possible: `service:invoices` owned by nobody
    *Began like* INC-12 Checkout down for 40 minutes, of which is not done yet:
    • Add a canary
    [View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001] [!Rollback?] [!Pause All Deploys?] [Acknowledge] [Investigate] [!Pause Agent] [+Resume Agent] [Flag for Review] [Ask] [Assign owner] [Escalate] [Create incident?]
    ~ `deployer` via mcp · event 1841
    "#);
}

#[test]
fn gated() {
    let mut gated = notice();
    gated.label = "gated".into();
    insta::assert_snapshot!(read(&message(&gated, Layout::Gated, &everything())), @r#"
    ([gated] Agent "Deployer" deploy on service:payments-service and 1 more)
    # [gated] Agent "Deployer" deploy on service:payments-service and 1 more
    *Action*
    `deploy` · v2.3.1 · production · +120 −14 in 3 files
    *Time*
    <!date^1767225600^{date_short_pretty} {time_secs}|2026-01-01T00:00:00.000Z>
    “Deploy payments-service v2.3.1”
    *Affected*
    • `service:payments-service` owned by @alice (ownership.yaml:12)
    • `file:acme/pay/src/fee.rs` (fallback: nobody owns it)
    *Why you* You own service:payments-service
    very likely (95 %) · rule `production-deploys`
    [View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001] [+Approve?] [!Reject?] [Ask]
    ~ `deployer` via mcp · event 1841
    "#);
}

#[test]
fn incident() {
    let mut incident = full();
    incident.label = "incident".into();
    incident.since.merged = None;
    incident.since.responses.clear();
    insta::assert_snapshot!(read(&message(&incident, Layout::Incident, &everything())), @r#"
    ([incident] Agent "Deployer" deploy on service:payments-service and 1 more)
    # [incident] Agent "Deployer" deploy on service:payments-service and 1 more
    *Action*
    `deploy` · v2.3.1 · production · +120 −14 in 3 files
    *Time*
    <!date^1767225600^{date_short_pretty} {time_secs}|2026-01-01T00:00:00.000Z>
    arrived 90 s after it happened
    “Deploy payments-service v2.3.1”
    *Affected*
    • `service:payments-service` owned by @alice (ownership.yaml:12)
    • `file:acme/pay/src/fee.rs` (fallback: nobody owns it)
    *Why you* You own service:payments-service
    very likely (95 %) · rule `production-deploys`
    *Check first*
    • error rate of payments-service
    • queue of checkout
    *Blast radius* (<https://mandate.example/notifications/01980000-0000-7000-8000-000000000001#blast-radius|see all of it>)
    • likely: `service:checkout` owned by @bob
    • possible: `service:invoices` owned by nobody
    *Began like* INC-12 Checkout down for 40 minutes, of which is not done yet:
    • Add a canary
    [View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001] [+Claim coordinator] [Join] [Confirm cause?] [Mark unrelated] [Acknowledge] [!Rollback?] [!Pause Agent] [+Resume Agent] [Assign owner] [Escalate]
    ~ `deployer` via mcp · event 1841
    "#);
}

#[test]
fn system_alert() {
    let mut alert = notice();
    alert.who.name = "Mandate".into();
    alert.what.action = "needs somebody".into();
    alert.what.description = Some("channel `ops-slack` is broken: slack answered `token_revoked`".into());
    alert.why_you.reason = "you look after Mandate (`admins` in mandate.yaml)".into();
    (alert.places, alert.event) = (Vec::new(), None);
    insta::assert_snapshot!(read(&message(&alert, Layout::SystemAlert, &everything())), @r"
    (⚠️ Mandate needs somebody)
    # ⚠️ Mandate needs somebody
    channel `ops-slack` is broken: slack answered `token_revoked`
    *Why you* you look after Mandate (ˋadminsˋ in mandate.yaml)
    [View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001] [Acknowledge] [Investigate]
    ");
}

#[test]
fn digest() {
    insta::assert_snapshot!(read(&message(&full(), Layout::Digest, &everything())), @r#"
    ([monitored] Agent "Deployer" deploy on service:payments-service and 1 more — @alice paused Deployer, 12 s after the notice)
    # [monitored] Agent "Deployer" deploy on service:payments-service and 1 more
    “Deploy payments-service v2.3.1”
    *Affected*
    • `service:payments-service` owned by @alice (ownership.yaml:12)
    • `file:acme/pay/src/fee.rs` (fallback: nobody owns it)
    *Why you* You own service:payments-service
    very likely (95 %) · rule `production-deploys`
    *and 41 more actions in this session* · last `deploy` · worst impact high
    ↳ @alice paused Deployer, 12 s after the notice
    [View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001] [👍 Looks OK] [👎 Not relevant]
    ~ `deployer` via mcp · event 1841
    "#);
}

#[test]
fn after_a_response_the_buttons_that_are_left_remain() {
    let mut paused = full();
    paused.since.responses.push(Response { who: "@bob".into(), did: "is investigating".into(), after: MINUTE });
    let left = [Intervention::ResumeAgent, Intervention::FlagForReview];
    let offer = Offer { available: &left, ..everything() };
    let page = read(&message(&paused, Layout::Standard, &offer));
    let last: Vec<_> = page.lines().rev().take(4).collect();
    insta::assert_snapshot!(last.into_iter().rev().collect::<Vec<_>>().join("\n"), @r"
    ↳ @alice paused Deployer, 12 s after the notice
    ↳ @bob is investigating, 1 min after the notice
    [View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001] [+Resume Agent] [Flag for Review]
    ~ `deployer` via mcp · event 1841
    ");
    assert!(page.starts_with("([monitored] Agent \"Deployer\" deploy on service:payments-service and 1 more — @bob is investigating, 1 min after the notice)\n"));
}

#[test]
fn nothing_is_offered_that_is_not_available() {
    for layout in Layout::ALL {
        let page = read(&message(&notice(), layout, &Offer { available: &[], ..everything() }));
        let buttons: Vec<_> = page.lines().filter(|line| line.starts_with('[')).collect();
        assert_eq!(
            buttons,
            ["[View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001]"]
        );
    }
}

#[test]
fn without_callbacks_buttons_open_the_dashboard_and_without_a_dashboard_there_are_none() {
    let available = [Intervention::PauseAgent, Intervention::LooksOk];
    let mut offer = Offer { available: &available, interactive: false, mention: None };
    let page = read(&message(&notice(), Layout::Standard, &offer));
    let url = "https://mandate.example/notifications/01980000-0000-7000-8000-000000000001";
    let expect =
        format!("[View Details → {url}] [Pause Agent → {url}?do=pause_agent] [👍 Looks OK → {url}?do=looks_ok]");
    assert!(page.contains(&expect), "{page}");

    let bare = Notice { public_url: None, ..notice() };
    assert!(!read(&message(&bare, Layout::Standard, &offer)).contains("\n["));
    offer.interactive = true;
    assert!(read(&message(&bare, Layout::Standard, &offer)).contains("\n[!Pause Agent] [👍 Looks OK]\n"));
    for unfit in
        ["javascript:alert(1)", "https://a b", "https://a>b", "https://a|b", &format!("https://{}", "a".repeat(500))]
    {
        let unfit = Notice { public_url: Some(unfit.into()), ..full() };
        let page = read(&message(&unfit, Layout::Standard, &offer));
        assert!(!page.contains("View Details") && !page.contains('→'), "{page}");
    }
}

#[test]
fn agents_can_mention_nobody_and_link_nowhere() {
    let mut sly = full();
    let tricks = "<!channel> <@U1> <https://evil.example|View Details> @here *bold* `code`\n*Owners notified* nobody";
    sly.who.name = tricks.into();
    sly.what = What {
        action: tricks.into(),
        description: Some(tricks.into()),
        diff: Some(tricks.into()),
        version: Some(tricks.into()),
        environment: Some(tricks.into()),
    };
    sly.places[0].resource = tricks.into();
    sly.since.responses[0].did = tricks.into();
    for layout in Layout::ALL {
        read(&message(&sly, layout, &everything()));
    }
    insta::assert_snapshot!(read(&message(&sly, Layout::Critical, &everything())), @r#"
    (🔴 [monitored] Agent "&lt;!channel&gt; &lt;@U1&gt; &lt;https:‸//evil.example|View Details&gt; @‸here ∗bold∗ ˋcodeˋ ∗Owners notified∗ nobody" &lt;!channel&gt; &lt;@U1&gt; &lt;https:‸//evil.example|View Details&gt; @‸here ∗bold∗ ˋcodeˋ ∗Owners notified∗ nobody on &lt;!channel&gt; &lt;@U1&gt; &lt;https:‸//evil.example|View Details&gt; @‸here ∗bold∗ ˋcodeˋ ∗Owners notified∗ nobody and 1 more — @alice &lt;!channel&gt; &lt;@U1&gt; &lt;https:‸//evil.example|View Details&gt; @‸here ∗bold∗ ˋcodeˋ ∗Owners notified∗ nobody, 12 s after the notice)
    # 🔴 [monitored] Agent "<!channel> <@U1> <https://evil.example|View Details> @‸here *bold* `code` *Owners notified* nobody" <!channel> <@U1> <https://e…
    *Action*
    `&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|View Details&gt; @‸here *bold* ˋcodeˋ *Owners notified* nobody` · &lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|View Details&gt; @‸here ∗bold∗ ˋcodeˋ ∗Owners notified∗ nobody · &lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|View Details&gt; @‸here ∗bold∗ ˋcodeˋ ∗Owners notified∗ nobody · &lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|View Details&gt; @‸here ∗bold∗ ˋcodeˋ ∗Owners notified∗ nobody
    *Time*
    <!date^1767225600^{date_short_pretty} {time_secs}|2026-01-01T00:00:00.000Z>
    arrived 90 s after it happened
    “<!channel> <@U1> <https://evil.example|View Details> @‸here *bold* `code`
    *Owners notified* nobody”
    *Affected*
    • `&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|View Details&gt; @‸here *bold* ˋcodeˋ *Owners notified* nobody` owned by @alice (ownership.yaml:12)
    • `file:acme/pay/src/fee.rs` (fallback: nobody owns it)
    *Owners notified* @bob, @carol
    *Why you* You own service:payments-service
    very likely (95 %) · rule `production-deploys`
    *Check first*
    • error rate of payments-service
    • queue of checkout
    *Blast radius* (<https://mandate.example/notifications/01980000-0000-7000-8000-000000000001#blast-radius|see all of it>)
    • likely: `service:checkout` owned by @bob
    • possible: `service:invoices` owned by nobody
    *Began like* INC-12 Checkout down for 40 minutes, of which is not done yet:
    • Add a canary
    *and 41 more actions in this session* · last `deploy` · worst impact high
    ↳ @alice &lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|View Details&gt; @‸here ∗bold∗ ˋcodeˋ ∗Owners notified∗ nobody, 12 s after the notice
    [View Details → https://mandate.example/notifications/01980000-0000-7000-8000-000000000001] [!Rollback?] [!Pause All Deploys?] [Acknowledge] [Investigate] [!Pause Agent] [+Resume Agent] [Flag for Review] [Ask] [Assign owner] [Escalate] [Create incident?]
    ~ `deployer` via mcp · event 1841
    "#);
}

#[test]
fn many_resources_are_counted() {
    let mut many = notice();
    let place = many.places[0].clone();
    many.places = (0..60).map(|n| Place { resource: format!("file:src/{n}.rs"), ..place.clone() }).collect();
    let page = read(&message(&many, Layout::Standard, &everything()));
    assert!(page.contains("• `file:src/11.rs` owned by @alice (ownership.yaml:12)\n…and 48 more\n"), "{page}");
}

#[test]
fn a_note_keeps_the_limits() {
    let lines = "people:\n  - name: \"@bob\"\n    slack: T1/U2";
    let note = Message::note("Nobody here knows you yet. Add to ownership.yaml:", Some(lines));
    insta::assert_snapshot!(read(&note), @r#"
    (Nobody here knows you yet. Add to ownership.yaml:)
    Nobody here knows you yet. Add to ownership.yaml:
    ```
    people:
      - name: "@bob"
        slack: T1/U2
    ```
    "#);
    for (words, snippet) in [("", Some("")), (&"<x> @here\n".repeat(2_000), Some("`<x>`\n".repeat(2_000).as_str()))] {
        let note = serde_json::to_value(Message::note(words, snippet)).unwrap();
        assert_eq!(broken(&note), Vec::<String>::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever a notice holds, its message keeps every limit, and says which notification it is.
    #[test]
    fn every_message_keeps_the_limits(
        notice in wild(),
        layout in proptest::sample::select(Layout::ALL.to_vec()),
        interactive in any::<bool>(),
    ) {
        let offer = Offer { interactive, ..everything() };
        let sent = serde_json::to_value(message(&notice, layout, &offer)).unwrap();
        prop_assert_eq!(broken(&sent), Vec::<String>::new());
        let id = sent["metadata"]["event_payload"]["notification_id"].as_str().unwrap();
        prop_assert!(notice.id != crate::notices::ID || id == notice.id);
        prop_assert!(id.encode_utf16().count() <= 64);
    }
}
