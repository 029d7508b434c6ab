//! JSON-RPC as far as a copy must be understood. Ids, arguments and everything unknown stay as they were sent.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The revision from which connections are stateless and every result carries a `resultType`.
const MODERN: &str = "2026-07-28";

/// One line of a stdio connection.
#[derive(Debug)]
pub(super) enum Line<'l> {
    /// Nothing but white space.
    Blank,
    /// Not JSON, or JSON that no peer needs to read the same way: duplicate members, a method that is no text.
    Opaque,
    /// One message.
    One(Message<'l>),
    /// A batch (2025-03-26): each message as it was sent and, where it can be, read.
    Batch(Vec<(&'l RawValue, Option<Message<'l>>)>),
}

/// One JSON-RPC message, read as far as needed.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'l> {
    #[serde(default, borrow)]
    pub(super) id: Option<&'l RawValue>,
    #[serde(default, borrow)]
    pub(super) method: Option<Cow<'l, str>>,
    #[serde(default, borrow)]
    pub(super) params: Option<&'l RawValue>,
    #[serde(default, borrow)]
    pub(super) result: Option<&'l RawValue>,
    #[serde(default, borrow)]
    pub(super) error: Option<&'l RawValue>,
}

impl<'l> Line<'l> {
    /// Reads a line, with or without its newline.
    pub(super) fn read(bytes: &'l [u8]) -> Self {
        let Ok(text) = std::str::from_utf8(bytes.trim_ascii()) else { return Self::Opaque };
        match text.as_bytes().first() {
            None => Self::Blank,
            Some(b'{') => serde_json::from_str(text).map_or(Self::Opaque, Self::One),
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(text).map_or(Self::Opaque, |items| {
                Self::Batch(items.into_iter().map(|raw| (raw, serde_json::from_str(raw.get()).ok())).collect())
            }),
            Some(_) => Self::Opaque,
        }
    }

    /// As [`Self::read`], but opaque too where a reader may see other lines than this one: some take a carriage
    /// return for an end, and would find a call within what is no call to us.
    pub(super) fn read_strictly(bytes: &'l [u8]) -> Self {
        if memchr::memchr(b'\r', bytes.trim_ascii()).is_some() { Self::Opaque } else { Self::read(bytes) }
    }

    /// Whether a peer may find a tool call in it: there is one, or something cannot be read.
    pub(super) fn may_call(&self) -> bool {
        match self {
            Self::Blank => false,
            Self::Opaque => true,
            Self::One(message) => message.is_tool_call(),
            Self::Batch(items) => items.iter().any(|(_, message)| message.as_ref().is_none_or(Message::is_tool_call)),
        }
    }

    /// Its messages that can be read.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message<'l>> {
        let (one, batch) = match self {
            Self::One(message) => (Some(message), None),
            Self::Batch(items) => (None, Some(items)),
            Self::Blank | Self::Opaque => (None, None),
        };
        one.into_iter().chain(batch.into_iter().flatten().filter_map(|(_, message)| message.as_ref()))
    }
}

impl<'l> Message<'l> {
    /// Whether it asks a tool to do something.
    pub(super) fn is_tool_call(&self) -> bool {
        self.method.as_deref() == Some("tools/call")
    }

    /// Its parameters as `T`, the default when they are absent or of another shape.
    pub(super) fn params<T: Deserialize<'l> + Default>(&self) -> T {
        self.params.and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default()
    }

    /// Its result as `T`, the default when it is absent or of another shape.
    pub(super) fn result<T: Deserialize<'l> + Default>(&self) -> T {
        self.result.and_then(|result| serde_json::from_str(result.get()).ok()).unwrap_or_default()
    }

    /// What its `_meta` says of the sender.
    pub(super) fn meta(&self) -> Meta<'l> {
        #[derive(Deserialize, Default)]
        struct Params<'l> {
            #[serde(default, borrow, rename = "_meta")]
            meta: Option<&'l RawValue>,
        }
        let params: Params<'l> = self.params();
        params.meta.and_then(|meta| serde_json::from_str(meta.get()).ok()).unwrap_or_default()
    }

    /// The tool it calls, if that can be read.
    pub(super) fn tool(&self) -> Option<Cow<'l, str>> {
        self.params::<CallParams<'l>>().name
    }
}

/// The members of `_meta` that matter here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Meta<'l> {
    #[serde(default, borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    pub(super) protocol_version: Option<Cow<'l, str>>,
    #[serde(default, borrow, rename = "io.modelcontextprotocol/clientInfo")]
    pub(super) client_info: Option<Implementation<'l>>,
    #[serde(default, borrow, rename = "io.modelcontextprotocol/serverInfo")]
    pub(super) server_info: Option<Implementation<'l>>,
    #[serde(default, borrow)]
    pub(super) traceparent: Option<Cow<'l, str>>,
}

impl Meta<'_> {
    /// Whether the sender speaks the stateless revision.
    pub(super) fn is_modern(&self) -> bool {
        // Revisions are dates: they compare as text.
        self.protocol_version.as_deref().is_some_and(|version| version >= MODERN)
    }
}

/// Who a client or server says it is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Implementation<'l> {
    #[serde(default, borrow)]
    pub(super) name: Option<Cow<'l, str>>,
    #[serde(default, borrow)]
    pub(super) title: Option<Cow<'l, str>>,
}

/// The parameters of `tools/call`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CallParams<'l> {
    #[serde(default, borrow)]
    pub(super) name: Option<Cow<'l, str>>,
    #[serde(default, borrow)]
    pub(super) arguments: Option<&'l RawValue>,
    #[serde(default, borrow, rename = "inputResponses")]
    pub(super) input_responses: Option<&'l RawValue>,
    #[serde(default, borrow, rename = "requestState")]
    pub(super) request_state: Option<&'l RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let kind = |line: &str| match Line::read(line.as_bytes()) {
            Line::Blank => "blank",
            Line::Opaque => "opaque",
            Line::One(message) if message.is_tool_call() => "call",
            Line::One(_) => "one",
            Line::Batch(_) => "batch",
        };
        for (line, expect) in [
            ("", "blank"),
            (" \r\n", "blank"),
            ("{\"id\":1,\"method\":\"tools/call\"}\r\n", "call"),
            (r#"{"method":"tools\/call","id":1.5}"#, "call"),
            (r#"{"method":"\u0074ools/call","id":"a"}"#, "call"),
            (r#"{"method":"ping"}"#, "one"),
            (r#"{"method":"ping","method":"tools/call"}"#, "opaque"),
            (r#"{"method":"ping"}{"method":"tools/call"}"#, "opaque"),
            (r#"{"method":7}"#, "opaque"),
            (r#"[{"method":"tools/call","id":1},5]"#, "batch"),
            ("[{}", "opaque"),
            ("\"tools/call\"", "opaque"),
            ("{\"method\":\"tools/call\"", "opaque"),
            ("\u{feff}{\"method\":\"tools/call\"}", "opaque"),
        ] {
            assert_eq!(kind(line), expect, "{line}");
        }
        assert!(matches!(Line::read(b"{\"a\":\"\xff\"}"), Line::Opaque));
    }
}
