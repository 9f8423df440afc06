//! What recorded calls teach, and what of it is worth saying: pure, from calls to hints.
//!
//! A line of shell is taken apart into the commands whose fate its outcome tells ([`mod@judge`]); each is known by its
//! *form*, in words of the vocabulary ([`form`]); what is kept of a call is that ([`observed`]). A form that failed in session after session of a project, with no
//! success between, is a *streak* ([`streak`]): the next session is told before it tries. Where there is enough news
//! for an agent to look at, that is said, too ([`need`]). [`replay`] says how good the hints would have been on calls
//! that happened. What there is to say of the commands of a category grows with use ([`mod@schema`]).

pub mod correct;
pub mod form;
pub mod judge;
pub mod need;
pub mod observed;
pub mod pattern;
pub mod replay;
pub mod schema;
pub mod state;
pub mod streak;
pub mod transcript;

pub use form::Form;
pub use judge::{Judged, judge};
pub use observed::{Item, Observed, Said, Told, Undo};
pub use schema::Schema;
pub use state::{Event, State};
pub use streak::{Streak, Streaks};

/// A small random number that stands for a project, or for one of its sessions. It says nothing of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(pub u16);

impl Number {
    /// Where it could not be told which project or session it was.
    pub const UNKNOWN: Self = Self(0);

    /// Whether it stands for one.
    #[must_use]
    pub fn is_known(self) -> bool {
        self != Self::UNKNOWN
    }
}
