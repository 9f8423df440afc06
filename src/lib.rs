//! `cs`: a declarative configuration manager for Claude Code.
pub mod document;
pub mod model;
