//! Texts of others, and texts for them.

use std::path::Path;

/// A text for a terminal, as long as it was: it moves no cursor, changes no colour, and reads in the order it is
/// written in.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_odd = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns || c.is_control() && c != '\t'
    };
    text.chars().map(|c| if is_odd(c) { '\u{fffd}' } else { c }).collect()
}

/// A path as a shell takes it for one word, the way people write it: `~/…` where it is under the home, in quotes
/// where it needs them.
#[must_use]
pub fn shell_path(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        // A `~` in quotes is none.
        Some(rest) => format!("~/{}", shell_word(&rest.to_string_lossy())),
        None => shell_word(&path.to_string_lossy()),
    }
}

/// A text as a shell takes it for one word.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_plain =
        !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "'\"$`\\&;|<>()*?!".contains(c));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        assert_eq!(printable("a\u{202e}b\tc"), "a\u{fffd}b\tc");
        assert_eq!(printable("a\u{1b}[31mb\u{7}\u{9b}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_path_can_be_copied_to_a_shell() {
        for (path, word) in [
            ("/home/me/dot/x.toml", "~/dot/x.toml"),
            ("/home/me/my dot/it's", r"~/'my dot/it'\''s'"),
            ("/home/me", "~"),
            ("/home/meg/x y", "'/home/meg/x y'"),
            ("x/#y", "x/#y"),
        ] {
            assert_eq!(shell_path(Path::new(path), Some(Path::new("/home/me"))), word);
        }
    }
}
