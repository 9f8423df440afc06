//! What a command prints, where that can be said: `echo`, `printf`, and `cat` of a here-document.

use super::{Script, Simple, UNKNOWN, Word};

/// The text that `simple` reads, where that can be said.
pub(super) fn input(script: &Script, simple: &Simple) -> Option<Word> {
    match &simple.here {
        Some(here) => Some(Word::clone(here)),
        None => printed(script, simple.reads?),
    }
}

/// The output of the commands in `range`, if it is one command that only prints.
pub(super) fn printed(script: &Script, range: (usize, usize)) -> Option<Word> {
    let [simple] = script.commands.get(range.0..range.1)? else { return None };
    if simple.is_fed || !simple.redirects.is_empty() {
        return None;
    }
    let args = simple.args();
    match simple.program().as_str() {
        "echo" => {
            let is_flag = |word: &&Word| matches!(word.text.as_str(), "-n" | "-e" | "-E" | "-ne" | "-en");
            let flags = args.iter().take_while(is_flag).count();
            let word = joined(&args[flags..]);
            // Some shells take escapes without being told, so they are taken always.
            Some(Word { text: escapes(&word.text), ..word })
        }
        "printf" => {
            let args = args.strip_prefix(&[Word::plain("--")][..]).unwrap_or(args);
            let (format, values) = args.split_first()?;
            Some(format_of(format, values))
        }
        // A name nobody knows, but where it is is known.
        "mktemp" if args.iter().all(|word| word.text.starts_with('-') && !word.text.starts_with("-p")) => {
            Some(Word::plain("/tmp/tmp.new"))
        }
        "cat" | "tee" if passes_on(simple) => match (&simple.here, simple.reads) {
            (Some(here), _) => Some(Word::clone(here)),
            (None, Some(range)) => printed_before(script, range),
            _ => None,
        },
        _ => None,
    }
}

/// The same where the shell's own `echo` leaves escapes as they are, if that makes a difference.
pub(super) fn printed_raw(script: &Script, mut range: (usize, usize)) -> Option<Word> {
    for _ in 0..4 {
        let [simple] = script.commands.get(range.0..range.1)? else { return None };
        match simple.program().as_str() {
            "echo" => {
                let args = simple.args();
                let flags = args.iter().take_while(|word| matches!(word.text.as_str(), "-n" | "-E")).count();
                let word = joined(&args[flags..]);
                return Some(word).filter(|word| word.text.contains('\\') && !word.text.starts_with("-e"));
            }
            "cat" | "tee" if passes_on(simple) => range = simple.reads?,
            _ => return None,
        }
    }
    None
}

/// Whether what a command reads is what it prints.
fn passes_on(simple: &Simple) -> bool {
    let args = simple.args();
    args.is_empty() || args[0].text == "-" || simple.program() == "tee"
}

/// What comes through a short chain of commands that only pass it on.
fn printed_before(script: &Script, mut range: (usize, usize)) -> Option<Word> {
    for _ in 0..4 {
        let [simple] = script.commands.get(range.0..range.1)? else { return None };
        match simple.program().as_str() {
            "echo" | "printf" => return printed(script, range),
            "cat" | "tee" if passes_on(simple) && simple.here.is_some() => {
                return simple.here.as_deref().cloned();
            }
            "cat" | "tee" if passes_on(simple) => range = simple.reads?,
            _ => return None,
        }
    }
    None
}

/// Words with blanks between.
pub(super) fn joined(words: &[Word]) -> Word {
    let mut all = Word::default();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            all.text.push(' ');
        }
        all.text.push_str(&word.text);
        all.holes.extend(word.holes.iter().cloned());
        all.is_tilde |= index == 0 && word.is_tilde;
    }
    all
}

fn format_of(format: &Word, values: &[Word]) -> Word {
    let mut out = Word { holes: format.holes.clone(), ..Word::default() };
    let mut values = values.iter().peekable();
    loop {
        let is_first_value = values.peek().is_some();
        let mut literal = String::new();
        let mut chars = format.text.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                literal.push(c);
                continue;
            }
            if chars.peek() == Some(&'%') {
                chars.next();
                literal.push('%');
                continue;
            }
            out.text.push_str(&escapes(&std::mem::take(&mut literal)));
            while chars.next_if(|c| "0123456789.-+ #'*".contains(*c)).is_some() {}
            // Only `%b` takes escapes in a value.
            let is_escaped = chars.next() == Some('b');
            if let Some(value) = values.next() {
                out.text.push_str(&if is_escaped { escapes(&value.text) } else { value.text.clone() });
                out.holes.extend(value.holes.iter().cloned());
            }
        }
        out.text.push_str(&escapes(&literal));
        // The format is used again while there are values, if it takes any.
        if !is_first_value || values.peek().is_none() || !format.text.contains('%') || out.text.len() > 8192 {
            break;
        }
    }
    let count = out.text.chars().filter(|c| *c == UNKNOWN).count();
    out.holes.resize(count, String::new());
    out
}

/// `\n`, `\t`, `\x2f`, `\057`.
fn escapes(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut plain = |c: char| bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        if c != '\\' {
            plain(c);
            continue;
        }
        let (radix, digits) = match chars.next() {
            Some('n') => {
                plain('\n');
                continue;
            }
            Some('t') => {
                plain('\t');
                continue;
            }
            Some('x') => (16, 2),
            Some('0') => (8, 3),
            Some(digit @ '1'..='7') => {
                let mut number = digit.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(next) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    number = number * 8 + next;
                    chars.next();
                }
                bytes.push(u8::try_from(number & 0xff).unwrap_or(b'?'));
                continue;
            }
            Some('\\') | None => {
                plain('\\');
                continue;
            }
            Some(other) => {
                plain('\\');
                plain(other);
                continue;
            }
        };
        let mut number = 0;
        for _ in 0..digits {
            let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else { break };
            number = number * radix + digit;
            chars.next();
        }
        bytes.push(u8::try_from(number & 0xff).unwrap_or(b'?'));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
