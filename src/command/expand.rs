//! One word: quotes, substitutions and variables in it.

use super::read::Reader;
use super::state::State;
use super::word::{Draft, Forms};
use super::{UNKNOWN, Word};

impl Reader<'_> {
    pub(super) fn word(&mut self, state: &mut State, start: usize) -> Draft {
        let mut draft = Draft::default();
        self.word_into(state, start, &mut draft, true);
        draft
    }

    pub(super) fn word_whole(&mut self, state: &mut State, start: usize) -> Option<Word> {
        let mut draft = Draft::default();
        self.word_into(state, start, &mut draft, true);
        join(draft.whole()).into_iter().next()
    }

    pub(super) fn word_into(&mut self, state: &mut State, start: usize, draft: &mut Draft, is_split: bool) {
        let was_flat = self.is_flat;
        while !self.is_end() {
            match self.byte() {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b')' => return,
                b'\r' if matches!(self.ahead(1), b'\n' | 0) => return,
                0 => self.at += 1,
                // Blanks of other scripts are no blanks to a shell, but to who reads the line; what has no
                // width is not even seen.
                0xC2 | 0xE1..=0xE3 | 0xEF if self.is_wide_blank() => return,
                0xE2 | 0xEF if self.is_unseen() => drop(self.char()),
                b'(' if self.is_flat || self.at == start => return,
                // `*(…)`, `@(…)`: patterns of names.
                b'(' => {
                    if !self.text[..self.at].ends_with(['*', '?', '@', '+', '!']) {
                        return;
                    }
                    draft.bare('*');
                    let end =
                        self.text[self.at..].find([')', '\n']).map_or(self.text.len(), |end| self.at + end);
                    self.at = (end + 1).min(self.text.len());
                    while !self.text.is_char_boundary(self.at) {
                        self.at += 1;
                    }
                }
                b'<' | b'>' if self.ahead(1) == b'(' && !self.is_flat => {
                    self.at += 2;
                    let first = state.script.commands.len();
                    self.nested(state, None);
                    self.inner_reads = Some((first, state.script.commands.len()));
                    draft.hole("<(");
                }
                b'<' | b'>' => return,
                b'\'' => {
                    self.at += 1;
                    let end = self.text[self.at..].find('\'').map_or(self.text.len(), |end| self.at + end);
                    draft.quoted(&self.text[self.at..end]);
                    self.at = (end + 1).min(self.text.len());
                }
                b'"' => {
                    self.at += 1;
                    draft.quoted("");
                    self.quoted_into(state, draft, true);
                }
                b'\\' => {
                    self.at += 1;
                    match self.byte() {
                        _ if self.is_end() => draft.quoted("\\"),
                        b'\n' => self.at += 1,
                        _ => {
                            let c = self.char();
                            draft.quoted(c.encode_utf8(&mut [0; 4]));
                        }
                    }
                }
                b'$' => self.dollar(state, draft, !is_split, false),
                b'`' => self.backtick(state, draft, !is_split),
                _ => {
                    let c = self.char();
                    draft.bare(c);
                }
            }
            if self.is_flat && (!was_flat || matches!(self.byte(), b'(' | b'`')) {
                return;
            }
        }
    }

    fn next_char(&self) -> char {
        self.text[self.at..].chars().next().unwrap_or(' ')
    }

    pub(super) fn is_wide_blank(&self) -> bool {
        let c = self.next_char();
        c.is_whitespace() && !c.is_ascii()
    }

    fn is_unseen(&self) -> bool {
        matches!(self.next_char(), '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    }

    /// The inside of double quotes, or of a here-document (which ends only where its text does).
    pub(super) fn quoted_into(&mut self, state: &mut State, draft: &mut Draft, is_closed: bool) {
        while !self.is_end() {
            match self.byte() {
                b'"' if is_closed => {
                    self.at += 1;
                    return;
                }
                b'\\' => {
                    self.at += 1;
                    match self.byte() {
                        b'\n' => self.at += 1,
                        c @ (b'"' | b'\\' | b'$' | b'`') => {
                            draft.quoted((c as char).encode_utf8(&mut [0; 4]));
                            self.at += 1;
                        }
                        _ => draft.quoted("\\"),
                    }
                }
                b'$' => self.dollar(state, draft, true, true),
                b'`' => self.backtick(state, draft, true),
                _ => {
                    let rest = &self.text[self.at..];
                    let length = rest.find(['"', '\\', '$', '`']).unwrap_or(rest.len()).max(1);
                    draft.quoted(&rest[..length]);
                    self.at += length;
                }
            }
            if self.is_flat {
                return;
            }
        }
    }

    fn backtick(&mut self, state: &mut State, draft: &mut Draft, is_in_quotes: bool) {
        self.at += 1;
        if self.is_flat {
            return;
        }
        let mut inner = String::new();
        while !self.is_end() {
            match self.byte() {
                b'`' => {
                    self.at += 1;
                    break;
                }
                b'\\' if matches!(self.ahead(1), b'`' | b'\\' | b'$') => {
                    self.at += 1;
                    inner.push(self.char());
                }
                _ => inner.push(self.char()),
            }
        }
        let first = state.script.commands.len();
        let scope = state.kept();
        state.text(&inner, None);
        state.restore(scope);
        self.substituted(state, draft, first, is_in_quotes);
    }

    /// What the commands since `first` print, where that can be said.
    fn substituted(&mut self, state: &mut State, draft: &mut Draft, first: usize, is_in_quotes: bool) {
        match super::feed::printed(&state.script, (first, state.script.commands.len())) {
            Some(mut word) => {
                word.text.truncate(word.text.trim_end_matches('\n').len());
                draft.value(&[word], is_in_quotes);
            }
            None => {
                self.inner_reads = Some((first, state.script.commands.len()));
                draft.hole("$(");
            }
        }
    }

    fn dollar(&mut self, state: &mut State, draft: &mut Draft, is_in_quotes: bool, is_in_double: bool) {
        self.at += 1;
        match self.byte() {
            b'\'' if !is_in_double => {
                self.at += 1;
                draft.quoted(&self.ansi_c());
            }
            b'"' if !is_in_double => {}
            b'(' if self.ahead(1) == b'(' && self.is_arithmetic() => {
                self.at += 2;
                self.deeper(state, Self::arithmetic);
                draft.hole("((");
            }
            b'(' => {
                self.at += 1;
                if self.is_flat {
                    self.at -= 1;
                    return;
                }
                let first = state.script.commands.len();
                let line_resume = self.resume;
                self.nested(state, None);
                self.resume = self.resume.or(line_resume);
                self.substituted(state, draft, first, is_in_quotes);
            }
            b'{' => {
                self.at += 1;
                self.deeper(state, |reader, state| reader.parameter(state, draft, is_in_quotes));
            }
            c if c.is_ascii_alphabetic() || c == b'_' => {
                let rest = &self.text[self.at..];
                let length =
                    rest.bytes().position(|b| !b.is_ascii_alphanumeric() && b != b'_').unwrap_or(rest.len());
                self.at += length;
                variable(state, draft, &rest[..length], is_in_quotes);
            }
            b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-' => {
                let name = self.char().to_string();
                variable(state, draft, &name, is_in_quotes);
            }
            _ => draft.quoted("$"),
        }
    }

    /// One level down; too deep, structure ends.
    fn deeper(&mut self, state: &mut State, read: impl FnOnce(&mut Self, &mut State)) {
        if state.enter() {
            read(self, state);
            state.leave();
        } else {
            state.script.is_undecided = true;
            self.is_flat = true;
        }
    }

    /// Whether the two parentheses here are closed by two: `$(( … ))`.
    fn is_arithmetic(&self) -> bool {
        let mut depth = 0_usize;
        for (index, byte) in self.text.as_bytes()[self.at..].iter().enumerate().take(2_000) {
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 1 {
                        return self.ahead(index + 1) == b')';
                    }
                    if depth == 0 {
                        return false;
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Up to `))`: numbers, and substitutions that run.
    fn arithmetic(&mut self, state: &mut State) {
        let mut depth = 2_usize;
        while !self.is_end() && !self.is_flat {
            match self.byte() {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return;
                    }
                }
                b'$' => {
                    self.dollar(state, &mut Draft::default(), true, true);
                    continue;
                }
                b'`' => {
                    self.backtick(state, &mut Draft::default(), true);
                    continue;
                }
                _ => {}
            }
            self.char();
        }
    }

    /// `${ … }`
    fn parameter(&mut self, state: &mut State, draft: &mut Draft, is_in_quotes: bool) {
        let is_indirect = self.byte() == b'!';
        let is_length = self.byte() == b'#' && self.ahead(1) != b'}';
        if is_indirect || is_length {
            self.at += 1;
        }
        let rest = &self.text[self.at..];
        let mut length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        if length == 0 && rest.starts_with(['@', '*', '#', '?', '$', '!', '-']) {
            length = 1;
        }
        let name = rest[..length].to_owned();
        self.at += length;
        let element = self.element();
        let operator = match (self.byte(), self.ahead(1)) {
            (b':', c @ (b'-' | b'=' | b'+' | b'?')) => {
                self.at += 2;
                c
            }
            (c @ (b'-' | b'=' | b'+' | b'?'), _) => {
                self.at += 1;
                c
            }
            (b'}', _) => b'}',
            _ => 0,
        };
        let mut inner = Draft::default();
        inner.quoted("");
        self.to_brace(state, &mut inner);
        let default = inner.whole();
        if !state.pay(
            state
                .scope
                .variables
                .get(&name)
                .map_or(0, |forms| forms.iter().map(|form| form.text.len()).sum()),
        ) {
            return draft.hole("");
        }
        let mut set = state.scope.variables.get(&name).filter(|_| !is_indirect && !is_length).cloned();
        if let (Some(element), Some(forms)) = (element, &mut set)
            && let Some(form) = forms.get(element).cloned()
        {
            *forms = vec![form];
        }
        match (operator, set) {
            (b'}', Some(forms)) => draft.value(&forms, is_in_quotes),
            (0, Some(forms)) if !forms.iter().any(Word::has_unknown) => match changed(&forms, &default) {
                Some(forms) => draft.value(&forms, is_in_quotes),
                None => draft.hole(""),
            },
            (b'}', _) if !is_indirect && !is_length => variable(state, draft, &name, is_in_quotes),
            (b'-' | b'=' | b'?', Some(forms)) if forms.iter().all(|form| !form.text.is_empty()) => {
                draft.value(&forms, is_in_quotes);
            }
            (b'-' | b'=', _) => {
                let mut forms = default;
                // Two forms of each word would be a command of twice the words.
                if forms.iter().all(|form| form.text.is_empty()) {
                    forms = vec![Word { holes: vec![name.clone()], ..Word::plain(UNKNOWN) }];
                }
                if operator == b'=' {
                    state.set(&name, forms.clone());
                }
                draft.value(&forms, is_in_quotes);
            }
            // A value that is refused when it is empty.
            (b'?', None) => draft.hole(&format!("{name}?")),
            (b'+', _) => draft.value(&default, is_in_quotes),
            _ => draft.hole(""),
        }
    }

    /// `[0]`, `[@]` behind a name; the number if it is one.
    fn element(&mut self) -> Option<usize> {
        let rest = &self.text[self.at..];
        let end = rest.bytes().take(24).position(|byte| byte == b']').filter(|_| rest.starts_with('['))?;
        let inner = &rest[1..end];
        let is_plain = inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@*_-".contains(&byte));
        self.at += if is_plain { end + 1 } else { 0 };
        inner.parse().ok()
    }

    fn to_brace(&mut self, state: &mut State, draft: &mut Draft) {
        while !self.is_end() && !self.is_flat {
            match self.byte() {
                b'}' => {
                    self.at += 1;
                    return;
                }
                b'$' => self.dollar(state, draft, true, false),
                b'`' => self.backtick(state, draft, true),
                b'\\' => {
                    self.at += 1;
                    let c = self.char();
                    draft.quoted(c.encode_utf8(&mut [0; 4]));
                }
                b'\'' => {
                    self.at += 1;
                    // In double quotes a single quote is a character; then the rest has no partner.
                    let end = self.text[self.at..].find(['\'', '\n', '}']);
                    if let Some(end) = end.filter(|end| self.text[self.at + end..].starts_with('\'')) {
                        draft.quoted(&self.text[self.at..self.at + end]);
                        self.at += end + 1;
                    } else {
                        draft.quoted("'");
                    }
                }
                b'"' => self.at += 1,
                _ => {
                    let c = self.char();
                    draft.quoted(c.encode_utf8(&mut [0; 4]));
                }
            }
        }
    }

    /// `$'…'`
    fn ansi_c(&mut self) -> String {
        let mut bytes: Vec<u8> = Vec::new();
        while !self.is_end() {
            let c = self.char();
            match c {
                '\'' => break,
                '\\' => {
                    let escape = self.char();
                    let push = |c: char, bytes: &mut Vec<u8>| {
                        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    };
                    match escape {
                        'n' => bytes.push(b'\n'),
                        't' => bytes.push(b'\t'),
                        'r' => bytes.push(b'\r'),
                        'a' | 'b' | 'f' | 'v' => bytes.push(b' '),
                        'e' | 'E' => bytes.push(0x1b),
                        'c' => drop(self.char()),
                        'x' => bytes.push(u8::try_from(self.number(16, 2) & 0xff).unwrap_or(b'?')),
                        '0'..='7' => {
                            self.at -= 1;
                            bytes.push(u8::try_from(self.number(8, 3) & 0xff).unwrap_or(b'?'));
                        }
                        'u' | 'U' => {
                            let digits = if escape == 'u' { 4 } else { 8 };
                            push(char::from_u32(self.number(16, digits)).unwrap_or('?'), &mut bytes);
                        }
                        other => push(other, &mut bytes),
                    }
                }
                c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        String::from_utf8_lossy(&bytes).replace('\0', "")
    }

    fn number(&mut self, radix: u32, digits: usize) -> u32 {
        let mut number = 0_u32;
        for _ in 0..digits {
            let Some(digit) = (self.byte() as char).to_digit(radix) else { break };
            number = number.wrapping_mul(radix).wrapping_add(digit);
            self.at += 1;
        }
        number
    }
}

/// A value without its end (`%x`) or its start (`#x`), with something else in it (`/a/b`), or a piece of it
/// (`:1:2`): what stands behind the name says which.
fn changed(forms: &[Word], how: &[Word]) -> Option<Forms> {
    let [how] = how else { return None };
    let change = |word: &Word| Some(Word { text: changed_text(&word.text, &how.text)?, ..word.clone() });
    forms.iter().map(change).collect()
}

fn changed_text(text: &str, how: &str) -> Option<String> {
    let mut chars = how.chars();
    let (operator, rest) = (chars.next()?, chars.as_str());
    let cut = |found: Option<&str>| Some(found.unwrap_or(text).to_owned());
    match operator {
        '%' => {
            let pattern = rest.strip_prefix('%').unwrap_or(rest);
            match pattern.strip_suffix('*') {
                Some(start) if rest.starts_with('%') => cut(text.split_once(start).map(|parts| parts.0)),
                Some(start) => cut(text.rsplit_once(start).map(|parts| parts.0)),
                None => cut(text.strip_suffix(pattern)),
            }
        }
        '#' => {
            let pattern = rest.strip_prefix('#').unwrap_or(rest);
            match pattern.strip_prefix('*') {
                Some(end) if rest.starts_with('#') => cut(text.rsplit_once(end).map(|parts| parts.1)),
                Some(end) => cut(text.split_once(end).map(|parts| parts.1)),
                None => cut(text.strip_prefix(pattern)),
            }
        }
        '/' => {
            let is_all = rest.starts_with('/');
            let (from, to) =
                rest[usize::from(is_all)..].split_once('/').unwrap_or((&rest[usize::from(is_all)..], ""));
            if from.is_empty() || from.contains(['*', '?', '[']) {
                return None;
            }
            Some(if is_all { text.replace(from, to) } else { text.replacen(from, to, 1) })
        }
        ':' => {
            let (start, length) = rest.split_once(':').unwrap_or((rest, ""));
            let start: usize = start.trim().parse().ok()?;
            let length = if length.is_empty() { usize::MAX } else { length.trim().parse().ok()? };
            Some(text.chars().skip(start).take(length).collect())
        }
        '^' => Some(text.to_uppercase()),
        ',' => Some(text.to_lowercase()),
        _ => None,
    }
}

fn variable(state: &mut State, draft: &mut Draft, name: &str, is_in_quotes: bool) {
    let bytes =
        state.scope.variables.get(name).map_or(0, |forms| forms.iter().map(|form| form.text.len()).sum());
    // A long value put in again and again would be more than anyone can hold.
    if bytes > 64 && !state.pay(bytes) {
        return draft.hole("");
    }
    match state.scope.variables.get(name) {
        Some(forms) => draft.value(forms, is_in_quotes),
        // Arguments that nobody gave: `rm$IFS$9-rf`, `r$@m`.
        None if matches!(name, "@" | "*" | "6" | "7" | "8" | "9") => {
            draft.value(&[Word::default()], is_in_quotes);
        }
        None => draft.hole(name),
    }
}

/// Several words as one, with blanks between.
pub(super) fn join(words: Vec<Word>) -> Forms {
    if words.len() < 2 || words.iter().all(|word| !word.text.contains(' ')) && words.len() <= 4 {
        return words;
    }
    vec![super::feed::joined(&words)]
}
