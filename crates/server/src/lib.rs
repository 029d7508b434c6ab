//! HTTP, live streams, intake, writer and workers: the shell that carries out what the core chooses.
//!
//! An input comes in over [`http`], is prepared there, waits in the [`intake`], is planned and committed by the
//! [`writer`], answered, and then told to whoever watches ([`live`]) and sent by the [`dispatcher`].
//! What needs no server is [`offline`].

pub mod app;
pub mod auth;
pub mod channel;
pub mod checkpoints;
pub mod dispatcher;
pub mod env;
pub mod http;
pub mod input;
pub mod intake;
pub mod live;
pub mod metrics;
pub mod offline;
pub mod run;
pub mod settings;
pub mod slack;
pub mod start;
pub mod tasks;
pub mod writer;
