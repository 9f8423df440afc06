//! What a profile's reader says: each finding with its file, line, column and the line itself.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use crate::model::Origin;

/// Longest excerpt of a source line that is shown, in characters; the rest is cut around the caret.
const EXCERPT_CHARS_MAX: usize = 140;

/// Longest name repeated in a message, in characters.
const NAME_CHARS_MAX: usize = 60;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is rendered.
    Error,
    /// Rendered all the same.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// One sentence: what is wrong.
    pub message: String,
    /// As people should read it; empty if no file is concerned.
    pub file: String,
    /// From 1; 0 where the finding concerns the whole file.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line itself.
    pub source_line: String,
    /// How many characters the caret underlines.
    pub span_len: usize,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding about a file as a whole.
    #[must_use]
    pub fn about_file(severity: Severity, file: &str, message: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            file: file.to_owned(),
            line: 0,
            column: 0,
            source_line: String::new(),
            span_len: 0,
            help: None,
        }
    }

    /// Adds what to do about it.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds `did you mean …` if there is something to suggest.
    pub(super) fn suggest(&mut self, suggestion: Option<&str>) -> &mut Self {
        if let Some(name) = suggestion {
            self.help(format!("did you mean `{name}`?"));
        }
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{kind}: {}", self.message)?;
        if self.line > 0 {
            write!(f, "\n  {}:{}:{}", self.file, self.line, self.column)?;
            self.excerpt(f)?;
        } else if !self.file.is_empty() {
            write!(f, "\n  {}", self.file)?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl Diagnostic {
    /// The line with a caret under what is meant.
    fn excerpt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.column.saturating_sub(1);
        let from = if start + 20 > EXCERPT_CHARS_MAX { start - EXCERPT_CHARS_MAX / 2 } else { 0 };
        let shown: String =
            self.source_line.chars().skip(from).take(EXCERPT_CHARS_MAX).map(printable).collect();
        let carets = self.span_len.clamp(1, EXCERPT_CHARS_MAX.saturating_sub(start - from).max(1));
        let number = self.line.to_string();
        write!(f, "\n    {number} | {shown}")?;
        write!(
            f,
            "\n    {:width$} | {:indent$}{}",
            "",
            "",
            "^".repeat(carets),
            width = number.len(),
            indent = start - from
        )
    }
}

/// One character for one character, so that the caret stays below what it means.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// A name from a profile as messages repeat it: in backticks, without control characters, not too long.
pub(super) fn named(name: &str) -> String {
    let clean: String = name.chars().take(NAME_CHARS_MAX).map(printable).collect();
    let dots = if name.chars().nth(NAME_CHARS_MAX).is_some() { "…" } else { "" };
    format!("`{clean}{dots}`")
}

/// A place in one of the sources of a [`Report`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub source: u32,
    pub start: u32,
    pub end: u32,
}

/// A text that findings point into.
pub(super) struct Source {
    pub shown: String,
    pub text: String,
    /// What relative paths in it are relative to; none for a built-in.
    pub folder: Option<PathBuf>,
    /// The top of the repository it comes from: nothing in it leads out of there.
    pub tree: Option<PathBuf>,
    /// It comes from a repository, or is a built-in that one builds on.
    pub elsewhere: bool,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl Source {
    pub fn new(shown: &str, text: &str, folder: Option<PathBuf>) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { shown: shown.to_owned(), text: text.to_owned(), folder, tree: None, elsewhere: false, starts }
    }

    /// The line `offset` lies in, from 0.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// A finding at `range`.
    pub fn at(&self, severity: Severity, range: Range<usize>, message: impl Into<String>) -> Diagnostic {
        let line = self.line(range.start);
        let from = self.starts.get(line).copied().unwrap_or_default();
        let next = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let text = self.text.get(from..next).unwrap_or_default().trim_end_matches('\r');
        let chars = |to: usize| text[..text.floor_char_boundary(to.saturating_sub(from))].chars().count();
        let (start, end) = (chars(range.start), chars(range.end));
        Diagnostic {
            line: line + 1,
            column: start + 1,
            source_line: text.to_owned(),
            span_len: end.saturating_sub(start).max(1),
            ..Diagnostic::about_file(severity, &self.shown, message)
        }
    }
}

/// Everything found so far, and the texts it was found in.
#[derive(Default)]
pub(super) struct Report {
    sources: Vec<Source>,
    found: Vec<Diagnostic>,
}

impl Report {
    /// Adds a text; spots into it carry the number that comes back.
    pub fn add(&mut self, source: Source) -> u32 {
        self.sources.push(source);
        u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn source(&self, number: u32) -> Option<&Source> {
        self.sources.get(number as usize)
    }

    pub fn error(&mut self, at: Spot, message: impl Into<String>) -> &mut Diagnostic {
        self.note(Severity::Error, at, message)
    }

    pub fn warning(&mut self, at: Spot, message: impl Into<String>) -> &mut Diagnostic {
        self.note(Severity::Warning, at, message)
    }

    pub fn note(&mut self, severity: Severity, at: Spot, message: impl Into<String>) -> &mut Diagnostic {
        let range = at.start as usize..at.end as usize;
        let finding = match self.sources.get(at.source as usize) {
            Some(source) => source.at(severity, range, message),
            None => Diagnostic::about_file(severity, "", message),
        };
        self.push(finding)
    }

    /// Adds a finding made elsewhere.
    pub fn push(&mut self, finding: Diagnostic) -> &mut Diagnostic {
        let last = self.found.len();
        self.found.push(finding);
        &mut self.found[last]
    }

    pub fn origin(&self, at: Spot) -> Origin {
        match self.source(at.source) {
            Some(source) => {
                let line = source.line(at.start as usize) + 1;
                Origin { file: source.shown.clone(), line, hook: None }
            }
            None => Origin::default(),
        }
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// All findings in the order of the files read, then of lines.
    pub fn finish(self) -> Vec<Diagnostic> {
        let ranks: HashMap<&str, usize> =
            self.sources.iter().enumerate().map(|(at, s)| (s.shown.as_str(), at)).collect();
        let mut found = self.found;
        found.sort_by_key(|d| (ranks.get(d.file.as_str()).copied().unwrap_or(usize::MAX), d.line, d.column));
        found
    }
}
