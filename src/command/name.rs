//! The name of a program that was written so that it is not seen at once.

use super::{UNKNOWN, Word};

/// The program's name, as far as it can be said: a variable in the middle of it is most likely empty, and a
/// pattern in a folder of programs matches one.
pub(super) fn named(word: &mut Word) {
    const USUAL: &[&str] = &[
        "rm", "dd", "sh", "bash", "dash", "zsh", "git", "find", "mv", "cp", "chmod", "chown", "kill", "curl",
        "wget", "nc", "sudo", "su", "env", "xargs", "python3", "python", "perl", "ruby", "node", "docker",
        "shred", "truncate", "mkfs", "eval", "tee", "base64", "nohup", "busybox", "unlink", "reboot",
        "shutdown", "halt", "poweroff",
    ];
    if word.has_unknown()
        && word.text.chars().any(|c| c != UNKNOWN)
        && !word.holes.iter().any(|hole| hole == "$(")
    {
        word.text.retain(|c| c != UNKNOWN);
        word.holes.clear();
    }
    let (folder, name) = word.text.rsplit_once('/').unwrap_or(("", &word.text));
    if word.is_glob
        && folder.starts_with('/')
        && name.len() > 1
        && name.contains(|c: char| c.is_ascii_alphanumeric())
    {
        let known = USUAL.iter().find(|known| is_match(name.as_bytes(), known.as_bytes(), 64));
        if let Some(known) = known {
            word.text = format!("{folder}/{known}");
            word.is_glob = false;
        }
    }
}

/// Whether a pattern of names matches `name`. `left`: how often a `*` may be tried.
pub(crate) fn is_match(pattern: &[u8], name: &[u8], left: usize) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) if left > 0 => {
            is_match(rest, name, left - 1) || !name.is_empty() && is_match(pattern, &name[1..], left - 1)
        }
        ([b'[', rest @ ..], [first, after @ ..]) => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
            rest[..end].contains(first) && is_match(&rest[end + 1..], after, left)
        }
        ([b'?', rest @ ..], [_, after @ ..]) => is_match(rest, after, left),
        ([byte, rest @ ..], [first, after @ ..]) => byte == first && is_match(rest, after, left),
        _ => false,
    }
}
