//! One clock, one source of chance, and the simulator. For tests only.

pub mod chance;
pub mod simulation;
