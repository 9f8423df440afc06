//! Words that a shell reads as others: quotes, escapes, variables, patterns, lists.

#![expect(clippy::format_collect, reason = "a few letters")]

use super::Text;
use crate::draw::Draw;

/// Writes the words of a plain command differently. Gives the disguise's name.
pub fn words(text: &mut Text, draw: &mut Draw) -> &'static str {
    let command = text.script.clone();
    let words: Vec<&str> = command.split(' ').collect();
    let (name, made, is_simple) = match draw.below(27) {
        0 => ("quoted letters", each(&words, |word| split(word, draw, "''")), true),
        1 => ("double quotes", each(&words, |word| format!("\"{word}\"")), true),
        2 => ("single quotes", each(&words, |word| format!("'{word}'")), true),
        3 => ("backslashes", each(&words, |word| word.chars().map(|c| format!("\\{c}")).collect()), true),
        4 => ("one backslash", each(&words, |word| split(word, draw, "\\")), true),
        5 => ("hex", each(&words, |word| ansi(word, |byte| format!("\\x{byte:02x}"))), true),
        6 => ("octal", each(&words, |word| ansi(word, |byte| format!("\\{byte:03o}"))), true),
        7 => ("unicode", each(&words, |word| ansi(word, |byte| format!("\\u{byte:04x}"))), true),
        8 => ("defaults", each(&words, |word| format!("${{unset_name:-{word}}}")), true),
        9 => ("continued lines", each(&words, |word| split(word, draw, "\\\n")), true),
        10 => ("IFS", words.join("${IFS}"), true),
        11 => ("IFS and nothing", words.join("$IFS$9"), true),
        12 => ("list in braces", format!("{{{}}}", words.join(",")), true),
        13 => ("variables", variables(&words), false),
        14 => ("array", format!("c=({command}); \"${{c[@]}}\""), false),
        15 => ("one variable", format!("c=\"{command}\"; $c"), false),
        16 => ("printed words", each(&words, |word| format!("$(printf %s {word})")), true),
        17 => ("trimmed variable", format!("v={}zz; ${{v%zz}} {}", words[0], words[1..].join(" ")), false),
        18 => ("pattern", format!("{} {}", pattern(words[0]), words[1..].join(" ")), true),
        19 => ("path", format!("/usr/bin/../bin/{command}"), true),
        20 => ("nothing in it", each(&words, |word| split(word, draw, "$9")), true),
        21 => ("unset in it", format!("{} {}", split(words[0], draw, "${zz}"), words[1..].join(" ")), true),
        22 => ("piece of a variable", format!("v=xx{}; ${{v:2}} {}", words[0], words[1..].join(" ")), false),
        23 => ("replaced", format!("v=@@{}; ${{v//@/}} {}", words[0], words[1..].join(" ")), false),
        24 => (
            "blanks of other scripts",
            words.join(draw.pick(&["\u{a0}", "\u{2003}", "\u{3000}", "\u{202f}"])),
            true,
        ),
        25 => ("what has no width", each(&words, |word| split(word, draw, "\u{200b}")), true),
        _ => ("wide blanks", words.join(draw.pick(&["\t", "   ", " \\\n ", "\t\t"])), true),
    };
    // `git checkout -- .`: a word may hold what a list of one name would drop.
    text.script = made;
    text.is_simple = is_simple;
    text.is_plain = false;
    name
}

fn each(words: &[&str], mut change: impl FnMut(&str) -> String) -> String {
    words.iter().map(|word| change(word)).collect::<Vec<_>>().join(" ")
}

/// A path with a pattern that only this program's name is meant by.
fn pattern(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let marked = letters.iter().enumerate().map(|(at, c)| if at == letters.len() / 2 { '?' } else { *c });
    format!("/usr/bin/{}", marked.collect::<String>())
}

/// `word` with `mark` somewhere in it.
fn split(word: &str, draw: &mut Draw, mark: &str) -> String {
    let at = draw.below(word.len());
    format!("{}{mark}{}", &word[..at], &word[at..])
}

fn ansi(word: &str, byte: impl Fn(u8) -> String) -> String {
    format!("$'{}'", word.bytes().map(byte).collect::<String>())
}

fn variables(words: &[&str]) -> String {
    let names = ["a", "b", "cc", "d1", "_e", "F", "g", "h", "i"];
    let set: Vec<String> = words.iter().zip(names).map(|(word, name)| format!("{name}={word}")).collect();
    let used: Vec<String> = words.iter().zip(names).map(|(_, name)| format!("${{{name}}}")).collect();
    format!("{}; {}", set.join("; "), used.join(" "))
}
