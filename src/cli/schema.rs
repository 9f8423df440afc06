//! `cs schema`: the JSON Schema of profiles, for editors.

use super::args::Common;
use super::error::{CliError, exit};
use super::output::Output;
use crate::profile;

/// Runs it.
///
/// # Errors
/// When it can't be printed.
pub fn run(common: &Common) -> Result<u8, CliError> {
    Output::new(common).document(&text())?;
    Ok(exit::DONE)
}

/// As it is printed, and as it lies in `profiles/`.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", profile::schema())
}
