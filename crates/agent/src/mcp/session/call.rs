//! One tool call and what a server's answer says of it.

use std::borrow::Cow;

use mandate_api::{OutcomeReport, OutcomeStatus};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::mcp::message::Message;
use crate::mcp::text::beginning;

/// The shapes of so many content blocks are told.
const MAX_BLOCKS: usize = 32;

/// A call that has not ended.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) key: String,
    pub(super) sequence: i64,
    /// When it began, on the monotonic clock, in milliseconds.
    pub(super) began: i64,
    pub(super) tool: Option<String>,
    pub(super) arguments: Option<Box<RawValue>>,
}

/// What an answer to a call means.
#[derive(Debug)]
pub(super) enum Answer {
    /// It ended.
    Ended(OutcomeReport),
    /// The client is to repeat it with more input; the state to be repeated is kept as it was sent.
    NeedsInput(Option<String>),
    /// It goes on as a task with this id.
    Task(String),
}

#[derive(Debug, Default, Deserialize)]
struct CallResult<'l> {
    #[serde(default, borrow, rename = "resultType")]
    result_type: Option<Cow<'l, str>>,
    #[serde(default, borrow, rename = "requestState")]
    request_state: Option<&'l RawValue>,
    // Left raw, so that one member of another shape does not hide the others.
    #[serde(default, borrow, rename = "taskId")]
    task_id: Option<&'l RawValue>,
    #[serde(default, borrow)]
    task: Option<&'l RawValue>,
    #[serde(default, borrow, rename = "isError")]
    is_error: Option<&'l RawValue>,
    #[serde(default, borrow)]
    content: Option<&'l RawValue>,
    #[serde(default, borrow, rename = "structuredContent")]
    structured: Option<&'l RawValue>,
}

#[derive(Debug, Deserialize)]
struct Task {
    #[serde(rename = "taskId")]
    id: String,
}

#[derive(Debug, Default, Deserialize)]
struct Block<'l> {
    #[serde(default, borrow, rename = "type")]
    kind: Option<Cow<'l, str>>,
    #[serde(default, borrow)]
    text: Option<Cow<'l, str>>,
}

impl CallResult<'_> {
    fn is_error(&self) -> bool {
        self.is_error.is_some_and(|raw| raw.get() == "true")
    }

    fn task(&self) -> Option<String> {
        let id = self.task_id.and_then(|raw| serde_json::from_str(raw.get()).ok());
        id.or_else(|| serde_json::from_str::<Task>(self.task?.get()).ok().map(|task| task.id))
    }
}

impl Answer {
    pub(super) fn read(message: &Message<'_>) -> Self {
        #[derive(Deserialize, Default)]
        struct Failure<'l> {
            #[serde(default)]
            code: Option<i64>,
            #[serde(default, borrow)]
            message: Option<Cow<'l, str>>,
        }
        if let Some(error) = message.error {
            let failure: Failure<'_> = serde_json::from_str(error.get()).unwrap_or_default();
            let text = failure.message.unwrap_or_default();
            let text = failure.code.map_or_else(|| text.to_string(), |code| format!("{text} ({code})"));
            return Self::Ended(failed("protocol_error", &text));
        }
        let result: CallResult<'_> = message.result();
        match (result.result_type.as_deref(), result.task()) {
            (Some("input_required"), _) => Self::NeedsInput(result.request_state.map(|raw| raw.get().to_owned())),
            (Some("task") | None, Some(task)) => Self::Task(task),
            _ => Self::Ended(
                message.result.map_or_else(|| failed("protocol_error", "an answer without a result"), ended),
            ),
        }
    }
}

/// The outcome that a result means: shapes and sizes, and the first words of an error.
pub(super) fn ended(result: &RawValue) -> OutcomeReport {
    let read: CallResult<'_> = serde_json::from_str(result.get()).unwrap_or_default();
    let is_error = read.is_error();
    let content: Vec<&RawValue> = read.content.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let mut error = None;
    let shapes: Vec<Value> = content
        .iter()
        .take(MAX_BLOCKS)
        .map(|raw| {
            let block: Block<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
            if let (true, None, Some(text)) = (is_error, &error, &block.text) {
                error = Some(beginning(text, 2_000).to_owned());
            }
            let kind: String = block.kind.as_deref().unwrap_or("unknown").chars().take(40).collect();
            json!({"type": kind, "bytes": block.text.map_or(raw.get().len(), |text| text.len())})
        })
        .collect();
    let mut shape = json!({"is_error": is_error, "bytes": result.get().len(), "content": shapes});
    if content.len() > MAX_BLOCKS {
        shape["more"] = (content.len() - MAX_BLOCKS).into();
    }
    if let Some(structured) = read.structured {
        shape["structured_bytes"] = structured.get().len().into();
    }
    OutcomeReport {
        status: if is_error { OutcomeStatus::Failed } else { OutcomeStatus::Completed },
        failure_mode: is_error.then(|| "tool_error".to_owned()),
        error,
        duration_ms: None,
        result: Some(shape),
    }
}

/// An outcome without a result.
pub(super) fn failed(mode: &str, error: &str) -> OutcomeReport {
    OutcomeReport {
        status: OutcomeStatus::Failed,
        error: Some(error.to_owned()),
        failure_mode: Some(mode.to_owned()),
        duration_ms: None,
        result: None,
    }
}
