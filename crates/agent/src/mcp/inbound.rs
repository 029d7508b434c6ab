//! From the client to the server: line by line, since a paused call must be withheld whole.

use std::io::{self, Read, Write};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::message::Line;
use super::outbound::Mouth;
use super::refusal::{Judged, Known, STATE_WAIT, judge};
use super::tap::{Piece, Tap};
use crate::control::Gate;

const CHUNK_BYTES: usize = 64 << 10;
/// A longer line is passed on in pieces while everything passes, and withheld while it does not.
const MAX_LINE_BYTES: usize = 16 << 20;
/// A tool that may be turned off waits this long for the session to know the server's name and the tool's hints.
const SESSION_WAIT: Duration = Duration::from_millis(50);

/// The pump and what it looks at.
#[derive(Debug)]
pub(super) struct Inbound<W, C> {
    pub(super) to_server: W,
    pub(super) mouth: Arc<Mouth<C>>,
    pub(super) gate: Arc<Gate>,
    pub(super) known: Arc<RwLock<Known>>,
    pub(super) tap: Arc<Tap>,
    pub(super) rest: Rest,
}

/// What has been read and not yet passed on.
#[derive(Debug, Default)]
pub(super) struct Rest {
    line: Vec<u8>,
    /// The line is too long to be held: its remaining bytes go the way of its first.
    overlong: Option<Overlong>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlong {
    Pass,
    Withhold,
}

impl<W: Write, C: Write> Inbound<W, C> {
    /// Pumps until the client's input ends or the server does not read any more.
    ///
    /// # Errors
    /// What writing to the server answered.
    pub(super) fn pump(mut self, mut from: impl Read) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = match from.read(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::debug!(%error, "reading from the client ended");
                    0
                }
            };
            let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            self.take(bytes)?;
        }
        self.end()
    }

    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if let Some(way) = self.rest.overlong {
            let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
            let (of_line, after) = bytes.split_at(end.unwrap_or(bytes.len()));
            if way == Overlong::Pass {
                self.write(of_line)?;
            }
            if end.is_some() {
                self.rest.overlong = None;
            }
            bytes = after;
        }
        let Some(lines_end) = memchr::memrchr(b'\n', bytes).map(|at| at + 1) else {
            return self.hold(bytes);
        };
        let (lines, begun) = bytes.split_at(lines_end);
        if self.rest.line.is_empty() {
            self.lines(lines)?;
        } else {
            let mut held = std::mem::take(&mut self.rest.line);
            held.extend_from_slice(lines);
            self.lines(&held)?;
        }
        self.hold(begun)
    }

    /// Keeps the beginning of a line until its end is here.
    fn hold(&mut self, begun: &[u8]) -> io::Result<()> {
        self.rest.line.extend_from_slice(begun);
        if self.rest.line.len() > MAX_LINE_BYTES {
            let held = std::mem::take(&mut self.rest.line);
            // It cannot be read: it passes only where nothing needs to be.
            self.gate.wait_settled(STATE_WAIT);
            if self.gate.is_open() {
                self.rest.overlong = Some(Overlong::Pass);
                self.tap.push(Piece::ClientGap(1));
                self.write(&held)?;
            } else {
                tracing::warn!("a line of more than 16 MB was withheld: the agent is paused or restricted");
                self.rest.overlong = Some(Overlong::Withhold);
            }
        }
        Ok(())
    }

    /// A last line without its newline is a line too.
    fn end(mut self) -> io::Result<()> {
        let last = std::mem::take(&mut self.rest.line);
        if last.is_empty() { Ok(()) } else { self.lines(&last) }
    }

    fn lines(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.gate.is_open() {
            return self.pass(lines);
        }
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.line(line)?;
        }
        Ok(())
    }

    /// One line while not everything may pass, or while that is not known yet.
    fn line(&mut self, bytes: &[u8]) -> io::Result<()> {
        let line = Line::read_strictly(bytes);
        if line.may_call() {
            // Who calls may be known from this very line only.
            self.tap.push(Piece::Peek(bytes.to_vec()));
            self.tap.wake();
            self.gate.wait_settled(STATE_WAIT);
            if self.gate.is_open() {
                return self.pass(bytes);
            }
            if !self.gate.is_paused() {
                self.tap.wait_idle(SESSION_WAIT);
            }
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        match judge(&line, &self.gate, &known) {
            Judged::Pass => self.pass(bytes),
            Judged::Part { answers, rest } => {
                for answer in answers {
                    // A client that does not listen any more is noticed by the other pump.
                    let _ = self.mouth.say(answer);
                }
                match rest {
                    Some(rest) => self.pass(&rest),
                    None => Ok(()),
                }
            }
        }
    }

    /// The copy goes first: its answer must not be read before it.
    fn pass(&mut self, lines: &[u8]) -> io::Result<()> {
        self.tap.push(Piece::Client(lines.to_vec()));
        let written = self.write(lines);
        self.tap.wake();
        written
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to_server.write_all(bytes)?;
        self.to_server.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_api::{AgentState, Control};

    /// Gives its pieces one read at a time.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            into[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    fn pump(pieces: &[&[u8]], state: AgentState) -> (String, String) {
        pump_under(pieces, Control { state, version: 1, ..Control::running() })
    }

    fn pump_under(pieces: &[&[u8]], control: Control) -> (String, String) {
        let gate = Gate::new(control);
        gate.settle();
        let (mut server, mut client) = (Vec::new(), Vec::new());
        let inbound = Inbound {
            to_server: &mut server,
            mouth: Arc::new(Mouth::new(&mut client)),
            gate: Arc::new(gate),
            known: Arc::default(),
            tap: Arc::new(Tap::new(|| 0)),
            rest: Rest::default(),
        };
        let pieces = pieces.iter().flat_map(|piece| piece.chunks(CHUNK_BYTES)).map(<[u8]>::to_vec).collect();
        inbound.pump(Pieces(pieces)).unwrap();
        (String::from_utf8(server).unwrap(), String::from_utf8(client).unwrap())
    }

    #[test]
    fn a_running_agents_bytes_pass_as_they_are() {
        for pieces in [
            &[b"{\"a\":1}\n{\"b".as_slice(), b"\":2}\r\n\n", b"no json, no newline"] as &[&[u8]],
            &[b"\n\n", b"x", b"\n"],
            &[],
        ] {
            let expect = String::from_utf8(pieces.concat()).unwrap();
            assert_eq!(pump(pieces, AgentState::Running), (expect, String::new()));
        }
        let long = vec![b'x'; MAX_LINE_BYTES + 70_000];
        let (server, _) = pump(&[b"first\n", &long, b"y\nlast\n"], AgentState::Running);
        assert_eq!(server.len(), 6 + long.len() + 7);
    }

    #[test]
    fn a_paused_agents_calls_and_riddles_do_not() {
        let long = vec![b'x'; MAX_LINE_BYTES + 70_000];
        let (server, client) = pump(
            &[
                b"{\"method\":\"ping\",\"id\":1}\n{\"method\":\"tools/call\",",
                b"\"id\":2}\n",
                b"riddle\n",
                &long,
                b"\n{\"method\":\"ping\",\"id\":3}\n",
                b"{\"method\":\"tools/call\",\"id\":4}",
            ],
            AgentState::Paused,
        );
        assert_eq!(server, "{\"method\":\"ping\",\"id\":1}\n{\"method\":\"ping\",\"id\":3}\n");
        assert_eq!(client.lines().count(), 2);
        assert!(client.contains("\"id\":2,") && client.contains("\"id\":4,"));
    }

    #[test]
    fn a_restricted_agents_riddles_do_not_pass_either() {
        let long = vec![b'x'; MAX_LINE_BYTES + 70_000];
        let ping = "{\"method\":\"ping\",\"id\":1}\n";
        let restricted = Control { disabled_tools: vec!["delete_*".into()], version: 1, ..Control::running() };
        let read_only = Control { state: AgentState::ReadOnly, version: 1, ..Control::running() };
        for control in [restricted, read_only] {
            let (server, client) = pump_under(
                &[
                    b"riddle\n",
                    b"{\"method\":\"ping\",\"method\":\"tools/call\",\"params\":{\"name\":\"delete_all\"},\"id\":2}\n",
                    b"{\"x\":\r{\"method\":\"tools/call\",\"params\":{\"name\":\"delete_all\"},\"id\":2}\r}\n",
                    b"[7]\n",
                    &long,
                    b"\n",
                    ping.as_bytes(),
                    b"{\"method\":\"tools/call\",\"params\":{\"name\":\"a\",\"name\":\"delete_all\"},\"id\":3}\n",
                ],
                control,
            );
            assert_eq!(server, ping);
            assert!(client.lines().count() == 1 && client.contains("\"id\":3,"), "{client}");
        }
        let named = Control { disabled_tools: vec!["delete_*".into()], version: 1, ..Control::running() };
        let call = b"{\"method\":\"tools/call\",\"params\":{\"name\":\"read\"},\"id\":3}\r\n";
        assert_eq!(pump_under(&[call], named).0.as_bytes(), call);
    }

    #[test]
    fn what_cannot_be_read_waits_for_the_state_as_a_call_does() {
        let (mut server, gate) = (Vec::new(), Arc::new(Gate::new(Control::running())));
        let inbound = Inbound {
            to_server: &mut server,
            mouth: Arc::new(Mouth::new(Vec::new())),
            gate: Arc::clone(&gate),
            known: Arc::default(),
            tap: Arc::new(Tap::new(|| 0)),
            rest: Rest::default(),
        };
        inbound.pump(Pieces(vec![b"riddle\n".to_vec()])).unwrap();
        assert!(gate.is_open(), "after a while the known state is the state");
        assert_eq!(server, b"riddle\n");
    }
}
