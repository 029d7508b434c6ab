//! The HTTP interface over a real socket, a real writer and a real store.

mod bad_input;
mod calls;
mod streams;
mod world;
