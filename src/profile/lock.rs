//! `claude-sync.lock`: the commit that each remote profile is read at.

use serde::Deserialize;

use super::remote::Remote;

/// The newest format that is written here.
const FORMAT: u32 = 1;

/// Which commit a repository is read at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    pub url: String,
    pub reference: Option<String>,
    /// All its digits, in lower case.
    pub commit: String,
}

/// Every pin there is, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    pub pins: Vec<Pin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "looked at before, and has to be there")]
    format: u32,
    #[serde(default)]
    remote: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    commit: String,
}

impl Lock {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, with the line where there is one.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The format first: a newer one may be written differently.
        let newer = |found: u64| format!("it is of format {found}; this cs reads up to {FORMAT}. Update cs");
        let table: toml::Table = toml::from_str(text).map_err(|error| told(text, &error))?;
        match table.get("format").and_then(toml::Value::as_integer) {
            Some(found) if found > i64::from(FORMAT) => return Err(newer(found.unsigned_abs())),
            _ => {}
        }
        let File { remote, .. } = toml::from_str(text).map_err(|error| told(text, &error))?;
        let mut pins = Vec::new();
        for Entry { url, reference, commit } in remote {
            if !is_commit(&commit) {
                return Err(format!("`{commit}` is no whole commit"));
            }
            pins.push(Pin { url, reference, commit });
        }
        pins.sort();
        let twice =
            pins.windows(2).find(|two| two[0].url == two[1].url && two[0].reference == two[1].reference);
        match twice {
            Some(two) => Err(format!("{} is pinned twice: keep one of them", two[0].url)),
            None => Ok(Self { pins }),
        }
    }

    /// Its text.
    #[must_use]
    pub fn print(&self) -> String {
        let quoted = |text: &str| toml_edit::Value::from(text).to_string();
        let mut out = format!(
            "# The commit each remote profile is read at. `cs update` moves it; keep this file with the profile.\n\
             format = {FORMAT}\n"
        );
        for Pin { url, reference, commit } in &self.pins {
            out += &format!("\n[[remote]]\nurl = {}\n", quoted(url));
            if let Some(reference) = reference {
                out += &format!("ref = {}\n", quoted(reference));
            }
            out += &format!("commit = {}\n", quoted(commit));
        }
        out
    }

    /// Sets a pin, in the place of the one there was for the same.
    pub fn set(&mut self, pin: Pin) {
        self.pins.retain(|own| own.url != pin.url || own.reference != pin.reference);
        self.pins.push(pin);
        self.pins.sort();
    }

    /// The commit that `remote` is pinned to.
    #[must_use]
    pub fn commit(&self, remote: &Remote) -> Option<&str> {
        let pin = self.pins.iter().find(|pin| pin.url == remote.url && pin.reference == remote.reference);
        pin.map(|pin| pin.commit.as_str())
    }
}

fn told(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let at = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("{at}{}", error.message())
}

/// Whether a text is a commit's whole name.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let pin = |url: &str, reference: Option<&str>, digit: &str| Pin {
            url: url.to_owned(),
            reference: reference.map(str::to_owned),
            commit: digit.repeat(40),
        };
        let lock = Lock { pins: vec![pin("/a \"b\"", None, "a"), pin("https://h/x", Some("v1"), "0")] };
        assert_eq!(Lock::parse(&lock.print()), Ok(lock.clone()));
        let remote = Remote::parse("https://h/x?ref=v1#p.toml");
        assert_eq!(lock.commit(&remote), Some(&*"0".repeat(40)));
        assert_eq!(lock.commit(&Remote { reference: None, ..remote }), None);
        assert_eq!(Lock::parse(&Lock::default().print()), Ok(Lock::default()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let bad = |text: &str| Lock::parse(text).expect_err(text);
        assert_eq!(bad("format = 2\nnew = 1\n"), "it is of format 2; this cs reads up to 1. Update cs");
        assert!(bad("format = 1\n[[remote]\n").starts_with("line 2: "));
        assert!(bad("format = 1\n[[remote]]\nurl = \"x\"\ncommit = \"HEAD\"\n").contains("`HEAD`"));
        assert!(bad("format = 1\nx = 1\n").contains("unknown field"));
        let twice =
            "[[remote]]\nurl = \"x\"\ncommit = \"0000000000000000000000000000000000000000\"\n".repeat(2);
        assert!(bad(&format!("format = 1\n{twice}")).contains("twice"));
        assert!(!bad("").is_empty());
    }
}
