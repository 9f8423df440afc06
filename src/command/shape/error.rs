//! Why a command failed, as far as its own words say.

use super::closed::closed;

closed! {
    /// The kinds of failure that teach different things.
    ErrorClass {
        Other = "other",
        CommandNotFound = "command_not_found",
        ModuleNotFound = "module_not_found",
        UnknownOption = "unknown_option",
        Usage = "usage",
        NoSuchFile = "no_such_file",
        PermissionDenied = "permission_denied",
        NotARepository = "not_a_repository",
        Conflict = "conflict",
        Connection = "connection",
        TimeOut = "time_out",
        OutOfMemory = "out_of_memory",
        Quota = "quota",
    }
}

/// How much of a failure's text is read: what went wrong is said early.
const TEXT_BYTES_MAX: usize = 4096;

/// What is said, in lower case, the more particular before the more general.
const SIGNS: &[(ErrorClass, &[&str])] = &[
    (
        ErrorClass::Quota,
        &[
            "quota exceeded",
            "disk quota",
            "no space left on device",
            "rate limit",
            "too many requests",
            "qosmax",
            "assocmax",
            "assocgrp",
            "job violates accounting",
            "quota limit",
            "quota reached",
            "over quota",
            "exceeds quota",
            "exceeded quota",
            "insufficient quota",
        ],
    ),
    (
        ErrorClass::OutOfMemory,
        &[
            "out of memory",
            "out-of-memory",
            "oom-kill",
            "oom_kill",
            "cannot allocate memory",
            "cannot allocate vector",
            "memoryerror",
            "bad_alloc",
            "outofmemoryerror",
            "heap limit",
            "exceeded memory limit",
        ],
    ),
    (
        ErrorClass::ModuleNotFound,
        &[
            "modulenotfounderror",
            "no module named",
            "cannot find module",
            "there is no package called",
            "module(s) are unknown",
            "unable to locate a modulefile",
            "importerror",
            "cannot load such file",
            "can't locate",
            "could not find a version",
            "unresolved import",
            "err_module_not_found",
            "packagesnotfounderror",
            "unable to locate package",
        ],
    ),
    (
        ErrorClass::NotARepository,
        &[
            "not a git repository",
            "not a repository",
            "no repository found",
            "there is no jj repo",
            "is not a working copy",
        ],
    ),
    (
        ErrorClass::UnknownOption,
        &[
            "unknown option",
            "unrecognized option",
            "unrecognised option",
            "invalid option",
            "illegal option",
            "unknown argument",
            "unexpected argument",
            "unrecognized argument",
            "no such option",
            "unknown flag",
            "unknown shorthand flag",
            "flag provided but not defined",
            "bad option",
            "unknown switch",
            "unknown predicate",
            "unsupported option",
            "unknown parameter",
            "invalid flag",
        ],
    ),
    (
        ErrorClass::Conflict,
        &[
            "merge conflict",
            "conflict (",
            "would be overwritten",
            "already exists",
            "file exists",
            "non-fast-forward",
            "[rejected]",
            "unmerged files",
            "unmerged path",
            "eresolve",
            "address already in use",
            "eaddrinuse",
            "could not get lock",
            "unable to create '",
            "needs merge",
            "resource busy",
            "text file busy",
            "resolutionimpossible",
            "conflicts with",
        ],
    ),
    (
        ErrorClass::TimeOut,
        &[
            "timed out",
            "timeouterror",
            "timeoutexception",
            "timeout of",
            "timeout after",
            "timeout exceeded",
            "timeout expired",
            "timeout was reached",
            "timeout waiting",
            "exceeded timeout",
            "connect timeout",
            "connection timeout",
            "read timeout",
            "request timeout",
            "gateway timeout",
            "gateway time-out",
            "deadline exceeded",
            "time limit",
            "etimedout",
        ],
    ),
    (
        ErrorClass::Connection,
        &[
            "connection refused",
            "connection reset",
            "could not resolve",
            "name or service not known",
            "temporary failure in name resolution",
            "network is unreachable",
            "no route to host",
            "econnrefused",
            "enotfound",
            "failed to connect",
            "couldn't connect",
            "could not connect",
            "cannot connect",
            "unable to connect",
            "connection closed",
            "connection error",
            "ssl_error",
            "certificate verify failed",
            "host key verification failed",
            "unable to contact slurm",
            "getaddrinfo",
            "server returned http",
            "unable to access 'http",
        ],
    ),
    (
        ErrorClass::PermissionDenied,
        &[
            "permission denied",
            "operation not permitted",
            "access denied",
            "eacces",
            "eperm",
            "not allowed",
            "unauthorized",
            "403 forbidden",
            "authentication failed",
            "accessdenied",
            "must be root",
            "requires root",
            "a password is required",
            "read-only file system",
            "permissionerror",
            "externally-managed-environment",
        ],
    ),
    (
        ErrorClass::CommandNotFound,
        &[
            "command not found",
            "not recognized as an internal",
            "no such command",
            "executable file not found",
            "executable not found",
            "is not installed",
        ],
    ),
    (
        ErrorClass::NoSuchFile,
        &[
            "no such file or directory",
            "enoent",
            "filenotfounderror",
            "file not found",
            "cannot find the path",
            "does not exist",
            "not a directory",
            "did not match any file",
            "cannot open file",
            "no such file",
        ],
    ),
    (
        ErrorClass::Usage,
        &[
            "usage:",
            "missing operand",
            "too many arguments",
            "too few arguments",
            "missing argument",
            "required arguments",
            "requires an argument",
            "requires at least",
            "try '",
            "try `",
            "--help' for more",
            "unknown command",
            "unknown subcommand",
            "unrecognized subcommand",
            "is not a git command",
            "missing script",
            "syntax error",
            "invalid argument",
            "unexpected token",
            "unexpected eof",
            "unmatched '",
            "unmatched \"",
            "unmatched `",
            "unmatched (",
            "unmatched )",
            "bad substitution",
        ],
    ),
];

impl ErrorClass {
    /// The same, for people; `None` where it says nothing.
    #[must_use]
    pub fn text(self) -> Option<String> {
        (self != Self::Other).then(|| self.word().replace('_', " "))
    }

    /// The class of a failure, by what it printed and its exit code.
    #[must_use]
    pub fn of(text: &str, exit_code: Option<i32>) -> Self {
        let head = &text.as_bytes()[..text.len().min(TEXT_BYTES_MAX)];
        let whole = String::from_utf8_lossy(head).to_ascii_lowercase();
        let head = without_names(&whole);
        // A shell's own codes are surer than words, which may be anybody's.
        match exit_code {
            Some(127) => return Self::missing(&head).unwrap_or(Self::CommandNotFound),
            Some(124) => return Self::TimeOut,
            Some(137) if head.contains("killed") => return Self::OutOfMemory,
            _ => {}
        }
        let says = |signs: &[&str]| signs.iter().any(|sign| says(&head, sign));
        // `sh: 1: x: not found` has no words of its own.
        let is_shell = |line: &str| line.contains("sh: ") && line.trim_end().ends_with(": not found");
        match SIGNS.iter().find(|(_, signs)| says(signs)) {
            Some((class, _)) => *class,
            None if whole.lines().any(is_shell) => Self::CommandNotFound,
            None => match exit_code {
                Some(126) => Self::PermissionDenied,
                Some(64) => Self::Usage,
                _ => Self::Other,
            },
        }
    }

    /// 127 is also what a loader says of a library.
    fn missing(head: &str) -> Option<Self> {
        head.contains("error while loading shared libraries").then_some(Self::ModuleNotFound)
    }
}

/// Whether `head` has a sign. A word alone has to begin there, since it may be part of a name: `eperm` of
/// `sleeperman`; the name of an error has to end there.
fn says(head: &str, sign: &str) -> bool {
    let is_word = sign.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    head.match_indices(sign).any(|(at, _)| match is_error(sign) {
        true => !head[at + sign.len()..].starts_with(is_part),
        false => !is_word || !head[..at].ends_with(is_part),
    })
}

fn is_error(word: &str) -> bool {
    ["error", "exception", "bad_alloc"].iter().any(|end| word.ends_with(end))
}

/// What stands for a name.
const NAME: &str = "…";

/// The text with a mark for each word that is a name for sure: one in quotes, a path, a file with an
/// ending, an option. A file called `quota` is no quota.
fn without_names(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        for (index, word) in line.split(' ').enumerate() {
            kept.push_str(if index == 0 { "" } else { " " });
            push_without_name(word, &mut kept);
        }
        kept.push('\n');
    }
    kept
}

const QUOTES: [char; 6] = ['\'', '"', '`', '‘', '’', '“'];

fn push_without_name(word: &str, kept: &mut String) {
    let begin =
        word.len() - word.trim_start_matches(|c: char| QUOTES.contains(&c) || "([<".contains(c)).len();
    let is_end = |c: char| QUOTES.contains(&c) || ")]>:,;.!?”".contains(c);
    let end = word.trim_end_matches(is_end).len().max(begin);
    let (open, core, close) = (&word[..begin], &word[begin..end], &word[end..]);
    let is_quoted = open.contains(QUOTES) && close.contains(|c| QUOTES.contains(&c) || c == '”');
    let has_ending = core.split_once('.').is_some_and(|(_, rest)| rest.starts_with(char::is_alphanumeric));
    let is_option = core.starts_with("--") && core != "--help";
    let is_joined = has_ending || core.contains("::");
    let is_name = is_quoted || is_option || core.contains(['/', '@']) || (is_joined && !is_error(core));
    if !is_name {
        return kept.push_str(word);
    }
    kept.push_str(open);
    // What could not be reached says something all the same.
    kept.push_str(if core.starts_with("http") { "http" } else { "" });
    kept.push_str(NAME);
    kept.push_str(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart() {
        let class = |text| ErrorClass::of(text, Some(1));
        assert_eq!(class("bash: line 1: frob: command not found"), ErrorClass::CommandNotFound);
        assert_eq!(class("sh: 1: frob: not found"), ErrorClass::CommandNotFound);
        assert_eq!(class("ModuleNotFoundError: No module named 'x'"), ErrorClass::ModuleNotFound);
        assert_eq!(class("Error in library(x): there is no package called 'x'"), ErrorClass::ModuleNotFound);
        assert_eq!(class("sbatch: unrecognized option '--gpu'"), ErrorClass::UnknownOption);
        assert_eq!(class("error: unexpected argument '--x' found"), ErrorClass::UnknownOption);
        assert_eq!(class("usage: x [-h] FILE"), ErrorClass::Usage);
        assert_eq!(class("cat: x: No such file or directory"), ErrorClass::NoSuchFile);
        assert_eq!(
            class("mkdir: cannot create directory 'x': Permission denied"),
            ErrorClass::PermissionDenied
        );
        assert_eq!(class("fatal: not a git repository (or any of the parents)"), ErrorClass::NotARepository);
        assert_eq!(class("CONFLICT (content): Merge conflict in x"), ErrorClass::Conflict);
        assert_eq!(class("curl: (6) Could not resolve host: x"), ErrorClass::Connection);
        assert_eq!(class("slurmstepd: error: Detected 1 oom_kill event"), ErrorClass::OutOfMemory);
        assert_eq!(class("cp: error writing 'x': Disk quota exceeded"), ErrorClass::Quota);
        assert_eq!(class("3 tests failed"), ErrorClass::Other);
    }

    #[test]
    fn exit_codes_say_what_words_do_not() {
        assert_eq!(ErrorClass::of("", Some(127)), ErrorClass::CommandNotFound);
        assert_eq!(ErrorClass::of("", Some(126)), ErrorClass::PermissionDenied);
        assert_eq!(ErrorClass::of("", Some(124)), ErrorClass::TimeOut);
        assert_eq!(ErrorClass::of("Killed", Some(137)), ErrorClass::OutOfMemory);
        assert_eq!(ErrorClass::of("", None), ErrorClass::Other);
    }

    #[test]
    fn a_long_text_is_cut_anywhere() {
        let text = "ä".repeat(5000);
        assert_eq!(ErrorClass::of(&text, Some(1)), ErrorClass::Other);
        assert_eq!(ErrorClass::of(&format!("x{text}"), Some(1)), ErrorClass::Other);
    }
}
