//! Shell commands: what one is, without what it says.

pub mod shape;
