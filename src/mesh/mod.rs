//! What hosts tell each other of what they learned: pure, from what one knows to signed bytes, and from the bytes of
//! others to hints.
//!
//! Each host writes rows of its own and nobody else's ([`row`]); it signs all of them as one bundle ([`replica`]). What
//! a host knows is the newest bundle of each replica ([`mod@state`]): two such states merge in any order, any number of
//! times, to the same. Whom it listens to is a text that a person writes ([`trust`]); what is counted is summed up when
//! it is read, so who is trusted no more counts no more. It comes to hints alone, and to a quarter of the weight at
//! most ([`advice`]).
//!
//! Where they may be found, [`discover`] says. Two hosts that talk prove who they are, and give each other what they
//! have not ([`talk`], in the words of [`frame`]). What carries the bytes is another matter, and none of it has to be trusted.

pub mod advice;
pub mod discover;
pub mod frame;
pub mod replica;
pub mod row;
pub mod state;
pub mod talk;
pub mod trust;

pub use replica::{Bundle, BundleError, Replica};
pub use row::{Row, Rows, rows_of};
pub use state::{Mesh, Refused, Taken};
pub use trust::{Fingerprint, Trusted};
