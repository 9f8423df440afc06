//! Texts of others, and texts for them.

use std::path::Path;

/// A text for a terminal, as long as it was: it moves no cursor, changes no colour, and reads in the order it is
/// written in.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_odd = |c: char| {
        let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
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

/// `*` is any text, `?` any one character. Remembers the last star only, so it stays quadratic at worst.
#[must_use]
pub fn fits_glob(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (g, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_like_a_shell() {
        for (glob, text) in
            [("login*", "login01"), ("*", ""), ("a?c", "abc"), ("*.edu", "x.y.edu"), ("a*b*c", "aXbYbc")]
        {
            assert!(fits_glob(glob, text), "{glob} {text}");
        }
        for (glob, text) in [("login*", "node"), ("?", ""), ("a?c", "ac"), ("", "x"), ("a*b", "ac")] {
            assert!(!fits_glob(glob, text), "{glob} {text}");
        }
    }

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
