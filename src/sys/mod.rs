//! The only way to files, environment, clock, randomness and processes.
//!
//! Everything that changes something outside the process goes through [`fault::gate`], which
//! counts; so a test can let `cs` die or fail at the n-th change, for every n.

#![expect(clippy::disallowed_methods, reason = "this is where the bans of clippy.toml lead to")]

pub mod append;
pub mod clock;
pub mod env;
pub mod fault;
pub mod fs;
pub mod pieces;
pub mod process;
pub mod random;
pub mod stdio;
