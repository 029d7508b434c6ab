//! Clock and randomness, passed in by the binary; and the key that belongs to this installation.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use uuid::Uuid;

/// The clock and the randomness of the process.
#[derive(Debug, Clone, Copy)]
pub struct Env {
    /// Now, in Unix milliseconds.
    pub now: fn() -> i64,
    /// Fills a buffer with random bytes of the operating system.
    pub entropy: fn(&mut [u8]),
}

impl Env {
    /// A random (version 4) id.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        (self.entropy)(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// The 32-byte scrub key of this installation: read from `state_dir/scrub.key`, made (mode 0600) when absent.
///
/// The tenant's own key never leaves the server. Under this one, equal secrets of one machine still look equal.
///
/// # Errors
/// What the file system answered; the caller may go on with a key that lasts only as long as the process.
pub fn installation_key(state_dir: &Path, env: &Env) -> io::Result<[u8; 32]> {
    let path = state_dir.join("scrub.key");
    if let Some(key) = read_key(&path) {
        return Ok(key);
    }
    fs::create_dir_all(state_dir)?;
    let mut key = [0; 32];
    (env.entropy)(&mut key);
    let fresh = state_dir.join(format!("scrub.key.{}", env.uuid().simple()));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?.write_all(hex::encode(key).as_bytes())?;
    // Of several processes that start at once, the first one's key stays: a hard link never replaces.
    let linked = fs::hard_link(&fresh, &path);
    fs::remove_file(&fresh)?;
    match (linked, read_key(&path)) {
        (_, Some(kept)) => Ok(kept),
        (Err(error), None) => Err(error),
        (Ok(()), None) => Ok(key),
    }
}

fn read_key(path: &Path) -> Option<[u8; 32]> {
    let text = fs::read_to_string(path).ok()?;
    hex::decode(text.trim()).ok()?.try_into().ok()
}
