//! `cs`: a declarative configuration manager for Claude Code.
pub mod model;
pub mod profile;
