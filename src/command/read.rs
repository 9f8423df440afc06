//! Reads text as bash would, in one pass, and never gives up.
//!
//! There is no tree: commands are written to a list as they end, and what a later command needs of an
//! earlier one (variables, the folder, who feeds whom) is kept beside it. Compound commands are frames
//! on a stack; their reserved words are passed over.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expand::join;
use super::state::{Function, NAMES_MAX, State};
use super::word::{Draft, Forms};
use super::{DEPTH_MAX, Joined, Position, Script, Simple, Word};

/// Values of a loop that are put in; a list that is longer is not known.
const FOR_MAX: usize = 16;

/// The whole of a script.
pub(super) fn script(text: &str) -> Script {
    let mut state = State::new(text);
    Reader::new(text).all(&mut state, None);
    // What was never called may be called by what follows in the same shell.
    for name in std::mem::take(&mut state.order) {
        let Some(function) = state.functions.remove(&name).filter(|function| !function.is_called) else {
            continue;
        };
        if function.is_aside {
            state.aside(|state| state.text(&function.body, None));
        } else {
            state.text(&function.body, None);
        }
    }
    state.script
}

/// Where a list of commands ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    End,
    Parenthesis,
    /// When this many frames are left.
    Frames(usize),
}

/// A compound command that is open.
#[derive(Debug, Clone, Copy, Default)]
struct Frame {
    /// The first command in it.
    start: usize,
    /// What all of it reads.
    reads: Option<(usize, usize)>,
    is_case: bool,
}

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    frames: Vec<Frame>,
    /// The first command of this stage of a pipeline.
    stage: usize,
    /// What this stage reads.
    reads: Option<(usize, usize)>,
    /// Where the line goes on after here-documents that were already read.
    pub(super) resume: Option<usize>,
    /// The commands of a substitution in the command being read, whose output is not known.
    pub(super) inner_reads: Option<(usize, usize)>,
    /// Too deep: words and separators only.
    pub(super) is_flat: bool,
    /// How the next command stands to the last one.
    joined: Joined,
    /// Behind `|`, `&&` or `||`.
    is_joining: bool,
    /// The first command that a `&` would send to the background.
    waited: usize,
    /// How many lists of the line itself have ended.
    lists: u32,
}

/// What a word's reader does at a character.
const BLANK: [u8; 3] = *b" \t\r";

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let frames = vec![Frame::default()];
        Self {
            text,
            at: 0,
            frames,
            stage: 0,
            reads: None,
            resume: None,
            inner_reads: None,
            is_flat: false,
            joined: Joined::Then,
            is_joining: false,
            waited: 0,
            lists: 0,
        }
    }

    /// All of the text; its commands get `reads` as input.
    pub(super) fn all(mut self, state: &mut State, reads: Option<(usize, usize)>) {
        self.frames[0].reads = reads;
        self.reads = reads;
        // What came before is not this text's to send to the background.
        self.waited = state.script.commands.len();
        self.list(state, Until::End);
    }

    pub(super) fn byte(&self) -> u8 {
        self.ahead(0)
    }

    /// 0 behind the end; a 0 in the text is passed over like a blank, as bash drops it.
    pub(super) fn ahead(&self, by: usize) -> u8 {
        self.text.as_bytes().get(self.at + by).copied().unwrap_or(0)
    }

    pub(super) fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn starts(&self, with: &str) -> bool {
        self.text.as_bytes()[self.at.min(self.text.len())..].starts_with(with.as_bytes())
    }

    pub(super) fn char(&mut self) -> char {
        let Some(c) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else { return ' ' };
        self.at += c.len_utf8();
        c
    }

    pub(super) fn blanks(&mut self) {
        while !self.is_end() {
            if BLANK.contains(&self.byte()) || self.byte() == 0 {
                self.at += 1;
            } else if self.starts("\\\n") {
                self.at += 2;
            } else if self.byte() >= 0x80 && self.is_wide_blank() {
                self.char();
            } else {
                return;
            }
        }
    }

    fn newline(&mut self) {
        self.at = self.resume.take().filter(|resume| *resume > self.at).unwrap_or(self.at + 1);
    }

    fn line_end(&mut self) {
        self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at);
    }

    /// How many constructs and texts what comes next is in.
    fn level(&self, state: &State) -> u32 {
        u32::try_from((state.depth + self.frames.len()).saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// A new command that nothing feeds.
    fn separate(&mut self, state: &State, joined: Joined) {
        self.reads = self.frames.last().and_then(|frame| frame.reads);
        self.stage = state.script.commands.len();
        if joined == Joined::Then {
            self.waited = self.stage;
            self.lists = self.lists.saturating_add(u32::from(self.level(state) == 0));
        }
        self.joined = joined;
        self.is_joining = joined != Joined::Then;
    }

    fn list(&mut self, state: &mut State, until: Until) {
        self.stage = state.script.commands.len();
        while !self.is_end() {
            self.blanks();
            match self.byte() {
                _ if self.is_end() => return,
                b'\n' => {
                    self.newline();
                    // A line may end behind what joins two commands.
                    if !self.is_joining {
                        self.separate(state, Joined::Then);
                    }
                }
                b'#' => self.line_end(),
                b')' => {
                    self.at += 1;
                    if until == Until::Parenthesis {
                        return;
                    }
                    self.separate(state, Joined::Then);
                }
                b';' => {
                    let is_case = matches!(self.ahead(1), b';' | b'&');
                    while matches!(self.byte(), b';' | b'&') {
                        self.at += 1;
                    }
                    self.separate(state, Joined::Then);
                    if is_case && self.frames.last().is_some_and(|frame| frame.is_case) {
                        self.pattern(state);
                    }
                }
                b'&' if self.ahead(1) != b'>' => {
                    let is_and = self.ahead(1) == b'&';
                    self.at += if is_and { 2 } else { 1 };
                    if is_and {
                        self.separate(state, Joined::And);
                    } else {
                        let sent = state.script.commands.get_mut(self.waited..).unwrap_or_default();
                        sent.iter_mut().for_each(|command| command.position.is_background = true);
                        self.separate(state, Joined::Then);
                    }
                }
                b'|' if self.ahead(1) == b'|' => {
                    self.at += 2;
                    self.separate(state, Joined::Or);
                }
                b'|' => {
                    self.at += if self.ahead(1) == b'&' { 2 } else { 1 };
                    self.reads = Some((self.stage, state.script.commands.len()));
                    self.stage = state.script.commands.len();
                    self.is_joining = true;
                }
                b'(' => {
                    self.is_joining = false;
                    self.subshell(state);
                }
                _ => {
                    self.is_joining = false;
                    let before = (self.at, self.frames.len());
                    self.command(state);
                    if let Until::Frames(left) = until
                        && self.frames.len() <= left
                        && before.1 > left
                    {
                        return;
                    }
                    // Whatever happened, go on.
                    if self.at == before.0 {
                        self.char();
                    }
                }
            }
        }
    }

    /// `( … )`, and also `(( … ))`, in which nothing that is read as a command does harm.
    fn subshell(&mut self, state: &mut State) {
        self.at += 1;
        if self.is_flat {
            return self.separate(state, Joined::Then);
        }
        let (start, reads) = (state.script.commands.len(), self.reads);
        self.nested(state, reads);
        self.stage = start;
        self.redirects_of(state, start);
    }

    /// A list up to `)`, in a scope of its own.
    pub(super) fn nested(&mut self, state: &mut State, reads: Option<(usize, usize)>) {
        if state.depth >= DEPTH_MAX {
            self.is_flat = true;
            state.script.is_undecided = true;
            return;
        }
        state.depth += 1;
        let scope = state.kept();
        let frame = Frame { start: state.script.commands.len(), reads, is_case: false };
        let frames = std::mem::replace(&mut self.frames, vec![frame]);
        let kept = (self.stage, self.reads);
        self.reads = reads;
        self.list(state, Until::Parenthesis);
        (self.stage, self.reads) = kept;
        self.frames = frames;
        state.restore(scope);
        state.depth -= 1;
    }

    /// Redirections behind a compound command belong to all of it.
    fn redirects_of(&mut self, state: &mut State, start: usize) {
        let mut simple = Simple { folders: state.scope.folders.clone(), ..Simple::default() };
        loop {
            self.blanks();
            if !self.redirect(state, &mut simple) {
                break;
            }
        }
        if let Some(here) = &simple.here {
            for command in &mut state.script.commands[start..] {
                command.here.get_or_insert_with(|| here.clone());
            }
        }
        if !simple.redirects.is_empty() {
            // What they write is what the commands in it print.
            simple.reads = Some((start, state.script.commands.len()));
            state.add(simple);
        }
    }

    /// One simple command, a reserved word, or the head of a function.
    fn command(&mut self, state: &mut State) {
        let mut simple = Simple {
            folders: state.scope.folders.clone(),
            reads: self.reads,
            position: Position {
                level: self.level(state),
                joined: self.joined,
                list: self.lists,
                is_background: false,
            },
            ..Simple::default()
        };
        let mut assigned: BTreeMap<String, Option<Forms>> = BTreeMap::new();
        let kept = self.inner_reads.take();
        loop {
            self.blanks();
            if self.redirect(state, &mut simple) {
                continue;
            }
            match self.byte() {
                _ if self.is_end() => break,
                b'\n' | b';' | b'&' | b'|' | b')' => break,
                b'#' => {
                    self.line_end();
                    break;
                }
                b'(' if simple.words.len() == 1 && !self.is_flat => {
                    if self.text[self.at + 1..].trim_start_matches([' ', '\t']).starts_with(')') {
                        let name = simple.words[0].text.clone();
                        self.at += self.text[self.at..].find(')').unwrap_or(0) + 1;
                        return self.function(state, &name);
                    }
                    break;
                }
                b'(' => break,
                _ => {}
            }
            let start = self.at;
            if simple.words.is_empty() {
                if assigned.is_empty() && self.reserved(state) {
                    return;
                }
                if let Some(name) = self.assignment(state, &mut assigned) {
                    if self.byte() == b'(' && !self.is_flat {
                        // An array: its elements are words, and may be anything.
                        self.array(state, &name);
                    }
                    continue;
                }
            }
            let was_flat = self.is_flat;
            let words = self.word(state, start).finish();
            state.extend(&mut simple.words, words);
            if self.at == start {
                self.char();
            }
            // Where structure ends, what follows is a command of its own.
            if self.is_flat && !was_flat {
                break;
            }
            if self.is_flat && matches!(self.byte(), b'(' | b'`') {
                self.at += 1;
                break;
            }
        }
        simple.inner = self.inner_reads;
        self.inner_reads = kept;
        simple.is_aside = self.is_flat;
        end(state, simple, assigned);
    }

    /// `name=value`, put into the scope; what was there before is kept in `assigned`.
    fn assignment(
        &mut self,
        state: &mut State,
        assigned: &mut BTreeMap<String, Option<Forms>>,
    ) -> Option<String> {
        let rest = &self.text.as_bytes()[self.at..];
        let mut length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        if length == 0 || rest[0].is_ascii_digit() {
            return None;
        }
        let name = self.text[self.at..self.at + length].to_owned();
        let is_element = rest.get(length) == Some(&b'[');
        if is_element {
            length += rest[length..].iter().take(200).position(|b| *b == b']')? + 1;
        }
        let is_added = rest.get(length) == Some(&b'+');
        length += usize::from(is_added);
        if rest.get(length) != Some(&b'=') {
            return None;
        }
        self.at += length + 1;
        let mut draft = Draft::default();
        let before = state.scope.variables.get(&name).cloned();
        if is_added && let Some(before) = &before {
            draft.value(before, true);
        }
        let forms = match self.byte() {
            b'(' => vec![Word::unknown()],
            b' ' | b'\t' | b'\n' | b';' if !is_added => vec![Word::default()],
            _ => {
                let (start, mut value) = (self.at, draft);
                self.word_into(state, start, &mut value, false);
                // In an assignment blanks of a value do not split: what was split is joined again.
                join(value.whole())
            }
        };
        if assigned.len() < NAMES_MAX || assigned.contains_key(&name) {
            assigned.entry(name.clone()).or_insert(before);
        } else {
            state.script.is_undecided = true;
        }
        state.set(&name, if is_element { vec![Word::unknown()] } else { forms });
        Some(name)
    }

    fn array(&mut self, state: &mut State, name: &str) {
        self.at += 1;
        let mut words = Vec::new();
        while !self.is_end() {
            self.blanks();
            match self.byte() {
                b')' => {
                    self.at += 1;
                    break;
                }
                b'\n' => self.newline(),
                b'#' => self.line_end(),
                _ => {
                    let start = self.at;
                    let read = self.word(state, start).finish();
                    state.extend(&mut words, read);
                    if self.at == start {
                        self.char();
                    }
                }
            }
        }
        state.set(name, words);
    }

    /// Passes over a reserved word in the place of a command.
    fn reserved(&mut self, state: &mut State) -> bool {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|b| b" \t\n;&|()<>\"'\\$`#".contains(&b)).unwrap_or(rest.len());
        let word = &rest[..length];
        // `do\cker` is one word, and so is what goes on in the next line.
        let behind = &rest[length..];
        let is_cut = behind.starts_with(['"', '\'', '\\', '$', '`']) && !behind.starts_with("\\\n ");
        if is_cut {
            return false;
        }
        let open = |reads| Frame { start: state.script.commands.len(), reads, is_case: false };
        match word {
            "then" | "else" | "elif" | "do" | "!" => self.at += length,
            "time" => {
                self.at += length;
                self.blanks();
                if self.starts("-p ") {
                    self.at += 3;
                }
            }
            "coproc" => {
                self.at += length;
                self.blanks();
                // `coproc NAME { …; }`
                let rest = &self.text[self.at..];
                let name = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
                let behind = rest[name..].trim_start_matches([' ', '\t']);
                if name > 0 && behind.len() < rest.len() - name && behind.starts_with(['{', '(']) {
                    self.at += name;
                }
            }
            "if" | "while" | "until" | "{" => {
                self.at += length;
                self.push(open(self.reads), state);
            }
            "for" | "select" => {
                self.at += length;
                self.push(open(self.reads), state);
                self.for_head(state);
            }
            "case" => {
                self.at += length;
                self.push(Frame { is_case: true, ..open(self.reads) }, state);
                self.blanks();
                let start = self.at;
                let _ = self.word(state, start);
                self.gaps();
                if self.starts("in") {
                    self.at += 2;
                }
                self.pattern(state);
            }
            "}" | "fi" | "done" | "esac" => {
                self.at += length;
                self.pop(state);
            }
            "function" => {
                self.at += length;
                self.blanks();
                let rest = &self.text[self.at..];
                let length = rest.bytes().position(|b| b" \t\n;&|(){".contains(&b)).unwrap_or(rest.len());
                let name = rest[..length].to_owned();
                self.at += length;
                self.blanks();
                if self.byte() == b'(' {
                    self.at += self.text[self.at..].find(')').map_or(1, |end| end + 1);
                }
                self.function(state, &name);
            }
            "[[" => {
                self.at += length;
                self.test(state);
            }
            _ => return false,
        }
        true
    }

    fn push(&mut self, frame: Frame, state: &mut State) {
        // A frame costs no stack; a cap keeps what hostile text can hold.
        if self.frames.len() < 10_000 {
            self.frames.push(frame);
        } else {
            state.script.is_undecided = true;
        }
    }

    fn pop(&mut self, state: &mut State) {
        if self.frames.len() > 1
            && let Some(frame) = self.frames.pop()
        {
            self.redirects_of(state, frame.start);
            self.stage = frame.start.min(state.script.commands.len());
            self.reads = frame.reads;
        }
    }

    /// Blanks and newlines.
    fn gaps(&mut self) {
        loop {
            self.blanks();
            if self.is_end() || self.byte() != b'\n' {
                return;
            }
            self.newline();
        }
    }

    /// `name in words`, or `(( … ))`.
    fn for_head(&mut self, state: &mut State) {
        self.blanks();
        if self.byte() == b'(' {
            return;
        }
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|b| b" \t\n;&|()<>".contains(&b)).unwrap_or(rest.len());
        let name = rest[..length].to_owned();
        self.at += length;
        self.gaps();
        let mut values = Vec::new();
        if self.starts("in") && !self.ahead(2).is_ascii_alphanumeric() {
            self.at += 2;
            loop {
                self.blanks();
                if self.is_end() || b"\n;&|()<>#".contains(&self.byte()) {
                    break;
                }
                let start = self.at;
                let words = self.word(state, start).finish();
                // What is more than is followed makes all of it unknown.
                values.extend(words.into_iter().take((FOR_MAX + 1).saturating_sub(values.len())));
                if self.at == start {
                    break;
                }
            }
        }
        // What a pattern or a substitution yields is not known, and neither is a long list.
        if values.is_empty() || values.len() > FOR_MAX {
            values = vec![Word::unknown()];
        }
        state.set(&name, values);
    }

    /// The pattern of a `case`, up to its `)`.
    fn pattern(&mut self, state: &mut State) {
        self.gaps();
        while self.byte() == b'#' {
            self.line_end();
            self.gaps();
        }
        if self.starts("esac") && !self.ahead(4).is_ascii_alphanumeric() {
            return;
        }
        if self.byte() == b'(' {
            self.at += 1;
        }
        while !self.is_end() {
            self.gaps();
            match self.byte() {
                b')' => {
                    self.at += 1;
                    return;
                }
                b'|' => self.at += 1,
                b';' | b'&' | b'(' | b'<' | b'>' => return,
                _ => {
                    let start = self.at;
                    let _ = self.word(state, start);
                    if self.at == start {
                        self.char();
                    }
                }
            }
        }
    }

    /// `[[ … ]]`: nothing in it runs but its substitutions.
    fn test(&mut self, state: &mut State) {
        while !self.is_end() {
            self.blanks();
            if self.starts("]]") {
                self.at += 2;
                return;
            }
            let start = self.at;
            match self.byte() {
                // A line ends a test only where it isn't continued; what is on it is read again.
                b'\n' | b';' => return,
                b'&' | b'|' | b'(' | b')' | b'<' | b'>' => self.at += 1,
                _ => {
                    let _ = self.word(state, start);
                    if self.at == start {
                        self.char();
                    }
                }
            }
        }
    }

    /// The body of `name`, kept until it is called.
    fn function(&mut self, state: &mut State, name: &str) {
        self.gaps();
        let start = self.at;
        let (count, scope) = (state.script.commands.len(), state.kept());
        let known =
            state.pay(64 * state.functions.len()).then(|| (state.functions.clone(), state.order.clone()));
        let is_undecided = state.script.is_undecided;
        if state.depth >= DEPTH_MAX || state.functions.len() >= NAMES_MAX || self.is_flat {
            state.script.is_undecided = true;
            return;
        }
        state.depth += 1;
        if self.byte() == b'(' {
            self.subshell(state);
        } else {
            let frames = self.frames.len();
            let kept = (self.stage, self.reads);
            self.list(state, Until::Frames(frames));
            (self.stage, self.reads) = kept;
        }
        state.depth -= 1;
        let body = Arc::from(&self.text[start..self.at]);
        if calls_itself_twice(&state.script.commands[count..], name) {
            state.script.is_bomb = true;
        }
        state.script.commands.truncate(count);
        state.script.is_undecided |= is_undecided;
        state.restore(scope);
        if let Some((functions, order)) = known {
            state.functions = functions;
            state.order = order;
        }
        let function = Function { body, is_called: false, is_busy: false, is_aside: false };
        if state.functions.insert(name.to_owned(), function).is_none() {
            state.order.push(name.to_owned());
        }
    }
}

/// The command is whole. Assignments before it hold for it alone; alone they stay.
fn end(state: &mut State, simple: Simple, assigned: BTreeMap<String, Option<Forms>>) {
    let has_words = !simple.words.is_empty();
    let reads = simple.reads;
    state.script.sets_variables |= !has_words && !assigned.is_empty();
    if has_words || !simple.redirects.is_empty() {
        state.add(simple);
    }
    if has_words {
        for (name, before) in assigned {
            super::unfold::hooked(state, &name, reads);
            state.scope.put(name, before);
        }
    }
}

/// Whether a function's body starts the function at both ends of a pipe.
fn calls_itself_twice(body: &[Simple], name: &str) -> bool {
    let calls = |simple: &&Simple| simple.words.first().is_some_and(|word| word.text == name);
    body.iter().filter(calls).count() >= 2 && body.iter().filter(calls).any(|simple| simple.reads.is_some())
}
