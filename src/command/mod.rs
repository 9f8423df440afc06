//! Shell text to the commands it would run, whatever the text.
//!
//! [`parse`] reads text as bash would and gives every simple command in it, in order: those in
//! subshells, substitutions, loops and functions, those a wrapper runs (`sudo`, `xargs`, `sh -c`,
//! `ssh host '…'`), and those in text that is fed to a shell. Variables that the text itself sets are
//! put in; what can't be known is a hole in the word ([`UNKNOWN`]).
//!
//! It never refuses. bash runs the first line before it meets an error further down, so a broken tail
//! must not hide what stands before it; every construct that isn't closed ends where the text ends.
//! Time is linear in the text: nothing is tried twice, nesting beyond [`DEPTH_MAX`] is read flat,
//! word by word, and what is read again (a function's body, a string for a shell) is paid from a
//! budget. A text for which that was not enough is [`Script::is_undecided`].

mod code;
mod expand;
mod feed;
pub(crate) mod name;
mod peel;
mod read;
mod redirect;
mod runs;
pub mod shape;
mod state;
#[cfg(test)]
mod tests;
mod unfold;
mod word;

use std::sync::Arc;

/// Stands in a word's text for a part that can't be known before it runs.
pub const UNKNOWN: char = '\u{FFFC}';

/// The hole for what a search finds, in a word that says where it looked.
pub const FOUND: &str = "{}";

/// The same, if what is found was asked for by name.
pub const FOUND_BY_NAME: &str = "{name}";

/// The hole for what a search finds and names from its own folder: where that is is not known.
pub const FOUND_DIR: &str = "{dir}";

/// The same, if what is found was asked for by name.
pub const FOUND_DIR_BY_NAME: &str = "{dir name}";

/// How deep constructs and texts for shells are followed; deeper, words are read without structure.
pub const DEPTH_MAX: usize = 64;

/// Longer texts are undecided, although they are read like any other.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// As many words are kept of a text and of all texts in it. Some hundred bytes each, they are what costs
/// memory; a text with more is undecided.
pub const WORDS_MAX: usize = 16_384;

/// One word after quotes were removed and known variables put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// The text, with [`UNKNOWN`] for each part that can't be known.
    pub text: String,
    /// For each [`UNKNOWN`] the variable it is the value of (`name?` where it may not be empty), `$(`, `<(`
    /// or `((` for a substitution, [`FOUND`] and its like for what a search found; empty for anything else.
    pub holes: Vec<String>,
    /// Whether `*`, `?` or `[` in it stand for names.
    pub is_glob: bool,
    /// Whether it starts with a `~` that stands for a home folder.
    pub is_tilde: bool,
    /// Where the first part of it begins that was quoted, in bytes of the text.
    pub quoted_at: Option<usize>,
}

impl Word {
    /// A word with nothing special in it.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A word of which nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self { text: UNKNOWN.to_string(), holes: vec![String::new()], ..Self::default() }
    }

    /// Whether a part of it can't be known.
    #[must_use]
    pub fn has_unknown(&self) -> bool {
        !self.holes.is_empty()
    }
}

/// What a redirection does with its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    Read,
    Write,
    Append,
    /// Another descriptor of the process.
    Duplicate,
}

/// `2>file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    pub fd: Option<u32>,
    pub kind: RedirectKind,
    pub target: Word,
}

/// How a command stands to what comes before it on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Joined {
    /// It runs whatever became of that, or there is nothing: `;`, a line's end, `&`.
    #[default]
    Then,
    /// It runs where that succeeded: `&&`.
    And,
    /// It runs where that failed: `||`.
    Or,
}

/// Where a command stands, as far as the line's status depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// How many constructs, texts and programs it is in; 0: it stands on the line itself.
    pub level: u32,
    pub joined: Joined,
    /// Which list of the line it is part of, also where it stands in a construct of that list: lists have `;` or a
    /// line end between. 0 for what another program runs, or a text of its own.
    pub list: u32,
    /// Nobody waits for it.
    pub is_background: bool,
}

/// Where the commands act that a wrapper runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Site {
    /// In this machine's files.
    #[default]
    Here,
    /// On another machine, in a container, or below another root: paths here say nothing.
    Elsewhere,
}

/// One command that would run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simple {
    /// The program and its arguments; never empty for commands that a [`Script`] holds, except where
    /// there are only redirections.
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
    /// The commands whose output it reads: a range of [`Script::commands`].
    pub reads: Option<(usize, usize)>,
    /// The commands of a substitution in one of its words, if their output is not known.
    pub inner: Option<(usize, usize)>,
    /// The text it reads: a here-document or a here-string. One text may be that of very many commands.
    pub here: Option<Arc<Word>>,
    /// The folders that were changed into on the way, each relative to the one before.
    pub folders: Arc<Vec<Word>>,
    pub site: Site,
    /// Whether more arguments come from its input (`xargs`), so that the last word is a hole.
    pub is_fed: bool,
    /// Whether it is here only to be guarded against: found in what may be no command at all (another
    /// language's code, a text typed into a terminal), or one more of what is run for each of many words.
    /// How many of these there are tells of that text, and not of what the line is.
    pub is_aside: bool,
    /// All that was typed, where what runs the command has a wrapper's name but is somebody's own program:
    /// `./sudo`.
    pub as_typed: Vec<Word>,
    pub position: Position,
    /// The innermost program that it is run by and that makes a difference to what it finds there: another
    /// user, machine, container, environment of packages.
    pub runner: Option<shape::Runner>,
}

impl Simple {
    /// The name of the program without its folder, in small letters (some file systems don't care).
    #[must_use]
    pub fn program(&self) -> String {
        self.words.first().map(|word| base_name(&word.text)).unwrap_or_default()
    }

    /// The commands whose output is in its words, or else what it reads.
    #[must_use]
    pub fn sources(&self) -> Option<(usize, usize)> {
        self.inner.or(self.reads)
    }

    /// All but its words: for another command that runs in the same place.
    #[must_use]
    pub fn frame(&self) -> Self {
        let Self { words: _, redirects, reads, inner, here, folders, site, is_fed, is_aside, .. } = self;
        Self {
            words: Vec::new(),
            redirects: redirects.iter().take(64).cloned().collect(),
            reads: *reads,
            inner: *inner,
            here: here.clone(),
            folders: folders.clone(),
            site: *site,
            is_fed: *is_fed,
            is_aside: *is_aside,
            as_typed: Vec::new(),
            position: Position { level: self.position.level + 1, ..Position::default() },
            runner: self.runner,
        }
    }

    /// The arguments.
    #[must_use]
    pub fn args(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// What stands between the parts of a path; the second is Windows's, of which shells see it in quotes only.
pub(crate) const SEPARATORS: [char; 2] = ['/', '\\'];

/// Whether `path` is somebody's own program: neither a bare name nor in a folder of programs.
pub(crate) fn is_own_program(path: &str) -> bool {
    path.rsplit_once(SEPARATORS).is_some_and(|(folder, _)| {
        let is_of_programs =
            matches!(folder.rsplit(SEPARATORS).next(), Some("bin" | "sbin" | "libexec" | "condabin"));
        // Where Windows has what is installed, and what is its own.
        let is_of_windows =
            |part: &str| matches!(part, "Program Files" | "Program Files (x86)" | "System32" | "system32");
        let is_installed = is_of_programs || folder.split(SEPARATORS).any(is_of_windows) || is_on_drive(path);
        folder.is_empty() || !is_installed
    })
}

/// Whether `path` is an absolute one of Windows's, with a program's ending, also as its shells for Unix write it:
/// what is installed there lies anywhere.
fn is_on_drive(path: &str) -> bool {
    let is_letter = |text: &str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut parts = path.split(SEPARATORS);
    let is_so = match (parts.next(), parts.next(), parts.next()) {
        (Some(""), Some("mnt"), Some(drive)) => is_letter(drive),
        (Some(""), Some(drive), _) => is_letter(drive),
        (Some(drive), Some(_), _) => drive.strip_suffix(':').is_some_and(is_letter),
        _ => false,
    };
    is_so && path.rsplit(SEPARATORS).next().and_then(without_ending).is_some()
}

/// The last part of a path, in small letters, without the endings of [`without_ending`].
pub(crate) fn base_name(path: &str) -> String {
    let name = path.trim_end_matches('/').rsplit(SEPARATORS).next().unwrap_or_default().to_ascii_lowercase();
    match without_ending(&name) {
        Some(stem) => stem.to_owned(),
        None => name,
    }
}

/// A program's name as it is called elsewhere, where it ends as Windows has it: `npm.cmd` is npm.
pub(crate) fn without_ending(name: &str) -> Option<&str> {
    let (stem, ending) = name.rsplit_once('.')?;
    let is_known = ["exe", "cmd", "bat"].iter().any(|known| ending.eq_ignore_ascii_case(known));
    (is_known && !stem.is_empty()).then_some(stem)
}

/// All that a text would run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    pub commands: Vec<Simple>,
    /// Whether some of it was too long, too deep or too intricate to be followed.
    pub is_undecided: bool,
    /// Whether a function feeds itself and runs in the background: `:(){ :|:& };:`.
    pub is_bomb: bool,
    /// Whether it sets variables that last: `a=5`, which is no command.
    pub sets_variables: bool,
}

impl Script {
    /// The text that `simple` reads, where that can be said: a here-document, or what an `echo` before
    /// the pipe prints.
    #[must_use]
    pub fn input(&self, simple: &Simple) -> Option<Word> {
        feed::input(self, simple)
    }
}

/// Reads `text` as bash would, up to what can't be read.
#[must_use]
pub fn parse(text: &str) -> Script {
    read::script(text)
}

/// The name of the program that `path` leads to, as [`Simple::program`] gives it.
#[must_use]
pub fn name_of(path: &str) -> String {
    base_name(path)
}
