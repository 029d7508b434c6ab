//! The binary as people and scripts meet it: words, exit codes, JSON, and a whole round trip.

mod bench;
mod errors;
mod explain;
mod respond;
mod round_trip;
