//! Lines out of chunks, bounded.

/// A longer line is not read.
const MAX_LINE_BYTES: usize = 32 << 20;

/// Cuts output of a server into lines.
#[derive(Debug, Default)]
pub(super) struct ServerLines {
    begun: Vec<u8>,
    skipping: bool,
}

impl ServerLines {
    /// Gives each line that `bytes` complete to `read`. False when a line was too long to be read.
    pub(super) fn push(&mut self, bytes: &[u8], mut read: impl FnMut(&[u8])) -> bool {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = piece.ends_with(b"\n");
            if self.skipping {
                self.skipping = !ends;
            } else if ends && self.begun.is_empty() {
                read(piece);
            } else {
                self.begun.extend_from_slice(piece);
                if ends {
                    read(&std::mem::take(&mut self.begun));
                } else if self.begun.len() > MAX_LINE_BYTES {
                    self.skip();
                    return false;
                }
            }
        }
        true
    }

    /// Leaves out everything until the next line begins.
    pub(super) fn skip(&mut self) {
        self.begun = Vec::new();
        self.skipping = true;
    }
}
