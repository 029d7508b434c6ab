//! The Slack channel: what a person reads, the limits, and every call and answer against the stand-in.

mod callbacks;
mod calls;
mod limits;
mod notices;
mod render;
mod workspace;
