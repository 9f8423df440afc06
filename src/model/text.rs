//! Texts of others.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        assert_eq!(printable("a\u{202e}b\tc"), "a\u{fffd}b\tc");
        assert_eq!(printable("a\u{1b}[31mb\u{7}\u{9b}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}");
    }
}
