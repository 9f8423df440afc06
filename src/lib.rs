//! `cs`: a declarative configuration manager for Claude Code.
pub mod cli;
pub mod document;
pub mod generation;
pub mod hook;
pub mod model;
pub mod plan;
pub mod profile;
pub mod root;
pub mod sys;
