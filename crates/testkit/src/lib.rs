//! One clock, one source of chance, the simulator, and a world around a real server. For tests only.

pub mod chance;
pub mod simulation;
pub mod world;

pub use mandate_standin as standin;
