//! Exchanges that came to nothing: what people are told of why, and of what to do next.

use crate::cli::error::CliError;
use crate::knowledge::shared::SharedError;
use crate::mesh::frame::FrameError;
use crate::mesh::talk::TalkError;
use crate::model::{printable, text::shell_word};
use crate::remote;
use crate::sys::env;

/// Why nothing came of it, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub why: String,
    pub hint: String,
    /// Another cs is at it.
    pub is_busy: bool,
}

impl Failure {
    pub fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into(), is_busy: false }
    }

    /// Somebody else has been at it for as long as anybody waits.
    pub fn busy() -> Self {
        let hint = "A repository that does not answer is waited for up to 2 minutes. Wait for it to end, then try again.";
        Self { is_busy: true, ..Self::new(SharedError::Busy.to_string(), hint) }
    }

    /// With a repository.
    pub fn of_git(error: remote::Error, url: &str) -> Self {
        use remote::Error;
        let url = shell_word(&printable(url));
        match error {
            Error::NoGit => Self::new(
                "git is not installed here",
                "Install git; or ask hosts over ssh: cs mesh sync --ssh HOST.",
            ),
            Error::Unreachable { said, .. } => Self::new(
                format!("can't be reached: {said}"),
                format!(
                    "Look whether the repository and the network are there and you may read it: git ls-remote {url}"
                ),
            ),
            Error::PushRefused { said, .. } => Self::new(
                format!("the push was refused: {said}"),
                "Look whether you may write there, what is configured there for pushes, and whether there is room \
                 on its disk.",
            ),
            Error::PushFailed { said, .. } => Self::new(
                format!("the push failed: {said}"),
                format!("Look whether you may write there: git push --dry-run {url}"),
            ),
            Error::Io(error) => Self::of_own(&error.into()),
            error => Self::new(
                error.to_string(),
                "Look whether there is room on the disk here: df -h ~; then try again.",
            ),
        }
    }

    /// Of what a host had left in a repository that was reached.
    pub fn of_fetch(error: remote::Error, url: &str) -> Self {
        match error {
            remote::Error::Unreachable { said, .. } => Self::new(
                format!("it can't be fetched: {said}"),
                "A host whose ref is damaged there leaves another one with its next cs mesh sync; if it is the \
                 repository, git fsck says so there.",
            ),
            error => Self::of_git(error, url),
        }
    }

    /// Of this host's own, as every other command tells it.
    fn of_own(error: &CliError) -> Self {
        let report = error.report(env::home().as_deref());
        Self::new(report.message, report.hints.join(" "))
    }

    /// ssh could not be started.
    pub fn of_start(error: &std::io::Error) -> Self {
        let hint = "Install OpenSSH's client; or use a repository that hosts share: cs mesh sync --git URL.";
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::new("ssh is not installed here", hint),
            _ => Self::new(format!("ssh can't be run: {error}"), hint),
        }
    }

    /// A host did not come to an end.
    pub fn late(host: &str, seconds: u64) -> Self {
        let hint = format!("Look whether it answers: ssh {} true", shell_word(&printable(host)));
        Self::new(format!("it took longer than {seconds} s"), hint)
    }

    /// Nothing came from a host but what it, or ssh, complained of.
    pub fn of_complaint(host: &str, complaint: &str) -> Option<Self> {
        let host = shell_word(&printable(host));
        let mut lines = complaint.lines().map(str::trim).filter(|line| !line.is_empty());
        // A cs that refuses says why in its first line; a ssh that gives up in its last.
        if let Some(said) = lines.clone().find_map(|line| line.strip_prefix("error: ")) {
            return Some(Self::new(
                printable(said),
                format!("Put it right there: ssh {host} cs mesh status"),
            ));
        }
        if lines.clone().any(is_no_cs) {
            return Some(Self::new(
                "there is no cs there, or a login that only runs a command does not find it",
                format!(
                    "Install cs on it. It is looked for on the PATH of such a login (ssh {host} 'echo $PATH'), in \
                     ~/.local/bin, ~/.cargo/bin, /usr/local/bin and where nix and brew put it."
                ),
            ));
        }
        let said = printable(lines.next_back()?);
        let hint =
            format!("Look whether ssh gets there and has nothing to ask: ssh -o BatchMode=yes {host} true");
        Some(Self::new(said, hint))
    }

    /// Of a conversation with a host.
    pub fn of_talk(host: &str, error: &TalkError) -> Self {
        let host = shell_word(&printable(host));
        let hint = match error {
            TalkError::Untrusted(node) => {
                format!(
                    "Compare it with what cs identity shows there; if it is the same: cs trust add {}",
                    node.fingerprint()
                )
            }
            TalkError::NotTrusted { .. } => {
                "Whoever is there compares that with what cs identity shows here.".to_owned()
            }
            TalkError::Protocol(_) | TalkError::OtherProtocol => {
                format!("Update cs on that one: cs --version, and ssh {host} cs --version.")
            }
            TalkError::Own => "Name another host.".to_owned(),
            TalkError::Frame(FrameError::Text) => format!("Look at what it prints: ssh {host} true"),
            _ => format!(
                "Try again; if it fails again, look whether cs works there: ssh {host} cs mesh status"
            ),
        };
        match error {
            // It does not listen any more: that is all there is to it.
            TalkError::Frame(FrameError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                Self::new(FrameError::Short.to_string(), hint)
            }
            error => Self::new(error.to_string(), hint),
        }
    }
}

/// Whether a shell, or `env`, says so that it found no cs.
fn is_no_cs(line: &str) -> bool {
    let line = line.to_lowercase();
    let is_missing =
        ["not found", "no such file", "unknown command"].iter().any(|words| line.contains(words));
    is_missing && line.split(|c: char| !c.is_alphanumeric() && !"-_./".contains(c)).any(|word| word == "cs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_cs_is_told_from_one_that_can_t_be_reached() {
        for line in [
            "env: 'cs': No such file or directory",
            "env: \u{2018}cs\u{2019}: No such file or directory",
            "env: cs: No such file or directory",
            "env: can't execute 'cs': No such file or directory",
            "bash: line 1: cs: command not found",
            "sh: 1: cs: not found",
            "zsh:1: command not found: cs",
            "fish: Unknown command: cs",
        ] {
            assert!(is_no_cs(line), "{line}");
            let told =
                Failure::of_complaint("bee", &format!("a banner\n{line}\n")).expect("it says something");
            assert!(told.why.contains("no cs there") && told.hint.starts_with("Install cs"), "{told:?}");
        }
        for line in [
            "ssh: Could not resolve hostname cs-1: Name or service not known",
            "Host key not found for cs.example.org",
            "bash: line 1: env: command not found",
            "cs: Permission denied",
        ] {
            assert!(!is_no_cs(line), "{line}");
        }
        assert_eq!(Failure::of_complaint("bee", " \n"), None);
    }
}
