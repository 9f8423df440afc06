//! `cs`: a declarative configuration manager for Claude Code.
pub mod document;
pub mod generation;
pub mod model;
pub mod plan;
pub mod root;
pub mod sys;
