//! A word while it is being read: several words at once where a value has several forms, a list in
//! braces, or blanks that split it.

use super::{UNKNOWN, Word};

/// A word with more forms than this becomes a hole.
const FORMS_MAX: usize = 24;

/// A value longer than this becomes a hole.
pub(super) const VALUE_BYTES_MAX: usize = 8 << 10;

// Braces that were not quoted, told apart from quoted ones until the word is whole.
const OPEN: char = '\u{E0F0}';
const COMMA: char = '\u{E0F1}';
const CLOSE: char = '\u{E0F2}';

/// What a variable may hold: one of these words.
pub(super) type Forms = Vec<Word>;

/// A word in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    done: Vec<Word>,
    current: Vec<Word>,
    has_brace: bool,
    /// Whether there is a word at all: `""` is one, an unset variable is none.
    is_started: bool,
}

impl Draft {
    fn each(&mut self, mut change: impl FnMut(&mut Word)) {
        self.is_started = true;
        if self.current.is_empty() {
            self.current.push(Word::default());
        }
        self.current.iter_mut().for_each(&mut change);
    }

    /// Quoted text, possibly empty.
    pub fn quoted(&mut self, text: &str) {
        // A hole of a text that was read before stays one.
        let holes = text.matches(UNKNOWN).count().min(64);
        self.each(|word| {
            word.quoted_at.get_or_insert(word.text.len());
            word.text.push_str(text);
            word.holes.extend(std::iter::repeat_n(String::new(), holes));
        });
    }

    /// A character that was not quoted.
    pub fn bare(&mut self, c: char) {
        if c == UNKNOWN {
            return self.hole("");
        }
        let is_first = !self.is_started;
        let mark = match c {
            '{' => OPEN,
            ',' => COMMA,
            '}' => CLOSE,
            c => c,
        };
        self.has_brace |= mark == OPEN;
        self.each(|word| {
            word.is_glob |= matches!(c, '*' | '?' | '[');
            word.is_tilde |= is_first && c == '~';
            word.text.push(mark);
        });
    }

    /// A part that can't be known: the value of `name`, or of a substitution.
    pub fn hole(&mut self, name: &str) {
        self.each(|word| {
            if word.holes.len() < 64 {
                word.text.push(UNKNOWN);
                word.holes.push(name.to_owned());
            }
        });
    }

    /// A value in one of several forms; outside of quotes its blanks split the word.
    pub fn value(&mut self, forms: &[Word], is_in_quotes: bool) {
        if self.current.is_empty() {
            self.current.push(Word::default());
        }
        let size: usize = self.current.iter().map(|word| word.text.len()).sum();
        let size_value: usize = forms.iter().map(|word| word.text.len()).sum();
        if self.current.len() * forms.len() > FORMS_MAX || size + size_value > VALUE_BYTES_MAX {
            self.hole("");
            return;
        }
        if is_in_quotes {
            let product = |word: &Word| forms.iter().map(|form| joined(word, form)).collect::<Vec<_>>();
            self.current = self.current.iter().flat_map(product).collect();
            self.is_started = true;
            return;
        }
        let mut open = Vec::new();
        for form in forms {
            // A split value: the first piece ends this word, the last begins the next.
            let mut pieces = split(form);
            if form.text.starts_with([' ', '\t', '\n']) {
                self.done.extend(self.current.iter().filter(|word| !is_void(word)).cloned());
                self.current = vec![Word::default()];
            }
            let is_closed = form.text.ends_with([' ', '\t', '\n']);
            if let Some(first) = pieces.next() {
                let mut last: Vec<Word> = self.current.iter().map(|word| joined(word, &first)).collect();
                for piece in pieces {
                    self.done.append(&mut last);
                    last = vec![piece];
                }
                if is_closed {
                    self.done.append(&mut last);
                } else {
                    open.append(&mut last);
                }
            } else if !is_closed {
                open.extend(self.current.iter().cloned());
            }
        }
        self.is_started |= open.iter().any(|word| !is_void(word));
        self.current = if open.is_empty() { Vec::new() } else { open };
        if self.current.is_empty() {
            self.is_started = false;
        }
    }

    /// The words that it is.
    pub fn finish(mut self) -> Vec<Word> {
        if self.is_started {
            self.done.append(&mut self.current);
        } else {
            self.done.extend(self.current.into_iter().filter(|word| !is_void(word)));
        }
        if !self.has_brace {
            self.done.iter_mut().for_each(restore);
            return self.done;
        }
        self.done.into_iter().flat_map(braces).collect()
    }

    /// The one word that it is where words are not split.
    pub fn whole(self) -> Forms {
        let mut forms = self.finish();
        if forms.is_empty() {
            forms.push(Word::default());
        }
        forms
    }
}

fn is_void(word: &Word) -> bool {
    word.text.is_empty() && word.quoted_at.is_none()
}

fn joined(a: &Word, b: &Word) -> Word {
    let mut word = a.clone();
    word.is_glob |= b.is_glob;
    word.quoted_at = a.quoted_at.or(b.quoted_at.map(|at| a.text.len() + at));
    word.is_tilde |= a.text.is_empty() && b.is_tilde;
    word.text.push_str(&b.text);
    word.holes.extend(b.holes.iter().cloned());
    word
}

/// A value's pieces between blanks, each with its own holes.
fn split(form: &Word) -> impl Iterator<Item = Word> {
    let mut holes = form.holes.iter();
    let pieces: Vec<Word> = form
        .text
        .split([' ', '\t', '\n'])
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let count = piece.chars().filter(|c| *c == UNKNOWN).count();
            Word {
                text: piece.to_owned(),
                holes: holes.by_ref().take(count).cloned().collect(),
                // What comes out of a variable is matched against names, too.
                is_glob: piece.contains(['*', '?', '[']),
                is_tilde: form.is_tilde && piece.starts_with('~'),
                quoted_at: None,
            }
        })
        .collect();
    pieces.into_iter()
}

fn restore(word: &mut Word) {
    if word.text.contains([OPEN, COMMA, CLOSE]) {
        // The marks are longer than what they stand for; that there was a quotation still holds.
        word.quoted_at = word.quoted_at.map(|_| 0);
        word.text = word
            .text
            .chars()
            .map(|c| match c {
                OPEN => '{',
                COMMA => ',',
                CLOSE => '}',
                c => c,
            })
            .collect();
    }
}

/// `a{b,c}d` is `abd acd`. A list too long, and `{1..9}`, stay as they are and count as a pattern.
fn braces(word: Word) -> Vec<Word> {
    let mut words = vec![word];
    // Each round takes apart the first innermost list of one word.
    for _ in 0..FORMS_MAX {
        let Some((at, (open, close))) =
            words.iter().enumerate().find_map(|(at, word)| Some((at, innermost(&word.text)?)))
        else {
            break;
        };
        let word = words.remove(at);
        let list = word.text[open + OPEN.len_utf8()..close].to_owned();
        let (before, after) = (&word.text[..open], &word.text[close + CLOSE.len_utf8()..]);
        let rebuilt = |text: String, is_glob: bool| {
            let count = text.chars().filter(|c| *c == UNKNOWN).count();
            let mut holes = word.holes.clone();
            holes.resize(count, String::new());
            let is_tilde = word.is_tilde && text.starts_with('~');
            Word { text, holes, is_glob, is_tilde, quoted_at: word.quoted_at.map(|_| 0) }
        };
        if list.contains(COMMA)
            && list.matches(COMMA).count() < FORMS_MAX
            && words.len() < FORMS_MAX
            && word.text.len() < VALUE_BYTES_MAX
        {
            let members = list.split(COMMA).map(|m| rebuilt(format!("{before}{m}{after}"), word.is_glob));
            let members: Vec<Word> = members.collect();
            words.splice(at..at, members);
        } else {
            let is_range = list.contains("..") || list.contains(COMMA);
            let text = format!("{before}{{{}}}{after}", list.replace(COMMA, ","));
            words.insert(at, rebuilt(text, word.is_glob || is_range));
        }
    }
    words.retain(|word| !is_void(word));
    words.iter_mut().for_each(restore);
    words
}

/// Where the first list without a list in it opens and closes.
fn innermost(text: &str) -> Option<(usize, usize)> {
    // Closing braces that nothing opened are passed over.
    let first = text.find(OPEN)?;
    let close = first + text[first..].find(CLOSE)?;
    text[..close].rfind(OPEN).map(|open| (open, close))
}
