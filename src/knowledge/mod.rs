//! What was learned, on disk: journal, snapshot, and the folder they live in.
//!
//! ```text
//! learning/                0700, in the user's root, never in a project's
//!   .gitignore             *
//!   install                32 random bytes: the key of the index
//!   lock                   held while a host is enrolled
//!   hosts/0123456789abcdef the host that a machine of this name enrolled as
//!   cs-0123456789abcdef/   one host's
//!     binding              salted marks of the machine it is
//!     keys/                0700: ring, node, lock
//!     patterns_DAY.enc audit_DAY.enc     segments of the journals
//!     knowledge.enc knowledge.old.enc    the snapshot, and the one before
//!     hints.enc        what of it a hook may have to say
//!     numbers.enc      the numbers of projects and sessions
//!     imported.enc     how far each transcript has been read
//!     mesh.enc         what other hosts told, and what this one has
//!   trusted                the hosts that this user listens to: a text
//!   durations/HOOK         how long the hooks took: plain figures
//! ```
//! - [`home`]: the folder; finding and enrolling the host
//! - [`keys`]: ring, node key and binding of one host
//! - [`sources`]: what the machine says of itself
//! - [`calendar`]: which day it is, where the clock may be wrong
//! - [`journal`]: sealed records, appended by any number of hooks at once
//! - [`audit`]: the entries of the audit trail
//! - [`snapshot`]: what all journals together say, and its bytes
//! - [`hints`]: what a hook may have to say, laid out so that it opens only what it needs
//! - [`numbers`]: small random numbers for projects and sessions
//! - [`mod@import`]: learning from the client's transcripts; [`imported`]: how far each has been read
//! - [`fold`]: journals into the snapshot
//! - [`shared`]: what is known of other hosts, and whom to listen to
//! - [`upkeep`]: what is done once a day: rotation, fold, keys that go
//! - [`durations`]: where the hooks' own figures lie

pub mod audit;
pub mod calendar;
pub mod durations;
pub mod error;
pub mod fold;
pub mod hints;
pub mod home;
pub mod import;
pub mod imported;
pub mod journal;
pub mod keys;
pub mod numbers;
mod private;
pub mod shared;
pub mod snapshot;
pub mod sources;
pub mod upkeep;

pub use error::KeyError;
pub use home::{Enrolled, Learning};
pub use keys::{HostFolder, Rotation};
