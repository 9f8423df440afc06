//! Profiles that lie in somebody's git repository: how they are named, and what may be named.

use std::fmt;
use std::path::{Component, Path, PathBuf};

/// The profile's file where the name doesn't say.
const PATH: &str = "claude-sync.toml";

/// What may come before `://`.
const SCHEMES: [&str; 5] = ["https", "ssh", "git", "http", "file"];

/// `git+URL`, then `?ref=BRANCH, TAG or COMMIT`, then `#PATH` of the profile in the repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remote {
    /// As git takes it: a URL, `user@host:path`, or a folder.
    pub url: String,
    /// A branch, a tag or a commit; none is the repository's own default branch.
    pub reference: Option<String>,
    /// Of the profile, from the top of the repository.
    pub path: String,
}

/// A name that is none, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misnamed {
    pub why: String,
    pub help: String,
}

impl Remote {
    /// Takes a name apart that began with `git+`. What is wrong with it, [`Remote::check`] says.
    #[must_use]
    pub fn parse(rest: &str) -> Self {
        let (place, path) = rest.split_once('#').unwrap_or((rest, PATH));
        let (url, reference) = match place.split_once("?ref=") {
            Some((url, reference)) => (url, Some(reference.to_owned())),
            None => (place, None),
        };
        Self { url: url.to_owned(), reference, path: path.to_owned() }
    }

    /// Whether it may be handed to git: nothing in it is an option, runs a program, or is a login that would be
    /// written down wherever the profile is named.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn check(&self) -> Result<(), Misnamed> {
        self.check_address(FORM)?;
        let misnamed = |why: &str| Err(Misnamed { why: why.to_owned(), help: FORM.to_owned() });
        if let Some(reference) = &self.reference
            && !is_reference(reference)
        {
            return misnamed("after `?ref=` comes the name of a branch or tag, or a commit");
        }
        if within(Path::new(""), Path::new(""), &self.path).is_none_or(|path| path.as_os_str().is_empty()) {
            return misnamed("after `#` comes a path inside the repository");
        }
        Ok(())
    }

    /// Whether git may be given its address; `form`: how one is written.
    fn check_address(&self, form: &str) -> Result<(), Misnamed> {
        let misnamed = |why: &str, help: &str| Err(Misnamed { why: why.to_owned(), help: help.to_owned() });
        let url = &self.url;
        if url.is_empty() || url.starts_with('-') || url.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            return misnamed("it names no repository", form);
        }
        if url.contains('?') {
            return misnamed("the only question that may be in it is ?ref=", form);
        }
        if names_program(url) {
            return misnamed("git would run a program to reach it", form);
        }
        if let Some((scheme, rest)) = url.split_once("://") {
            if self.login().is_some() {
                return misnamed(
                    "there is a login in it, which would be written down with the profile's name",
                    "leave it out and let git ask for it: a credential helper, or ssh",
                );
            }
            if !SCHEMES.contains(&scheme) {
                return misnamed("cs reaches repositories by https, ssh, git, http or file only", form);
            }
            let host = rest.split('/').next().unwrap_or_default();
            if host.starts_with('-') || host.contains("@-") {
                return misnamed("it names no host", form);
            }
        } else if !self.is_folder() && !is_short(url) {
            return misnamed("it is no URL, no user@host:path and no absolute path", form);
        }
        Ok(())
    }

    fn is_folder(&self) -> bool {
        self.url.starts_with('/')
    }

    /// The name of the repository and what of it is meant, without the path: what one pin is for.
    #[must_use]
    pub fn repository(&self) -> String {
        let reference = self.reference.as_ref().map(|name| format!("?ref={name}")).unwrap_or_default();
        // What may be a secret is refused; and repeated nowhere.
        let url = self.url.split_once('?').map_or(self.url.clone(), |(url, _)| format!("{url}?…"));
        match self.login() {
            Some(login) => format!("git+{}{reference}", url.replacen(login, "…", 1)),
            None => format!("git+{url}{reference}"),
        }
    }

    /// The login in a web address, or one with a password anywhere.
    fn login(&self) -> Option<&str> {
        let (scheme, rest) = self.url.split_once("://")?;
        let (login, _) = rest.split(['/', '?']).next()?.rsplit_once('@')?;
        let is_web = scheme.to_ascii_lowercase().starts_with("http");
        (is_web && !login.is_empty() || login.contains(':')).then_some(login)
    }
}

/// Whether git may be given this as a repository that hosts share.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn check_repository(url: &str) -> Result<(), Misnamed> {
    const REPOSITORY: &str = "write https://HOST/REPOSITORY, ssh://…, user@host:path or an absolute path";
    if url.contains('?') {
        return Err(Misnamed { why: "a `?` has no place in it".to_owned(), help: REPOSITORY.to_owned() });
    }
    let address = Remote { url: url.to_owned(), reference: None, path: PATH.to_owned() };
    address.check_address(REPOSITORY)
}

/// Whether ssh may be given this as a host.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn check_host(name: &str) -> Result<(), Misnamed> {
    if name.is_empty() || name.starts_with('-') || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let help = "write a name of ~/.ssh/config, HOST, USER@HOST, or a pattern of such names".to_owned();
        return Err(Misnamed { why: "that names no host".to_owned(), help });
    }
    Ok(())
}

const FORM: &str =
    "write git+https://HOST/REPOSITORY#PATH, or git+ssh://…; ?ref=NAME before the # for a branch or tag";

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repository(), self.path)
    }
}

/// `PROGRAM::ADDRESS`, where git runs `git-remote-PROGRAM`. Elsewhere, as in `http://[::1]/`, it means nothing.
fn names_program(url: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    url.trim_start_matches(is_letter).starts_with("::")
}

/// `user@host:path`, as ssh is named for short.
fn is_short(url: &str) -> bool {
    url.split_once(':').is_some_and(|(host, path)| {
        let name = host.rsplit('@').next().unwrap_or_default();
        !name.is_empty() && !name.starts_with('-') && !host.contains('/') && !path.is_empty()
    })
}

/// Names that git takes for a branch or tag and for nothing else.
fn is_reference(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['-', '/'])
        && !name.contains("..")
        && !name.contains("@{")
        && !name.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c))
}

/// `text` as a path in `tree`, written in a file of `folder`; `None` where it would leave the tree.
#[must_use]
pub fn within(tree: &Path, folder: &Path, text: &str) -> Option<PathBuf> {
    let mut inner = PathBuf::new();
    let below = folder.strip_prefix(tree).ok()?;
    for component in below.components().chain(Path::new(text).components()) {
        match component {
            Component::Normal(name) if name.to_string_lossy().contains(char::is_control) => return None,
            Component::Normal(name) => inner.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !inner.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    // A profile says `~` for the home; a repository has none.
    (!text.starts_with('~')).then(|| tree.join(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> Option<String> {
        Remote::parse(text).check().err().map(|misnamed| misnamed.why)
    }

    #[test]
    fn names_are_read_and_written_alike() {
        for text in [
            "git+https://example.org/team/dots.git#claude/claude-sync.toml",
            "git+ssh://git@example.org/dots?ref=v2#claude-sync.toml",
            "git+git@example.org:team/dots.git?ref=main#a/b.toml",
            "git+file:///srv/dots#claude-sync.toml",
            "git+/srv/dots#claude-sync.toml",
            "git+http://[::1]/dots#claude-sync.toml",
            "git+ssh://me@[fe80::1]:22/dots#claude-sync.toml",
        ] {
            let remote = Remote::parse(&text["git+".len()..]);
            assert_eq!(remote.check(), Ok(()), "{text}");
            assert_eq!(remote.to_string(), text);
        }
        assert_eq!(Remote::parse("https://h/x").path, "claude-sync.toml");
    }

    #[test]
    fn what_git_would_take_for_something_else_is_no_name() {
        for text in [
            "",
            "--upload-pack=touch x",
            "-x",
            "ext::sh -c x",
            "ext::sh",
            "fd::3",
            "foo::bar",
            "x+y-z.0::http://[::1]/x",
            "::x",
            "ftp://h/x",
            "ssh://-oProxyCommand=x/y",
            "ssh://me@-oProxyCommand=x/y",
            "-oProxyCommand=x:y",
            "me@-oProxyCommand=x:y",
            "https://h/x y",
            "https://h/x\n",
            "dots",
            "../dots",
            "https://token@h/x",
            "https://me:secret@h/x",
            "HTTPS://me:secret@h/x",
            "ssh://me:secret@h/x",
            "git://me:secret@h/x",
            "https://h/x?private_token=secret",
            "https://h/x?ref=#p",
            "https://h/x?ref=--all#p",
            "https://h/x?ref=a..b#p",
            "https://h/x?ref=a b#p",
            "https://h/x#",
            "https://h/x#/etc/passwd",
            "https://h/x#../x",
            "https://h/x#~/x",
        ] {
            assert!(why(text).is_some(), "{text}");
            assert!(!Remote::parse(text).to_string().contains("secret"), "{text}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_tree() {
        let tree = Path::new("git+x@abc");
        let inside = |folder: &str, text: &str| within(tree, &tree.join(folder), text);
        assert_eq!(inside("", "a/b"), Some(tree.join("a/b")));
        assert_eq!(inside("a/b", "../c"), Some(tree.join("a/c")));
        assert_eq!(inside("a", "./b/./c"), Some(tree.join("a/b/c")));
        for text in ["..", "../x", "a/../../x", "/etc/passwd", "~/x", "~", "a\u{1b}b"] {
            assert_eq!(inside("", text), None, "{text}");
        }
        assert_eq!(inside("a", "../../x"), None);
        assert_eq!(within(tree, Path::new("/elsewhere"), "x"), None);
    }
}
