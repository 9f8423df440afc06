//! A Claude configuration folder on disk: lock it, observe it, stage, converge, verify.
//!
//! - [`locate`]: which folder it is, and whether we may touch it
//! - [`store`]: what lies under `claude-sync/`
//! - [`observe`]: the disk as data, for planning
//! - [`stage`]: a generation written whole before anything changes
//! - [`converge`]: from whatever is there to one generation, in either direction; its parts
//!   `aside` (things that make room and come back), `regroup` (folders that were links) and `documents`
//! - [`swap`]: replacing a document that others may be rewriting
//! - [`transaction`]: commit, converge, verify
//! - [`recovery`]: what was interrupted or damaged
//! - [`sealed`]: what cs displaced and what looks like a secret lies sealed in the ledger
//! - [`purge`]: removing the store itself

mod aside;
pub mod converge;
mod documents;
pub mod error;
pub mod locate;
pub mod observe;
pub mod purge;
pub mod recovery;
mod regroup;
pub mod sealed;
mod shared;
pub mod stage;
pub mod store;
pub mod swap;
pub mod transaction;

pub use error::Error;
pub use locate::{Root, Scope};
pub use store::{LockedRoot, Side, Store};
