//! Which values are not shown.

use serde_json::Value;

/// What is shown in a secret's place.
pub const HIDDEN: &str = "(secret)";

/// Whether a value under this name, or looking like this, is likely a secret. Errs on the
/// side of hiding; `--show-secrets` shows it.
#[must_use]
pub fn looks_secret(name: &str, value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    is_secret_name(name) && !text.is_empty() || is_secret_text(text)
}

/// Whether a value has something in it that is likely a secret, at any depth.
#[must_use]
pub fn holds_secret(name: &str, value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| holds_secret(name, value)),
        Value::Array(items) => items.iter().any(|item| holds_secret(name, item)),
        value => looks_secret(name, value),
    }
}

/// Parts of names that hold secrets, compared in capitals without separators.
const NAMES: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "APIKEY",
    "ACCESSKEY",
    "PRIVATEKEY",
    "CREDENTIAL",
    "AUTHORIZATION",
    "BEARER",
    "PASSPHRASE",
    "COOKIE",
    "SIGNINGKEY",
    "ENCRYPTIONKEY",
];

/// Names with such a part that hold none.
const HARMLESS: &[&str] = &[
    "MAXTOKENS",
    "TOKENLIMIT",
    "OUTPUTTOKENS",
    "THINKINGTOKENS",
    "TOKENBUDGET",
    "MAXOUTPUTTOKENS",
    "APIKEYHELPER",
];

fn is_secret_name(name: &str) -> bool {
    let flat: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    let is_harmless = HARMLESS.iter().any(|harmless| flat.contains(harmless));
    !is_harmless && NAMES.iter().any(|part| flat.contains(part))
}

/// Beginnings that providers give their keys.
const PREFIXES: &[&str] = &[
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "npm_",
    "pypi-",
    "hf_",
    "eyJ",
    "-----BEGIN",
    "Bearer ",
    "Basic ",
    "dop_v1_",
    "SG.",
    "rk_live_",
    "sk_live_",
];

fn is_secret_text(text: &str) -> bool {
    let word = |word: &str| {
        PREFIXES.iter().any(|prefix| word.starts_with(prefix)) && word.len() >= 16
            || word.len() >= 32 && is_random(word)
    };
    let has_login = text.split_once("://").is_some_and(|(_, rest)| {
        rest.split(['/', '?'])
            .next()
            .is_some_and(|host| host.split_once('@').is_some_and(|(user, _)| user.contains(':')))
    });
    has_login
        || announces_secret(text)
        || PREFIXES.iter().any(|prefix| text.starts_with(prefix)) && text.len() >= 16
        || text
            .split(|c: char| c.is_whitespace() || matches!(c, '=' | ':' | '"' | '\'' | ',' | '(' | ')' | ';'))
            .any(word)
}

/// Words that announce a secret in a header or a command line.
const ANNOUNCED: &[&str] = &["bearer ", "basic ", "token "];

/// Whether a text holds `NAME=value` or `Name: value` with a name that tells, or `Bearer …`.
fn announces_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let announced = ANNOUNCED.iter().any(|word| {
        lower.split(word).skip(1).any(|rest| rest.split_whitespace().next().is_some_and(|own| own.len() >= 8))
    });
    let is_named = |at: usize| {
        let name = text[..at].rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).next();
        let value =
            text[at + 1..].trim_start().split([' ', '"', '\'', ')', ',', ';']).next().unwrap_or_default();
        name.is_some_and(is_secret_name) && value.len() >= 6 && !value.starts_with(['$', '/', '~'])
    };
    announced || text.match_indices(['=', ':']).any(|(at, _)| is_named(at))
}

/// A line of JSON or TOML for people's eyes: quoted texts that look secret, by themselves or by
/// the name before them, are masked; so is one that is not closed.
#[must_use]
pub fn mask_line(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let (mut rest, mut name) = (line, String::new());
    while let Some(start) = rest.find(['"', '\'']) {
        let quote = rest[start..].chars().next().unwrap_or('"');
        let before = &rest[..start];
        if let Some(bare) = before.trim_end().strip_suffix(['=', ':']) {
            let bare = bare.trim_end();
            let word = bare.rsplit(|c: char| c.is_whitespace() || matches!(c, '{' | ',' | '[')).next();
            // What stands between a closed quote and a colon is nothing: then the quote was the name.
            name = word.filter(|word| !word.is_empty()).map_or(name, str::to_owned);
        }
        out.push_str(before);
        let inner = &rest[start + 1..];
        let end = closing(inner, quote);
        let text = &inner[..end.unwrap_or(inner.len())];
        let after = end.map_or("", |end| &inner[end + 1..]);
        let is_name = after.trim_start().starts_with([':', '=']);
        if !is_name && looks_secret(&name, &Value::from(text)) {
            out.push_str("(secret)");
        } else {
            out.push(quote);
            out.push_str(text);
            out.extend(end.map(|_| quote));
        }
        if is_name {
            text.clone_into(&mut name);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A line of JSON without what its quoted texts say, but for names.
#[must_use]
pub fn mask_values(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find('"') {
        out.push_str(&rest[..start]);
        let inner = &rest[start + 1..];
        let end = closing(inner, '"');
        let after = end.map_or("", |end| &inner[end + 1..]);
        match end {
            Some(end) if after.trim_start().starts_with(':') => {
                out.push_str(&rest[start..start + end + 2]);
            }
            _ => out.push_str(HIDDEN),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where a quoted text ends.
fn closing(inner: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    inner.char_indices().find_map(|(at, char)| {
        let is_end = char == quote && !escaped;
        escaped = char == '\\' && !escaped;
        is_end.then_some(at)
    })
}

/// A long run of letters and digits that no one would write by hand: many different
/// characters, digits among letters, no path or prose about it.
fn is_random(word: &str) -> bool {
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '_' | '-' | '='));
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(char::is_ascii_alphabetic).count();
    let distinct = word.chars().collect::<std::collections::BTreeSet<_>>().len();
    is_plain && digits >= 4 && letters >= 8 && distinct >= 12
}

/// The value for people's eyes.
#[must_use]
pub fn shown(name: &str, value: &Value, show_secrets: bool) -> String {
    if !show_secrets && (looks_secret(name, value) || value == HIDDEN) {
        return HIDDEN.to_owned();
    }
    match value {
        Value::Object(members) if !show_secrets => {
            let members = members.iter().map(|(key, value)| format!("{key:?}: {}", shown(key, value, false)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) if !show_secrets => {
            let items = items.iter().map(|value| shown(name, value, false));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_masked_however_they_are_written() {
        for (line, masked) in [
            (r#"  "API_TOKEN": "x","#, r#"  "API_TOKEN": (secret),"#),
            (
                r#"{"env":{"DB_PASSWORD":"hunter2","A":"b"},"x":1}"#,
                r#"{"env":{"DB_PASSWORD":(secret),"A":"b"},"x":1}"#,
            ),
            (r#"env.API_KEY = "sk-not-closed"#, "env.API_KEY = (secret)"),
            (r#"env.API_KEY=["sk-ant-abcdefghijklmnop"]"#, "env.API_KEY=[(secret)]"),
            (
                r#""allow": ["Bash(export GITHUB_TOKEN=ghp_abcdefghij0123456789)", "Bash(ls)"]"#,
                r#""allow": [(secret), "Bash(ls)"]"#,
            ),
            (r#""H": "Authorization: Bearer abcDEF1234""#, r#""H": (secret)"#),
            (r#""command": "curl -H 'X-Api-Key: 0123456789'""#, r#""command": (secret)"#),
            (r#""model": "opus", "say \"hi\"": 1"#, r#""model": "opus", "say \"hi\"": 1"#),
            (
                r#""Read(~/.ssh/**)", "Bash(git push --force:*)""#,
                r#""Read(~/.ssh/**)", "Bash(git push --force:*)""#,
            ),
        ] {
            assert_eq!(mask_line(line), masked);
        }
    }

    #[test]
    fn a_line_can_be_quoted_without_its_values() {
        for (line, masked) in [
            (r#"  "FOO": "hunter2", "x": 1,"#, r#"  "FOO": (secret), "x": 1,"#),
            (r#"  "FOO": "hunter2"#, r#"  "FOO": (secret)"#),
            (r#"  "hunter2", // mine"#, r"  (secret), // mine"),
        ] {
            assert_eq!(mask_values(line), masked);
        }
    }

    #[test]
    fn secrets_are_told_by_name_or_by_look() {
        let secret = [
            ("ANTHROPIC_API_KEY", "x"),
            ("db-password", "hunter2"),
            ("X", "ghp_0123456789abcdefABCDEF"),
            ("URL", "postgres://me:pw@host/db"),
            ("ARGS", "--key=0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
        ];
        for (name, text) in secret {
            assert!(looks_secret(name, &json!(text)), "{name} {text}");
        }
        let plain = [
            ("MAX_THINKING_TOKENS", "1000"),
            ("model", "claude-opus-4-5-20251101"),
            ("apiKeyHelper", "~/bin/key"),
            ("command", "~/.claude/hooks/format-rust"),
            ("URL", "https://example.org/a"),
            ("PASSWORD", ""),
        ];
        for (name, text) in plain {
            assert!(!looks_secret(name, &json!(text)), "{name} {text}");
        }
        assert_eq!(
            shown("env", &json!({"A_TOKEN": "x", "B": "y"}), false),
            r#"{"A_TOKEN": (secret), "B": "y"}"#
        );
    }
}
