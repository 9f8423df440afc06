//! Git's complaints, made short: of all that it and those it calls say, the line that tells why.

use crate::model::printable;

/// A line is cut after so many letters.
const LETTERS_MAX: usize = 200;

/// What git says when somebody else knows better, and has said so just before.
const VAGUE: [&str; 4] = [
    "Could not read from remote repository.",
    "the remote end hung up unexpectedly",
    "The remote end hung up unexpectedly",
    "early EOF",
];

/// A push that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unpushed {
    /// The other side was reached, and would not have it.
    Refused(String),
    Failed(String),
}

/// The line that says why, without the word before it.
pub(super) fn telling(complaint: &str) -> String {
    let lines = lines(complaint);
    let Some(at) = lines.iter().position(|line| marked(line).is_some()) else {
        return short(lines.first().copied().unwrap_or("it did not say why"));
    };
    let said = marked(lines[at]).unwrap_or_default();
    if VAGUE.contains(&said) && at > 0 {
        return short(marked(lines[at - 1]).unwrap_or(lines[at - 1]));
    }
    // Where it tried is in that line, and how that went in the next one.
    match lines.get(at + 1) {
        Some(next) if said.ends_with(':') => short(&format!("{said} {next}")),
        _ => short(said),
    }
}

/// Why a push came to nothing.
pub(super) fn unpushed(complaint: &str) -> Unpushed {
    let lines = lines(complaint);
    let Some(at) = lines.iter().position(|line| line.starts_with("! [") && line.contains("rejected]")) else {
        let said = telling(complaint);
        let lower = complaint.to_lowercase();
        let is_no = ["denied", "error: 403", "read-only", "read only"].iter().any(|no| lower.contains(no));
        return if is_no { Unpushed::Refused(said) } else { Unpushed::Failed(said) };
    };
    let reason = lines[at].rsplit_once('(').map_or(lines[at], |(_, reason)| reason.trim_end_matches(')'));
    let before = &lines[..at];
    // Which part of git it was says nothing of why.
    if reason == "unpacker error" {
        let why = before.iter().find_map(|line| marked(line)).unwrap_or(reason);
        return Unpushed::Refused(short(why.strip_prefix("remote unpack failed: ").unwrap_or(why)));
    }
    // A hook says why in words of its own.
    match before.first().filter(|_| reason.ends_with("hook declined")) {
        Some(why) if !why.starts_with("To ") => Unpushed::Refused(short(&format!("{reason}: {why}"))),
        _ => Unpushed::Refused(short(reason)),
    }
}

/// Those that say something, whichever side they are of.
fn lines(complaint: &str) -> Vec<&str> {
    let lines = complaint.lines().map(str::trim).map(|line| line.strip_prefix("remote: ").unwrap_or(line));
    lines.map(str::trim).filter(|line| !line.is_empty() && *line != "remote:").collect()
}

/// What stands behind the word by which git marks a line that says why.
fn marked(line: &str) -> Option<&str> {
    ["fatal: ", "error: ", "ERROR: "].iter().find_map(|mark| line.strip_prefix(mark))
}

/// Cut, and without the names of objects and hosts: nobody knows one when they see it.
fn short(line: &str) -> String {
    let is_digit = |c: char| c.is_ascii_hexdigit();
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(is_digit) {
        let (before, from) = rest.split_at(at);
        let (name, after) = from.split_at(from.find(|c| !is_digit(c)).unwrap_or(from.len()));
        text.push_str(before);
        text.push_str(if name.len() < 40 { name } else { "…" });
        rest = after;
    }
    text.push_str(rest);
    let text = printable(&text);
    match text.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As git 2.53, OpenSSH and some that keep repositories say it.
    #[test]
    fn the_line_that_says_why_is_told() {
        let rest = "Please make sure you have the correct access rights\nand the repository exists.\n";
        let unread = format!("fatal: Could not read from remote repository.\n\n{rest}");
        for (complaint, expected) in [
            (
                format!("fatal: '/nope' does not appear to be a git repository\n{unread}"),
                "'/nope' does not appear to be a git repository",
            ),
            (
                format!("ssh: Could not resolve hostname h: Name or service not known\n{unread}"),
                "ssh: Could not resolve hostname h: Name or service not known",
            ),
            (
                format!("** a banner **\ngit@h: Permission denied (publickey).\n{unread}"),
                "git@h: Permission denied (publickey).",
            ),
            (format!("ERROR: Repository not found.\n{unread}"), "Repository not found."),
            (unread.clone(), "Could not read from remote repository."),
            (
                "fatal: unable to connect to h:\nh[0: 127.0.0.1]: errno=Connection refused\n".to_owned(),
                "unable to connect to h: h[0: 127.0.0.1]: errno=Connection refused",
            ),
            (
                format!("error: object {:040}: hasDotgit: contains '.git'\nfatal: fsck error\n", 7),
                "object …: hasDotgit: contains '.git'",
            ),
            ("remote: \nremote: one\nremote: two\n".to_owned(), "one"),
            ("a\u{1b}[1m".to_owned(), "a\u{fffd}[1m"),
            (String::new(), "it did not say why"),
        ] {
            assert_eq!(telling(&complaint), expected, "{complaint}");
        }
        let long = telling(&format!("fatal: {}", "é".repeat(300)));
        assert_eq!(long, format!("{}…", "é".repeat(200)));
    }

    #[test]
    fn a_push_is_refused_or_fails() {
        let name = format!("{:040} -> refs/cs/hosts/{:064}", 7, 8);
        let rejected = |before: &str, why: &str| {
            let after = "error: failed to push some refs to 'file:///m.git'";
            format!("{before}To file:///m.git\n ! [remote rejected] {name} ({why})\n{after}\n")
        };
        let refused = |why: &str| Unpushed::Refused(why.to_owned());
        let cannot = "unable to create temporary object directory";
        for (complaint, expected) in [
            (rejected("", "deny updating a hidden ref"), refused("deny updating a hidden ref")),
            (rejected("", "pre-receive hook declined"), refused("pre-receive hook declined")),
            (
                rejected("remote: not today   \nremote: nor tomorrow\n", "pre-receive hook declined"),
                refused("pre-receive hook declined: not today"),
            ),
            (rejected(&format!("error: remote unpack failed: {cannot}\n"), "unpacker error"), refused(cannot)),
            (
                rejected(
                    "remote: fatal: write error: No space left on device\nerror: remote unpack failed: \
                     index-pack abnormal exit\n",
                    "unpacker error",
                ),
                refused("write error: No space left on device"),
            ),
            (
                "remote: Permission to a/b.git denied to c.\nfatal: unable to access 'https://h/a/b.git/': The \
                 requested URL returned error: 403\n"
                    .to_owned(),
                refused("unable to access 'https://h/a/b.git/': The requested URL returned error: 403"),
            ),
            (
                "fatal: unable to access 'https://h/': Could not resolve host: h\n".to_owned(),
                Unpushed::Failed("unable to access 'https://h/': Could not resolve host: h".to_owned()),
            ),
        ] {
            assert_eq!(unpushed(&complaint), expected, "{complaint}");
        }
    }
}
