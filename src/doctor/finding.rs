//! One thing that was found.

use std::path::{Path, PathBuf};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The client ignores or drops something, or our own state is broken.
    Error,
    /// Likely not what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// What was found, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// Stable, for scripts.
    pub code: &'static str,
    /// `None` where no file is concerned.
    pub file: Option<PathBuf>,
    /// Line and column from 1, where they are known.
    pub place: Option<(usize, usize)>,
    pub message: String,
    /// A command, or an edit.
    pub remedy: String,
}

impl Finding {
    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity, code, file: None, place: None, message: message.into(), remedy: String::new() }
    }

    /// Something the client ignores, or that is broken.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Something that is likely not meant.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Something worth knowing.
    #[must_use]
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    /// Adds line and column.
    #[must_use]
    pub fn at(self, place: (usize, usize)) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Adds the file, if none is named yet.
    #[must_use]
    pub fn file(self, file: &Path) -> Self {
        let file = self.file.or_else(|| Some(file.to_owned()));
        Self { file, ..self }
    }
}

/// In the order people want them: files with the worst findings first, and in a file the worst first.
#[must_use]
pub fn sorted(mut found: Vec<Finding>) -> Vec<Finding> {
    let worst: std::collections::HashMap<Option<PathBuf>, Severity> =
        found.iter().fold(std::collections::HashMap::new(), |mut worst, own| {
            let entry = worst.entry(own.file.clone()).or_insert(own.severity);
            *entry = (*entry).min(own.severity);
            worst
        });
    // What is about no file comes last among its equals.
    let file = |own: &Finding| (own.file.is_none(), own.file.clone());
    found.sort_by_key(|own| (worst.get(&own.file).copied(), file(own), own.severity, own.place));
    found.dedup();
    found
}

/// How many errors, warnings and notes there are.
#[must_use]
pub fn tally(found: &[Finding]) -> [usize; 3] {
    let count = |severity| found.iter().filter(|own| own.severity == severity).count();
    [count(Severity::Error), count(Severity::Warning), count(Severity::Note)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_file_comes_first_and_in_it_the_worst() {
        let at = |finding: Finding, file: &str, line| finding.at((line, 1)).file(Path::new(file));
        let found = sorted(vec![
            Finding::error("x", "no file"),
            at(Finding::note("x", "a"), "a", 1),
            at(Finding::warning("x", "b"), "b", 9),
            at(Finding::error("x", "c2"), "c", 2),
            at(Finding::note("x", "c0"), "c", 1),
            at(Finding::error("x", "c1"), "c", 1),
            at(Finding::error("x", "c1"), "c", 1),
        ]);
        let told: Vec<_> = found.iter().map(|own| own.message.as_str()).collect();
        assert_eq!(told, ["c1", "c2", "c0", "no file", "b", "a"]);
        assert_eq!(tally(&found), [3, 1, 2]);
    }
}
