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
    "dop_v1_",
    "SG.",
    "rk_live_",
    "sk_live_",
    "whsec_",
    "xapp-",
    "glsa_",
    "glc_",
    "sntrys_",
    "dckr_pat_",
    "lin_api_",
    "shpat_",
    "gsk_",
    "xai-",
    "hvs.",
    "tskey-",
    "AGE-SECRET-KEY-1",
];

/// What stands before a key.
const BEFORE: &[&str] = &["-----BEGIN", "Bearer ", "Basic "];

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
        || has_hook(text)
        || announces_secret(text)
        || PREFIXES.iter().chain(BEFORE).any(|prefix| text.starts_with(prefix)) && text.len() >= 16
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

/// Whether a line of a script, of prose, or of any other file is likely to hold a secret. Less is taken for one
/// than of a value: what is only named (`$TOKEN`, `your-key`) is none.
#[must_use]
pub fn holds_in_line(line: &str) -> bool {
    if line.contains("-----BEGIN") && line.contains("PRIVATE KEY-----") {
        return true;
    }
    let is_edge = |c: char| c.is_whitespace() || "=:\"'`,()[]{}<>;|&".contains(c);
    line.split(is_edge).any(is_key)
        || line.split_whitespace().any(|word| has_hook(word) || logs_in(word))
        || gives_secret(line)
        || line.split(['"', '\'']).skip(1).step_by(2).any(is_unguessable)
}

/// Whether a quoted text is one long run that nobody wrote by hand, and no digest.
fn is_unguessable(text: &str) -> bool {
    let is_digest = text.bytes().all(|byte| byte.is_ascii_hexdigit()) || text.starts_with("sha");
    text.len() >= 32 && !is_digest && is_random(text)
}

/// Whether a word is a key by what its provider has it begin with, and not a name that begins so.
fn is_key(word: &str) -> bool {
    let word = word.trim_end_matches(['.', '!', '?', '/', '\\']);
    let prefix = PREFIXES.iter().find(|prefix| word.starts_with(**prefix));
    prefix.is_some_and(|prefix| {
        let rest = &word[prefix.len()..];
        rest.len() >= 16
            && rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '='))
            && rest.chars().filter(char::is_ascii_digit).count() >= 2
            && distinct(rest) >= 8
    })
}

fn distinct(text: &str) -> usize {
    text.chars().collect::<std::collections::BTreeSet<_>>().len()
}

/// Addresses that whoever knows them can write to.
const HOOKS: &[&str] = &[
    "hooks.slack.com/services/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    "webhook.office.com/webhookb2/",
];

fn has_hook(text: &str) -> bool {
    HOOKS.iter().any(|hook| {
        text.split_once(hook).is_some_and(|(_, rest)| {
            let own = rest.split(['"', '\'', ' ']).next().unwrap_or_default();
            own.len() >= 20 && !own.contains(['$', '<', '{']) && own.contains(|c: char| c.is_ascii_digit())
        })
    })
}

/// Whether an address has a password in it, rather than the name of one.
fn logs_in(word: &str) -> bool {
    word.split_once("://").is_some_and(|(_, rest)| {
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let password = host.rsplit_once('@').and_then(|(login, _)| login.split_once(':')).map(|(_, own)| own);
        password.is_some_and(|own| !is_placeholder(own))
    })
}

/// Whether `NAME=value` stands there, or `Name: value`, with a name that tells and a value that no example has.
fn gives_secret(line: &str) -> bool {
    let is_quote = |c: char| matches!(c, '"' | '\'');
    line.match_indices(['=', ':']).any(|(at, _)| {
        let before = line[..at].trim_end_matches(|c: char| c == ' ' || is_quote(c));
        let name = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).next();
        let rest = line[at + 1..].trim_start_matches(' ');
        let (quote, rest) = match rest.chars().next().filter(|c| is_quote(*c)) {
            Some(quote) => (Some(quote), &rest[1..]),
            None => (None, rest),
        };
        let words = ["Bearer ", "bearer ", "Basic ", "basic ", "token "];
        let rest = words.iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
        let ends = |c: char| match quote {
            Some(quote) => c == quote,
            None => is_quote(c) || " ),;`|&".contains(c),
        };
        let value = rest.split(ends).next().unwrap_or_default();
        let digits = value.chars().filter(char::is_ascii_digit).count();
        // Unquoted it may as well be prose, or a number of tokens.
        let is_likely = match quote {
            Some(_) => value.len() >= 6 && !(digits == 0 && is_secret_name(value)),
            None => value.len() >= 8 && digits >= 2 && digits < value.len() && distinct(value) >= 6,
        };
        is_likely && name.is_some_and(is_secret_name) && !value.contains(' ') && !is_placeholder(value)
    })
}

/// Whether a text stands for a secret that is somewhere else, or is to be filled in.
fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    text.is_empty()
        || text.starts_with(['$', '<', '{', '[', '(', '%', '@', '*', '/', '~', '.'])
        || text.contains("${")
        || text.contains("...")
        || ["your", "example", "changeme", "placeholder", "xxx", "123456", "password", "redacted", "dummy"]
            .iter()
            .any(|word| lower.contains(word))
        || matches!(lower.as_str(), "pass" | "pw" | "secret" | "token" | "user" | "test")
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
    fn a_line_of_any_file_may_hold_a_secret_and_most_that_speak_of_one_do_not() {
        for line in [
            "export GITHUB_TOKEN=ghp_q8Zr3LmNx7VbT2cYwK5sHd9Jf4GpRa1Eu6Xo",
            "use sk-ant-api03-Ab3dEf6hIj9kLm2nOp5q to log in",
            "curl -H Authorization:Bearer\\ glpat-Xy7Kq2Lm9Pz4Rt6Wv3Bn",
            "Authorization: Bearer 8f2b6d0c4a9e4c21",
            "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI7K7MDENGbPxRfiCYzQ9LmA3kT1u",
            r#"TOKEN="ghp_q8Zr3LmNx7VbT2cYwK5sHd9Jf4GpRa1Eu6Xo""#,
            r#"  "password": "hunter2","#,
            "key: 'Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z'",
            r#"-H "Authorization: token 8f2b6d0c4a9e4c21""#,
            "aws_access_key_id = AKIAQ7XKZ3M5N8P2R4T6",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----",
            "API_TOKEN=4f9a7c1e0b3d",
            "password: hunter22hunter",
            "curl https://hooks.slack.com/services/T01ABCDEF/B02GHIJKL/aBcDeFgHiJkLmNoPqRsT3u4V",
            "psql postgres://app:k7Qz2wLm@db.internal/app",
            "a JWT: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w",
            "AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        ] {
            assert!(holds_in_line(line), "{line}");
        }
        for line in [
            "export GITHUB_TOKEN=$(gh auth token)",
            "GITHUB_TOKEN=${GITHUB_TOKEN:-}",
            "Set ANTHROPIC_API_KEY=your-key-1234567 first",
            "Authorization: Bearer $TOKEN",
            "Authorization: Bearer <your token 12>",
            "curl -H \"X: $TOKEN\" https://example.org/v1",
            "Never commit a secret: tokens, passwords, private keys.",
            "the token budget: 200000 tokens, max_tokens: 4096",
            "-----BEGIN CERTIFICATE-----",
            "sk-learn-is-a-library-for-machine-learning",
            "npm_config_registry_of_this_project",
            "hf_transformers_cache_directory",
            "postgres://user:password@localhost:5432/db",
            "git clone https://github.com/a/b.git 0123456789abcdef0123456789abcdef01234567",
            "password: the one that you chose in step 2",
            "claude-opus-4-5-20251101",
            "It doesn't send a token anywhere, and isn't basic authentication.",
            r#"password = os.environ["DB_PASSWORD"]"#,
            r#"token: "the token that you were given""#,
            r#""integrity": "sha512-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z""#,
            r#"rev = "0123456789abcdef0123456789abcdef01234567""#,
            r#"api_key = "API_KEY""#,
        ] {
            assert!(!holds_in_line(line), "{line}");
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
