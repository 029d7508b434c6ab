//! Server-sent events, as far as Mandate's streams need them: bounded, and fed with bytes as they come.

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// `event:`, `message` when it was not sent.
    pub name: String,
    /// `id:` of this event or the last one before it that had one.
    pub id: Option<String>,
    /// `data:`, its lines joined by newlines.
    pub data: String,
}

/// What came off a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event with data.
    Event(Event),
    /// A comment: the server is alive.
    Comment,
    /// How long to wait before connecting again, in milliseconds.
    Retry(u64),
}

/// A line longer than allowed: the stream cannot be Mandate's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {MAX_EVENT_BYTES} bytes")]
pub struct TooLong;

/// One event may have this many bytes.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

/// Reads a stream piece by piece; how it is cut does not matter.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    skip_newline: bool,
    started: bool,
    name: String,
    data: String,
    has_data: bool,
    last_id: Option<String>,
}

impl Parser {
    /// Takes the next bytes and gives what they completed.
    ///
    /// # Errors
    /// [`TooLong`] when one event exceeds [`MAX_EVENT_BYTES`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Item>, TooLong> {
        let mut items = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' if std::mem::take(&mut self.skip_newline) => {}
                b'\n' | b'\r' => {
                    self.skip_newline = byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    self.end_line(&line, &mut items);
                }
                _ => {
                    self.skip_newline = false;
                    self.line.push(byte);
                    if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                        return Err(TooLong);
                    }
                }
            }
        }
        Ok(items)
    }

    fn end_line(&mut self, line: &[u8], items: &mut Vec<Item>) {
        let line = String::from_utf8_lossy(line);
        let line = if std::mem::replace(&mut self.started, true) { &line } else { line.trim_start_matches('\u{feff}') };
        if line.is_empty() {
            items.extend(self.dispatch());
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => items.push(Item::Comment),
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.last_id = Some(value.to_owned()),
            "retry" => items.extend(value.parse().ok().map(Item::Retry)),
            _ => {}
        }
    }

    fn dispatch(&mut self) -> Option<Item> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let name = if name.is_empty() { "message".to_owned() } else { name };
        Some(Item::Event(Event { name, id: self.last_id.clone(), data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(name: &str, id: Option<&str>, data: &str) -> Item {
        Item::Event(Event { name: name.into(), id: id.map(str::to_owned), data: data.into() })
    }

    fn check(stream: &str, expect: &[Item]) {
        let whole = Parser::default().push(stream.as_bytes()).unwrap();
        assert_eq!(whole, expect, "{stream:?} at once");
        let mut parser = Parser::default();
        let bytewise: Vec<Item> = stream.bytes().flat_map(|byte| parser.push(&[byte]).unwrap()).collect();
        assert_eq!(bytewise, expect, "{stream:?} byte by byte");
    }

    #[test]
    fn streams_are_read_as_the_standard_says() {
        check("event: state\nid: 17\ndata: {}\n\n", &[event("state", Some("17"), "{}")]);
        check("data:a\ndata: b\r\n\r\n", &[event("message", None, "a\nb")]);
        check("data: a\r\rdata: b\r\r", &[event("message", None, "a"), event("message", None, "b")]);
        check(
            ": alive\n\nid: 3\ndata: x\n\ndata: y\n\n",
            &[Item::Comment, event("message", Some("3"), "x"), event("message", Some("3"), "y")],
        );
        check("\u{feff}retry: 250\nevent: lost\n\ndata\n\n", &[Item::Retry(250), event("message", None, "")]);
        check("data: cut off", &[]);
        check("retry: soon\nunknown: x\n\n", &[]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = Parser::default();
        assert_eq!(parser.push(&vec![b'x'; MAX_EVENT_BYTES + 1]), Err(TooLong));
    }

    /// What holds whatever `bytes` are and however they are cut: a plain function, so that a fuzzer can drive it as well.
    fn check_invariants(bytes: &[u8], cuts: &[usize]) {
        let whole = Parser::default().push(bytes);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let mut parser = Parser::default();
        let parts: Result<Vec<Vec<Item>>, TooLong> =
            cuts.windows(2).map(|cut| parser.push(&bytes[cut[0]..cut[1]])).collect();
        assert_eq!(parts.map(|parts| parts.concat()), whole, "{:?} cut at {cuts:?}", String::from_utf8_lossy(bytes));
        for item in whole.into_iter().flatten() {
            if let Item::Event(event) = item {
                assert!(!event.name.contains(['\n', '\r']) && !event.data.contains('\r'), "{event:?}");
            }
        }
    }

    /// Bytes of the pieces that the parser looks at, in any order.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let known = ["data", "event", "id", "retry", ":", " ", "\n", "\r", "\r\n", "\n\n", "\u{feff}", "17", "\0"];
        let piece = prop_oneof![
            8 => prop::sample::select(known.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..5),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(bytes in pieces(), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
            check_invariants(&bytes, &cuts);
        }
    }
}
