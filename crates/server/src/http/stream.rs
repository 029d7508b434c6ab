//! What happens, live: one feed, told over a WebSocket or as server-sent events (RT-1, RT-2).
//!
//! [`feed::Feed`] gives what happened after a position, in order, without gap or duplicate: the recent past from
//! memory, the older one from the store. [`wanted::Wanted`] says which of it a client asked for.

mod feed;
pub(super) mod socket;
pub(super) mod sse;
mod wanted;
