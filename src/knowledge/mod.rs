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
//!     *.enc                sealed data
//! ```
//! - [`home`]: the folder; finding and enrolling the host
//! - [`keys`]: ring, node key and binding of one host
//! - [`sources`]: what the machine says of itself

pub mod error;
pub mod home;
pub mod keys;
mod private;
pub mod sources;

pub use error::KeyError;
pub use home::{Enrolled, Learning};
pub use keys::{HostFolder, Rotation};
