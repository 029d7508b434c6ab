//! The wire types of Mandate: what clients send and what they are answered.
//!
//! The only types that face outside. The server converts between these and the core's; agents, the CLI and
//! the SDKs know nothing else. Times are Unix milliseconds.

pub mod agent;
pub mod blast;
pub mod channel;
pub mod config;
pub mod control;
pub mod event;
pub mod key;
pub mod notification;
pub mod owner;
pub mod page;
pub mod problem;
pub mod rejected;
pub mod response;
pub mod review;
pub mod status;
pub mod stored;
pub mod stream;
pub mod submit;

pub use agent::{Agent, PauseAllAnswer, PauseRequest};
pub use blast::{AffectedResource, BlastLayer, BlastRadius};
pub use channel::{ChannelTest, ChannelTestRequest};
pub use config::{ConfigFile, ConfigVersion};
pub use control::{AgentState, Control};
pub use event::{
    Dropped, Outcome, OutcomeAnswer, OutcomeReport, OutcomeStatus, Receipt, Routing, SubmitResponse, SubmitStatus,
};
pub use key::{Key, KeyRequest, KeyScope, NewKey};
pub use notification::{Attempt, Notification, ToldIn};
pub use owner::{Owner, OwnerAnswer, OwnerLayers, OwnerPlace, OwnerStep};
pub use page::Page;
pub use problem::{FieldError, Problem};
pub use rejected::Rejected;
pub use response::{Response, ResponseAnswer, ResponseRequest, UndoRequest};
pub use review::Review;
pub use status::Status;
pub use stored::Event;
pub use stream::{ClientMessage, FeedData, ServerMessage, StreamFilter};
pub use submit::{Batch, NewActor, NewEvent, SubmitRequest};
