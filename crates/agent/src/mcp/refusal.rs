//! What passes of a line while not everything may, and the answers to what does not.

use std::time::Duration;

use serde_json::value::RawValue;

use super::message::{Line, Message};
use crate::control::{Gate, Verdict};

/// A first call waits this long for the control state, then goes through.
pub(super) const STATE_WAIT: Duration = Duration::from_millis(150);

/// What becomes of one line from the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// All of it goes on as it came.
    Pass,
    /// Nothing of it, or only `rest`, goes on; `answers` are lines for the client.
    Part {
        /// The answers to what was refused.
        answers: Vec<Vec<u8>>,
        /// What is left of a batch.
        rest: Option<Vec<u8>>,
    },
}

/// What is known of the connection when a call is judged.
#[derive(Debug, Default, Clone)]
pub(super) struct Known {
    /// The server's name, empty until it is known.
    pub(super) server: String,
    /// Whether the connection was seen to be of the stateless revision.
    pub(super) modern: bool,
    /// Tools that were announced as reading only, or not.
    pub(super) read_only: std::collections::HashMap<String, bool>,
}

/// Judges a line, read strictly, under a gate that is not open.
pub(super) fn judge(line: &Line<'_>, gate: &Gate, known: &Known) -> Judged {
    match line {
        Line::Blank => Judged::Pass,
        // It might be a call to a reader that is less strict, and of any tool.
        Line::Opaque => Judged::Part { answers: Vec::new(), rest: None },
        Line::One(message) => match refuse(message, gate, known) {
            None => Judged::Pass,
            Some(answer) => Judged::Part { answers: answer.into_iter().collect(), rest: None },
        },
        Line::Batch(items) => {
            let mut answers = Vec::new();
            let mut passing = Vec::new();
            for (raw, message) in items {
                // What cannot be read is withheld here too.
                let Some(message) = message else { continue };
                match refuse(message, gate, known) {
                    None => passing.push(*raw),
                    Some(answer) => answers.extend(answer),
                }
            }
            if passing.len() == items.len() {
                return Judged::Pass;
            }
            Judged::Part { answers, rest: (!passing.is_empty()).then(|| batch(&passing)) }
        }
    }
}

/// `None` when the message passes; else its answer, when it has an id to be answered to.
fn refuse(message: &Message<'_>, gate: &Gate, known: &Known) -> Option<Option<Vec<u8>>> {
    if !message.is_tool_call() {
        return None;
    }
    let tool = message.tool();
    let read_only = tool.as_ref().and_then(|tool| known.read_only.get(tool.as_ref()).copied());
    match gate.decide(&known.server, tool.as_deref(), read_only) {
        Verdict::Pass => None,
        Verdict::Refuse(text) => {
            let modern = known.modern || message.meta().is_modern();
            Some(message.id.map(|id| answer(id, &text, modern)))
        }
    }
}

/// The result of a call that was not made: an error the model can read, not one of the protocol.
fn answer(id: &RawValue, text: &str, modern: bool) -> Vec<u8> {
    let kind = if modern { r#""resultType":"complete","# } else { "" };
    let text = serde_json::Value::from(text);
    let id = id.get();
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{{kind}"content":[{{"type":"text","text":{text}}}],"isError":true}}}}"#
    )
    .into_bytes()
    .into_iter()
    .chain([b'\n'])
    .collect()
}

fn batch(items: &[&RawValue]) -> Vec<u8> {
    let items: Vec<&str> = items.iter().map(|raw| raw.get()).collect();
    format!("[{}]\n", items.join(",")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_api::{AgentState, Control};
    use proptest::prelude::*;
    use serde_json::Value;

    fn paused() -> Gate {
        let control =
            Control { state: AgentState::Paused, by: Some("@alice".into()), version: 1, ..Control::running() };
        Gate::new(control)
    }

    fn check(line: &str, known: &Known, answers: &[&str], rest: Option<&str>) {
        let expect = Judged::Part {
            answers: answers.iter().map(|answer| format!("{answer}\n").into_bytes()).collect(),
            rest: rest.map(|rest| format!("{rest}\n").into_bytes()),
        };
        assert_eq!(judge(&Line::read(line.as_bytes()), &paused(), known), expect, "{line}");
    }

    const TEXT: &str =
        r#""content":[{"type":"text","text":"Paused by @alice. Do not retry; wait or ask @alice."}],"isError":true"#;

    #[test]
    fn a_paused_call_is_answered_under_its_own_id() {
        let known = Known::default();
        for id in ["1", "1.50", "\"a\\u0062\"", "12345678901234567890123"] {
            let line = format!(r#"{{"method":"tools/call","params":{{"name":"x"}},"id":{id}}}"#);
            check(&line, &known, &[&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{TEXT}}}}}"#)], None);
        }
        let modern = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"resultType":"complete",{TEXT}}}}}"#);
        check(
            r#"{"id":1,"method":"tools/call","params":{"name":"x","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
            &known,
            &[&modern],
            None,
        );
        let known = Known { modern: true, ..Known::default() };
        check(r#"{"id":1,"method":"tools/call"}"#, &known, &[&modern], None);
    }

    #[test]
    fn what_cannot_be_read_or_answered_is_withheld() {
        let known = Known::default();
        for line in [
            "{\"id\":1,\"method\":\"tools/call\"",
            "garbage",
            r#"{"method":"tools/call"}"#,
            r#"{"id":null,"method":"tools/call"}"#,
        ] {
            check(line, &known, &[], None);
        }
        for line in ["", "\r", r#"{"id":1,"method":"ping"}"#, r#"{"id":1,"result":{}}"#, r#"[{"method":"ping"}]"#] {
            assert_eq!(judge(&Line::read(line.as_bytes()), &paused(), &known), Judged::Pass, "{line}");
        }
    }

    #[test]
    fn in_a_batch_each_call_is_answered_and_the_rest_passes_as_it_was() {
        let answer = |id| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{TEXT}}}}}"#);
        check(
            r#"[ {"id":1, "method":"tools/call"}, {"method":"ping", "id":2.0 ,"x":[ ]},{"id":"c","method":"tools/call"}, 7]"#,
            &Known::default(),
            &[&answer("1"), &answer("\"c\"")],
            Some(r#"[{"method":"ping", "id":2.0 ,"x":[ ]}]"#),
        );
        check(r#"[{"id":1,"method":"tools/call"}]"#, &Known::default(), &[&answer("1")], None);
    }

    /// What holds whatever `line` is: no reader, however lenient, finds a call in what passes a paused agent. A plain
    /// function, so that a fuzzer can drive it as well.
    fn check_invariants(line: &[u8]) {
        let off = Control { disabled_tools: vec!["*".into()], ..Control::running() };
        let read_only = Control { state: AgentState::ReadOnly, ..Control::running() };
        for gate in [paused(), Gate::new(off), Gate::new(read_only)] {
            let passed = match judge(&Line::read_strictly(line), &gate, &Known::default()) {
                Judged::Pass => line.to_vec(),
                Judged::Part { rest, .. } => rest.unwrap_or_default(),
            };
            let found = passed.split(|byte| matches!(byte, b'\n' | b'\r')).any(calls);
            assert!(!found, "{:?} let a call through", String::from_utf8_lossy(line));
        }
    }

    /// Whether a reader that takes the last of members that stand twice finds a call.
    fn calls(line: &[u8]) -> bool {
        let is_call = |message: &Value| message.get("method").is_some_and(|method| method == "tools/call");
        match serde_json::from_slice::<Value>(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)) {
            Ok(Value::Array(messages)) => messages.iter().any(is_call),
            Ok(message) => is_call(&message),
            Err(_unreadable) => false,
        }
    }

    /// A message of members that may stand twice, alone or in a batch, with white space of all kinds.
    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let members = [
            r#""method":"tools/call""#,
            r#""method" : "tools\/call""#,
            r#""m\u0065thod":"tools/call""#,
            r#""method":"ping""#,
            r#""method":7"#,
            r#""id":1"#,
            r#""params":{"name":"x"}"#,
            r#""params":{"name":"x","name":"y"}"#,
            r#""x":{"method":"tools/call"}"#,
        ];
        let space = prop::sample::select(&["", "", "", " ", "\t", "\r"][..]);
        let members = prop::collection::vec((prop::sample::select(members.to_vec()), space.clone()), 0..5);
        let message = members.prop_map(|members| {
            let members: Vec<String> =
                members.iter().map(|(member, space)| format!("{space}{member}{space}")).collect();
            format!("{{{}}}", members.join(","))
        });
        let message = prop_oneof![9 => message, 1 => Just("7".to_owned()), 1 => Just("\u{feff}{}".to_owned())];
        let batch = prop::collection::vec((message.clone(), space), 0..4).prop_map(|messages| {
            let messages: Vec<String> = messages.iter().map(|(message, space)| format!("{space}{message}")).collect();
            format!("[{}]", messages.join(","))
        });
        let junk = prop::collection::vec(any::<u8>(), 0..8);
        prop_oneof![
            4 => message.prop_map(String::into_bytes),
            4 => batch.prop_map(String::into_bytes),
            1 => junk,
        ]
    }

    proptest! {
        #[test]
        fn no_reader_finds_a_call_in_what_passes(line in lines()) {
            check_invariants(&line);
        }
    }
}
