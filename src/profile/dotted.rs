//! Dotted keys inside strings: `env.FOO`, `settings.permissions.allow: Bash(curl:*)`.

/// The names of a dotted key, written as TOML writes them: bare, or in either kind of quotes.
pub(super) fn key(text: &str) -> Result<Vec<String>, String> {
    match split(text)? {
        (names, None) => Ok(names),
        (_, Some(_)) => Err("a `:` must be in quotes".to_owned()),
    }
}

/// A dotted key and, after a `:`, one element of the list it names.
pub(super) fn key_and_element(text: &str) -> Result<(Vec<String>, Option<&str>), String> {
    split(text)
}

fn split(text: &str) -> Result<(Vec<String>, Option<&str>), String> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    loop {
        let (name, after) = component(rest)?;
        names.push(name);
        let after = after.trim_start();
        if after.is_empty() {
            return Ok((names, None));
        }
        if let Some(element) = after.strip_prefix(':') {
            return Ok((names, Some(element.trim())));
        }
        rest = after.strip_prefix('.').ok_or_else(|| format!("expected `.` before `{after}`"))?.trim_start();
    }
}

/// One name from the start of `text`, and what follows it.
fn component(text: &str) -> Result<(String, &str), String> {
    match text.chars().next() {
        Some('\'') => {
            let (name, rest) = text[1..].split_once('\'').ok_or("a quote is not closed")?;
            Ok((name.to_owned(), rest))
        }
        Some('"') => quoted(&text[1..]),
        _ => {
            let end = text.find(|c: char| matches!(c, '.' | ':' | '"' | '\'') || c.is_whitespace());
            let (name, rest) = text.split_at(end.unwrap_or(text.len()));
            if name.is_empty() { Err("a name is missing".to_owned()) } else { Ok((name.to_owned(), rest)) }
        }
    }
}

/// After an opening `"`: only quotes and backslashes need escapes in a name.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((name, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => name.push(escaped),
                _ => return Err("in a quoted name only `\\\"` and `\\\\` are escapes".to_owned()),
            },
            c => name.push(c),
        }
    }
    Err("a quote is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_as_in_toml() {
        assert_eq!(key("env.FOO"), Ok(vec!["env".to_owned(), "FOO".to_owned()]));
        assert_eq!(key(r#" a . "b.c\"" . 'd:e' "#), Ok(vec!["a".into(), "b.c\"".into(), "d:e".into()]));
        for bad in ["", ".", "a.", "a..b", "a b", "\"a", "'a", "a: b", "\"\\n\""] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_element_follows_a_colon_and_may_hold_more() {
        let (names, element) = key_and_element("permissions.allow: Bash(curl:*)").expect("valid");
        assert_eq!(names, ["permissions", "allow"]);
        assert_eq!(element, Some("Bash(curl:*)"));
    }
}
