use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::channel::slack::view::{Asked, View};

fn pressed() -> Value {
    json!({
        "type": "block_actions",
        "user": {"id": "U1", "username": "alice", "name": "alice", "team_id": "T1"},
        "api_app_id": "A1", "token": "legacy",
        "container": {"type": "message", "message_ts": "1767225600.000100", "channel_id": "C1", "is_ephemeral": false},
        "trigger_id": "12.34.ab", "team": {"id": "T1", "domain": "acme"}, "enterprise": null,
        "channel": {"id": "C1", "name": "payments"}, "message": {"ts": "1767225600.000100"},
        "response_url": "https://hooks.example/actions/T1/1/x",
        "actions": [{
            "type": "button", "action_id": "pause_agent", "block_id": "x",
            "text": {"type": "plain_text", "text": "Pause Agent"}, "value": "0198", "action_ts": "1767225612.1"
        }]
    })
}

fn encoded(payload: &Value) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("payload", &payload.to_string()).finish().into_bytes()
}

fn user(team: &str, user: &str) -> SlackUser {
    SlackUser { team: team.into(), user: user.into() }
}

#[test]
fn a_press_says_who_what_and_where() {
    let expect = Press {
        who: user("T1", "U1"),
        action: Action::Intervene(Intervention::PauseAgent),
        notification: "0198".into(),
        message: Some(Receipt { channel: "C1".into(), ts: "1767225600.000100".into() }),
        response_url: Some("https://hooks.example/actions/T1/1/x".into()),
        trigger_id: Some("12.34.ab".into()),
        dedupe: "press:12.34.ab:1767225612.1".into(),
    };
    assert_eq!(form(&encoded(&pressed())), Ok(Inbound::Press(expect.clone())));
    assert_eq!(enveloped("interactive", &pressed()), Ok(Inbound::Press(expect)));
}

#[test]
fn whoever_presses_belongs_to_their_own_workspace() {
    let who = |change: &dyn Fn(&mut Value)| {
        let mut payload = pressed();
        change(&mut payload);
        match form(&encoded(&payload)) {
            Ok(Inbound::Press(press)) => Ok(press.who),
            other => Err(format!("{other:?}")),
        }
    };
    assert_eq!(who(&|payload| payload["user"]["team_id"] = json!("T2")), Ok(user("T2", "U1")));
    assert_eq!(who(&|payload| payload["user"]["team_id"] = Value::Null), Ok(user("T1", "U1")));
    let organisation = |payload: &mut Value| {
        payload["user"]["team_id"] = Value::Null;
        payload["team"] = Value::Null;
        payload["enterprise"] = json!({"id": "E1"});
    };
    assert_eq!(who(&organisation), Ok(user("E1", "U1")));
    assert!(who(&|payload| payload["user"] = Value::Null).unwrap_err().contains("missing: \"user\""));
    assert!(who(&|payload| payload["actions"] = json!([])).unwrap_err().contains("missing: \"action\""));
}

#[test]
fn what_only_one_person_sees_is_not_updated() {
    let mut payload = pressed();
    payload["container"]["is_ephemeral"] = json!(true);
    let Ok(Inbound::Press(press)) = form(&encoded(&payload)) else { panic!("no press") };
    assert_eq!(press.message, None);
}

#[test]
fn an_answered_modal_remembers_what_it_was_opened_for() {
    let message = Some(Receipt { channel: "C1".into(), ts: "1.2".into() });
    let asked = Asked { notification: "0198".into(), message: message.clone() };
    let view = serde_json::to_value(View::of(Intervention::AskQuestion, "about", &asked).unwrap()).unwrap();
    let payload = json!({
        "type": "view_submission", "team": {"id": "T1"}, "user": {"id": "U1"}, "trigger_id": "5.6.cd",
        "view": {
            "id": "V1", "hash": "h", "callback_id": view["callback_id"], "private_metadata": view["private_metadata"],
            "state": {"values": {"words": {"words": {"type": "plain_text_input", "value": " why now? \n"}}}}
        }
    });
    let expect = Submission {
        who: user("T1", "U1"),
        intervention: Intervention::AskQuestion,
        notification: "0198".into(),
        message,
        text: "why now?".into(),
        dedupe: "view:5.6.cd".into(),
    };
    assert_eq!(form(&encoded(&payload)), Ok(Inbound::Submission(expect)));
    let mut empty = payload;
    empty["view"]["state"]["values"]["words"]["words"]["value"] = Value::Null;
    assert!(matches!(form(&encoded(&empty)), Ok(Inbound::Submission(Submission { text, .. })) if text.is_empty()));
    empty["view"]["callback_id"] = json!("another_app");
    assert_eq!(form(&encoded(&empty)), Ok(Inbound::Other("another_app".into())));
}

#[test]
fn commands_probes_and_challenges_are_read() {
    let command = "token=x&team_id=T1&team_domain=acme&channel_id=C1&channel_name=general&user_id=U1&user_name=alice\
        &command=%2Fmandate&text=+pause+deployer&response_url=https%3A%2F%2Fhooks.example%2Fx&trigger_id=7.8.ef&api_app_id=A1";
    let expect = Command {
        who: user("T1", "U1"),
        command: "/mandate".into(),
        text: "pause deployer".into(),
        channel: "C1".into(),
        response_url: Some("https://hooks.example/x".into()),
        trigger_id: Some("7.8.ef".into()),
        dedupe: "command:7.8.ef".into(),
    };
    assert_eq!(form(command.as_bytes()), Ok(Inbound::Command(expect)));
    assert_eq!(form(b"ssl_check=1&token=x"), Ok(Inbound::Probe));
    assert_eq!(event(br#"{"type":"url_verification","challenge":"c"}"#), Ok(Inbound::Challenge("c".into())));
    assert_eq!(event(br#"{"type":"app_rate_limited"}"#), Ok(Inbound::Other("app_rate_limited".into())));
    let mention = br#"{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}"#;
    assert_eq!(event(mention), Ok(Inbound::Other("app_mention".into())));
}

#[test]
fn a_lost_receipt_comes_with_the_metadata() {
    let posted = json!({
        "type": "event_callback", "event_id": "Ev1", "team_id": "T1",
        "event": {
            "type": "message_metadata_posted", "channel_id": "C1", "message_ts": "1.2",
            "metadata": {"event_type": "mandate_notification", "event_payload": {"notification_id": "0198"}}
        }
    });
    let message = Receipt { channel: "C1".into(), ts: "1.2".into() };
    let expect = Inbound::Seen { notification: "0198".into(), message, dedupe: "event:Ev1".into() };
    assert_eq!(event(posted.to_string().as_bytes()), Ok(expect));
    let other = posted.to_string().replace("mandate_notification", "another_app");
    assert_eq!(event(other.as_bytes()), Ok(Inbound::Other("message_metadata_posted".into())));
}

#[test]
fn what_cannot_be_read_says_why() {
    let check = |answer: Result<Inbound, Unreadable>, expect: &str| {
        let why = answer.unwrap_err().to_string();
        assert!(why.starts_with(expect), "{why}");
    };
    check(form(b""), "the command names no command");
    check(form(b"command=%2Fmandate&user_id=U1"), "the command names no team");
    check(form(b"command=%2Fmandate&team_id=T1&user_id=U1"), "the command names no trigger");
    check(form(b"payload=%7B"), "the interaction is not what slack sends: ");
    check(
        form(&encoded(&json!({"type": "block_actions", "actions": "all"}))),
        "the interaction is not what slack sends: ",
    );
    check(event(br#"{"type":"url_verification"}"#), "the event is not what slack sends: ");
    check(event(b"[]"), "the event is not what slack sends: ");
    check(event(&vec![b' '; BODY_BYTES + 1]), "the body has 524289 bytes");
    check(event("[".repeat(10_000).as_bytes()), "the event is not what slack sends: ");
}

/// A payload with one of its values replaced by something else.
fn damaged() -> impl Strategy<Value = Value> {
    let junk = prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!(-1)),
        Just(json!(true)),
        ".{0,20}".prop_map(Value::from)
    ];
    (proptest::sample::select(vec!["user", "team", "container", "trigger_id", "response_url", "actions", "type"]), junk)
        .prop_map(|(name, junk)| {
            let mut payload = pressed();
            payload[name] = junk;
            payload
        })
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = (form(&bytes), event(&bytes), form(&[b"payload=", bytes.as_slice()].concat()));
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = enveloped(text, &json!({"type": text}));
        }
    }

    #[test]
    fn any_damage_is_answered(payload in damaged()) {
        let whole = form(&encoded(&payload));
        prop_assert_eq!(&whole, &enveloped("interactive", &payload));
        if let Ok(Inbound::Press(press)) = whole {
            prop_assert!(!press.who.user.is_empty() && !press.who.team.is_empty());
        }
        let _ = (enveloped("slash_commands", &payload), enveloped("events_api", &payload));
    }
}
