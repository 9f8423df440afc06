//! Printing: for people, or one JSON object for programs.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::args::{Color, Common};

/// Styles, by what they mean.
pub mod style {
    use super::{AnsiColor, Style};

    pub const ADD: Style = AnsiColor::Green.on_default();
    pub const CHANGE: Style = AnsiColor::Yellow.on_default();
    pub const REMOVE: Style = AnsiColor::Red.on_default();
    pub const DRIFT: Style = AnsiColor::Magenta.on_default();
    pub const DIM: Style = Style::new().dimmed();
    pub const BOLD: Style = Style::new().bold();
    pub const ERROR: Style = AnsiColor::Red.on_default().bold();
    pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
}

/// `text` in `style`.
#[must_use]
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Where output goes, and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub json: bool,
    pub quiet: bool,
    pub verbose: bool,
}

impl Output {
    /// As the flags say; sets colour for the process.
    #[must_use]
    pub fn new(common: &Common) -> Self {
        let choice = match common.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        Self { json: common.json, quiet: common.quiet, verbose: common.verbose }
    }

    /// Nothing is printed for people.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.json || self.quiet
    }

    /// A line for people. A reader that went away (`| head`) is no error.
    pub fn line(&self, text: impl AsRef<str>) {
        if !self.is_silent() {
            let _ = writeln!(anstream::stdout(), "{}", text.as_ref());
        }
    }

    /// Lines for people, written as one: a plan has hundreds, and each is a call of its own otherwise.
    pub fn lines(&self, lines: &[String]) {
        if self.is_silent() || lines.is_empty() {
            return;
        }
        let text = lines.join("\n") + "\n";
        let mut out = anstream::stdout();
        // It would write what lies between two styles at a time.
        let _ = match out.current_choice() {
            anstream::ColorChoice::Never => {
                out.into_inner().write_all(anstream::adapter::strip_str(&text).to_string().as_bytes())
            }
            _ => out.write_all(text.as_bytes()),
        };
    }

    /// The answer for programs.
    pub fn object(&self, value: &impl Serialize) {
        if self.json {
            let mut out = std::io::BufWriter::new(anstream::stdout());
            let _ = serde_json::to_writer(&mut out, value);
            let _ = writeln!(out);
        }
    }

    /// A document that was asked for, as it is: no flag silences it, and half of one is an error, except to
    /// a reader that went away.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn document(self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// A line that is not the answer: progress, warnings.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr(), "{}", text.as_ref());
        }
    }

    /// What went wrong, where others went on: also said where little is to be said.
    pub fn wrong(&self, text: impl AsRef<str>) {
        if !self.json {
            let _ = writeln!(
                anstream::stderr(),
                "{} {}",
                paint(style::WARNING, "warning:"),
                text.as_ref().trim_start()
            );
        }
    }

    /// A warning.
    pub fn warn(&self, text: impl AsRef<str>) {
        if !self.json {
            self.note(format!("{} {}", paint(style::WARNING, "warning:"), text.as_ref()));
        }
    }

    /// Asks for one of the letters `keys`, until one is given; `None` where nobody is there to answer. The end
    /// of the input is the last of them.
    #[must_use]
    pub fn pick(&self, question: &str, keys: &str) -> Option<char> {
        if self.json || !std::io::stdin().is_terminal() {
            return None;
        }
        loop {
            let mut out = anstream::stdout();
            let _ = write!(out, "{question}");
            let _ = out.flush();
            let mut answer = String::new();
            if std::io::stdin().lock().read_line(&mut answer).ok()? == 0 {
                return keys.chars().last();
            }
            let first = answer.trim().chars().next().map(|first| first.to_ascii_lowercase());
            if let Some(key) = first.filter(|first| keys.contains(*first)) {
                return Some(key);
            }
        }
    }

    /// Asks a question; `None` where nobody is there to answer.
    #[must_use]
    pub fn ask(&self, question: &str) -> Option<bool> {
        if self.json || !std::io::stdin().is_terminal() {
            return None;
        }
        let mut out = anstream::stdout();
        let _ = write!(out, "{question} [y/N] ");
        let _ = out.flush();
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).ok()?;
        Some(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

/// How far long work has come, in one line of a terminal that is gone when it is done. Elsewhere nothing is shown.
#[derive(Debug)]
pub struct Progress {
    what: String,
    is_shown: bool,
    /// What was shown last, in hundredths.
    hundredths: Option<u64>,
}

impl Progress {
    #[must_use]
    pub fn new(out: Output, what: String) -> Self {
        let is_shown = !out.is_silent() && std::io::stderr().is_terminal();
        Self { what, is_shown, hundredths: None }
    }

    /// So much of all is done.
    pub fn at(&mut self, done: u64, all: u64) {
        let hundredths = done.saturating_mul(100).checked_div(all).unwrap_or(100).min(100);
        if self.is_shown && self.hundredths != Some(hundredths) {
            self.hundredths = Some(hundredths);
            let _ = write!(anstream::stderr(), "\r{} … {hundredths} %", self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.hundredths.is_some() {
            let width = self.what.chars().count() + " … 100 %".len();
            let _ = write!(anstream::stderr(), "\r{}\r", " ".repeat(width));
        }
    }
}

/// Rows of cells, each column as wide as its widest cell, and `gap` blanks between them.
#[must_use]
pub fn columns(rows: &[Vec<String>], gap: usize) -> Vec<String> {
    // A cell's colours take no place.
    let width = |cell: &str| anstream::adapter::strip_str(cell).to_string().chars().count();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest =
        |at: usize| rows.iter().filter_map(|row| Some(width(row.get(at)?))).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().zip(&widths).map(|(cell, wide)| cell.clone() + &" ".repeat(wide - width(cell)));
        format!("  {}", cells.collect::<Vec<_>>().join(&" ".repeat(gap)).trim_end())
    };
    rows.iter().map(line).collect()
}

/// `1 entry`, `2 entries`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// How long ago, for people.
#[must_use]
pub fn ago(then: u64, now: u64) -> String {
    let seconds = now.saturating_sub(then);
    let (number, unit) = match seconds {
        0..=59 => return "just now".to_owned(),
        60..=3_599 => (seconds / 60, "minute"),
        3_600..=86_399 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}
