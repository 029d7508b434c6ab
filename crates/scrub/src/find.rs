//! Finding secrets in a text: one pass over its bytes, stopping only where something can begin.
//!
//! Each finder is called at its anchor byte, looks around a bounded distance, and reports what it found. After a
//! finding the pass goes on behind it, so the whole stays linear whatever the text holds.

mod address;
mod assignment;
mod bearer;
mod card;
mod flag;
mod number;
mod pem;
mod token;
mod value;

pub(crate) use assignment::is_scheme;
pub(crate) use card::is_card_number;
pub(crate) use token::known;

use crate::key::Exemptions;
use crate::text::Text;

/// Bytes `start..end` are a secret of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finding<'k> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: &'k str,
}

/// What a text is part of, which settles what personal data is taken out by shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Free text and resource ids: e-mails and international phone numbers.
    Prose,
    /// A string in attributes: also national phone numbers, and IP addresses that are the whole string.
    Attribute,
    /// A string in a field whose personal data the tenant keeps.
    KeptAttribute,
}

/// One search through a text.
pub(crate) struct Search<'s> {
    pub(crate) text: Text<'s>,
    pub(crate) place: Place,
    pub(crate) exempt: &'s Exemptions,
}

/// Bytes at which some finder may have something to say; the rest, nearly all of a text, is skipped.
static ANCHORS: [bool; 256] = {
    let bytes = b"_-:=@+>'BbJKSz0123456789";
    let mut set = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        set[bytes[at] as usize] = true;
        at += 1;
    }
    set
};

fn is_anchor(byte: u8) -> bool {
    ANCHORS[usize::from(byte)]
}

impl Search<'_> {
    /// Adds what the shipped patterns find to `found`.
    pub(crate) fn run<'k>(&self, found: &mut Vec<Finding<'k>>) {
        let mut at = 0;
        // What was found ahead, to be jumped over: a user name stands between `-u` and the password.
        let (mut ahead, mut behind) = (0, 0);
        while let Some(step) = self.text.from(at).iter().position(|&byte| is_anchor(byte)) {
            at += step;
            if at >= ahead && at < behind {
                at = behind;
                continue;
            }
            if self.is_inside_word(at) {
                at += 1;
                continue;
            }
            let before = found.len();
            self.look(at, found);
            for finding in found.get(before..).unwrap_or(&[]) {
                if finding.end > behind {
                    (ahead, behind) = (finding.start, finding.end);
                }
            }
            at += 1;
        }
    }

    /// Whether a digit or a `b` stands inside a word, where neither a number nor `Bearer` starts. Said here, because
    /// most anchors of a technical text are these.
    fn is_inside_word(&self, at: usize) -> bool {
        let before = self.text.before(at);
        matches!(self.text.at(at), b'0'..=b'9' | b'b' | b'B')
            && before.is_ascii_alphanumeric()
            && !matches!(before, b'n' | b'r' | b't')
    }

    fn look(&self, at: usize, found: &mut Vec<Finding<'_>>) {
        let text = self.text;
        match text.at(at) {
            b'_' => found.extend(token::at_underscore(text, at)),
            b'-' => {
                found.extend(token::at_dash(text, at).or_else(|| pem::find(text, at)).or_else(|| flag::find(self, at)));
            }
            b'J' | b'S' | b'z' => found.extend(token::at_letter(text, at)),
            b'K' => token::aws(text, at, found),
            b':' if text.from(at).starts_with(b"://") => found.extend(address::userinfo(text, at)),
            b':' | b'=' => found.extend(assignment::find(self, at)),
            b'>' => found.extend(assignment::element(self, at)),
            b'\'' => found.extend(assignment::literal(self, at)),
            b'B' | b'b' => found.extend(bearer::find(text, at)),
            b'@' => found.extend(self.takes_personal().then(|| address::email(text, at)).flatten()),
            b'+' => found.extend(self.takes_personal().then(|| number::international(text, at)).flatten()),
            _ => found.extend(number::find(self, at)),
        }
    }

    fn takes_personal(&self) -> bool {
        self.place != Place::KeptAttribute
    }
}
