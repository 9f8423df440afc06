//! The bundled hooks: entry points of this same executable, chosen by the name it is called by.
//!
//! - [`event`]: what came in
//! - [`decide`]: what is to be said
//! - [`observe`]: what is recorded
//! - [`reply`]: how it is said
//! - `recall`: what is remembered
//! - [`health`]: how long hooks took, and the breaker
//! - `run`: the shell around them

pub mod decide;
pub mod event;
pub mod health;
pub mod observe;
mod recall;
pub mod reply;
mod run;

use std::ffi::OsStr;
use std::path::Path;

/// A bundled hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    ContextEnhancer,
    IntelligentOptimizer,
    LearningCollector,
}

impl Hook {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::ContextEnhancer, Self::IntelligentOptimizer, Self::LearningCollector];

    /// The name it is called by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ContextEnhancer => "context-enhancer",
            Self::IntelligentOptimizer => "intelligent-optimizer",
            Self::LearningCollector => "learning-collector",
        }
    }

    /// What a run of it may take, in microseconds (mission H1 to H3).
    #[must_use]
    pub fn target_us(self) -> u32 {
        match self {
            Self::ContextEnhancer => 20_000,
            Self::IntelligentOptimizer => 10_000,
            Self::LearningCollector => 50_000,
        }
    }
}

/// The name of the detached slow work, which only `cs hook` knows.
const UPKEEP: &str = "upkeep";

/// The hook the process was called as, if it was.
#[must_use]
pub fn called_as(arg0: Option<&OsStr>) -> Option<&'static str> {
    let name = Path::new(arg0?).file_name()?;
    Hook::ALL.into_iter().map(Hook::name).find(|known| name == OsStr::new(known))
}

/// Runs a hook: a valid answer or silence, and always 0. A name nobody knows is silent.
#[must_use]
pub fn main(name: &str) -> u8 {
    match Hook::ALL.into_iter().find(|hook| hook.name() == name) {
        Some(hook) => run::run(hook),
        None if name == UPKEEP => run::upkeep(),
        None => 0,
    }
}
