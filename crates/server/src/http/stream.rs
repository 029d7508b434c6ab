//! What happens, live: one feed, told over a WebSocket or as server-sent events (RT-1, RT-2).
//!
//! [`feed::Feed`] gives what happened after a position, in order, without gap or duplicate: the recent past from
//! memory, the older one from the store. [`wanted::Wanted`] says which of it a client asked for. Whoever stops
//! reading is cut off ([`listener`]), and so is whoever's key opens nothing any more ([`KeyWatch`]).

mod feed;
pub(super) mod listener;
pub(super) mod socket;
pub(super) mod sse;
mod wanted;

use std::time::Duration;

use mandate_core::change::KeyRow;
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::auth::{KEY_CHECKED_EVERY, Rejected};

/// One message must be taken within this.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Looks again and again whether the key that opened a stream still opens it.
struct KeyWatch {
    app: App,
    hash: [u8; 32],
    looked: Instant,
}

impl KeyWatch {
    /// Watches a key that was in force just now.
    fn new(app: App, key: &KeyRow) -> Self {
        Self { app, hash: key.hash, looked: Instant::now() }
    }

    /// Ends when it is time to look again.
    async fn due(&self) {
        sleep_until(self.looked + KEY_CHECKED_EVERY).await;
    }

    /// Looks when it is time to: for between two messages, where nothing waits for [`KeyWatch::due`].
    ///
    /// # Errors
    /// Why the key opens nothing any more.
    fn look_when_due(&mut self) -> Result<(), Rejected> {
        if self.looked.elapsed() < KEY_CHECKED_EVERY {
            return Ok(());
        }
        self.looked = Instant::now();
        self.app.keys.in_force(&self.hash, self.app.env.now()).map(|_| ())
    }

    /// Ends when the key opens nothing any more, and says why.
    async fn lapse(mut self) -> Rejected {
        loop {
            self.due().await;
            if let Err(rejected) = self.look_when_due() {
                return rejected;
            }
        }
    }
}
