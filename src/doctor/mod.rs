//! What the client would ignore, drop or misread, and what is wrong with our own state. Pure: texts and
//! looks in, findings out; who looks is [`crate::cli`].
//!
//! - [`finding`]: one thing that was found, with its remedy
//! - [`place`]: files that are no regular files, links, owners, modes
//! - [`json`]: texts that are no JSON, keys that stand twice
//! - [`settings`]: what voids a settings file, and what is passed over in it
//! - [`servers`]: MCP servers
//! - [`hooks`]: whether what a hook names can be run
//! - [`markdown`]: agents, skills, commands, rules, output styles
//! - [`environment`]: the client's version, its folder, the administrator's settings
//! - [`own`]: the store, the learning folder
//!
//! An *error* is something the client ignores or drops, or our own state broken; a *warning* is something that
//! works and is likely not what was meant; a *note* is worth knowing. Codes are stable: scripts may go by them.

pub mod environment;
pub mod finding;
pub mod hooks;
pub mod json;
pub mod markdown;
pub mod own;
pub mod place;
pub mod servers;
pub mod settings;

pub use finding::{Finding, Severity};
