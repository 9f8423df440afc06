//! What is known while a script is read: its commands, its variables, and how much more may be read.
//!
//! Everything here has a bound. What a text could make us hold for many of its commands (a folder, a
//! document) is shared between them; what is over a bound makes the script undecided.

use std::collections::HashMap;
use std::sync::Arc;

use super::read::Reader;
use super::word::{Forms, VALUE_BYTES_MAX};
use super::{DEPTH_MAX, Script, Simple, TEXT_BYTES_MAX, WORDS_MAX, Word};

/// More commands than this are undecided.
const COMMANDS_MAX: usize = 8_192;
pub(super) const NAMES_MAX: usize = 512;

/// So many words are kept of a command when there is room for no more.
const WORDS_LAST: usize = 8;

/// All values together, in bytes: they are copied for each text that is read in a scope of its own.
const SCOPE_BYTES_MAX: usize = 64 << 10;

/// What later commands need of earlier ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub variables: Arc<HashMap<String, Forms>>,
    pub folders: Arc<Vec<Word>>,
    /// Of the values that were set.
    bytes: usize,
}

impl Scope {
    /// Sets a variable, or unsets it.
    pub fn put(&mut self, name: String, forms: Option<Forms>) {
        self.bytes += forms.as_ref().map_or(0, size);
        let before = match forms {
            Some(forms) => Arc::make_mut(&mut self.variables).insert(name, forms),
            None if self.variables.contains_key(&name) => Arc::make_mut(&mut self.variables).remove(&name),
            None => None,
        };
        self.bytes = self.bytes.saturating_sub(before.as_ref().map_or(0, size));
    }
}

/// What a value costs, in bytes.
fn size(forms: &Forms) -> usize {
    forms.iter().map(|form| form.text.len() + size_of::<Word>()).sum()
}

/// A function that was defined.
#[derive(Debug, Clone)]
pub(super) struct Function {
    pub body: Arc<str>,
    pub is_called: bool,
    pub is_busy: bool,
    /// Defined where what is read is only guarded against.
    pub is_aside: bool,
}

/// Everything that is known while one script is read, over all texts in it.
#[derive(Debug, Default)]
pub(super) struct State {
    pub script: Script,
    pub scope: Scope,
    aliases: HashMap<String, String>,
    pub functions: HashMap<String, Function>,
    pub order: Vec<String>,
    pub depth: usize,
    /// Bytes that may still be read again.
    pub budget: usize,
    /// Bytes of scopes that may still be copied.
    copies: usize,
    /// Words that may still be read, and those that may still be kept in commands.
    words: usize,
    words_kept: usize,
}

impl State {
    /// For a text.
    pub fn new(text: &str) -> Self {
        let budget = text.len().saturating_mul(4) + (1 << 18);
        let copies = text.len().saturating_mul(64) + (1 << 22);
        let mut state =
            Self { budget, copies, words: WORDS_MAX, words_kept: 2 * WORDS_MAX, ..Self::default() };
        state.scope.put("IFS".to_owned(), Some(vec![Word::plain(" \t\n")]));
        state.script.is_undecided = text.len() > TEXT_BYTES_MAX;
        state
    }

    /// Reads another text in the same scope: a function's body, what a shell is given. `reads` is
    /// what its commands get as input.
    pub fn text(&mut self, text: &str, reads: Option<(usize, usize)>) {
        if self.depth >= DEPTH_MAX || text.len() > self.budget {
            self.script.is_undecided = true;
            // Not followed; its words are there for who wants to look at them.
            let parts = text.split(|c: char| c.is_whitespace() || "'\";&|(){}`".contains(c));
            let words = parts.filter(|part| !part.is_empty()).take(self.words_kept.max(64)).map(Word::plain);
            let words = std::iter::once(Word::unknown()).chain(words).collect();
            self.push(Simple { words, is_aside: true, ..Simple::default() });
            return;
        }
        self.budget -= text.len();
        self.depth += 1;
        Reader::new(text).all(self, reads);
        self.depth -= 1;
    }

    /// Reads a text in a scope of its own; `arguments` are `$0`, `$1` …
    pub fn text_apart(&mut self, text: &str, arguments: &[Word], reads: Option<(usize, usize)>) {
        let scope = self.kept();
        for (index, word) in arguments.iter().take(16).enumerate() {
            self.set(&index.to_string(), vec![word.clone()]);
        }
        let rest: Vec<Word> = arguments.iter().skip(1).take(16).cloned().collect();
        if !rest.is_empty() {
            self.set("@", rest.clone());
            self.set("*", rest);
        }
        self.text(text, reads);
        self.restore(scope);
    }

    /// Pays for a copy of so many bytes.
    pub fn pay(&mut self, bytes: usize) -> bool {
        let left = self.copies.checked_sub(bytes);
        self.copies = left.unwrap_or(0);
        self.script.is_undecided |= left.is_none();
        left.is_some()
    }

    /// The scope as it is, for [`State::restore`], as long as that can be paid: it is shared until something
    /// is set, and copied then.
    pub fn kept(&mut self) -> Option<Scope> {
        let bytes = 64 * self.scope.variables.len() + self.scope.bytes;
        self.pay(bytes).then(|| self.scope.clone())
    }

    pub fn restore(&mut self, scope: Option<Scope>) {
        if let Some(scope) = scope {
            self.scope = scope;
        }
    }

    /// Does something whose commands are only to be guarded against: [`Simple::is_aside`].
    pub fn aside(&mut self, read: impl FnOnce(&mut Self)) {
        let (first, defined) = (self.script.commands.len(), self.order.len());
        let aliases = self.aliases.clone();
        let sets_variables = self.script.sets_variables;
        read(self);
        self.aliases = aliases;
        self.script.sets_variables = sets_variables;
        for name in self.order.get(defined..).unwrap_or_default() {
            if let Some(function) = self.functions.get_mut(name) {
                function.is_aside = true;
            }
        }
        let added = self.script.commands.get_mut(first..).unwrap_or_default();
        added.iter_mut().for_each(|command| command.is_aside = true);
    }

    /// One level deeper, unless that is too deep.
    pub fn enter(&mut self) -> bool {
        let is_entered = self.depth < DEPTH_MAX;
        self.depth += usize::from(is_entered);
        is_entered
    }

    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Adds a command, and all that it runs.
    pub fn add(&mut self, simple: Simple) {
        if self.script.commands.len() >= COMMANDS_MAX {
            self.script.is_undecided = true;
            return;
        }
        super::unfold::add(self, simple);
    }

    /// Keeps a command, with as many words as there is room for.
    pub fn push(&mut self, mut simple: Simple) {
        if self.script.commands.len() >= COMMANDS_MAX {
            self.script.is_undecided = true;
            return;
        }
        // A long word counts as several.
        let cost = |words: &[Word]| words.iter().map(|word| 1 + word.text.len() / 64).sum::<usize>();
        if cost(&simple.words) > self.words_kept {
            simple.words.truncate(WORDS_LAST);
            for word in simple.words.iter_mut().filter(|word| word.text.len() > VALUE_BYTES_MAX / 8) {
                *word = Word::unknown();
            }
            self.script.is_undecided = true;
        }
        self.words_kept = self.words_kept.saturating_sub(cost(&simple.words));
        self.script.commands.push(simple);
    }

    /// Adds words that were read, as many as there is room for. One command takes no more than half of it,
    /// so that what stands behind it is read.
    pub fn extend(&mut self, words: &mut Vec<Word>, read: impl IntoIterator<Item = Word>) {
        for word in read {
            if self.words == 0 || words.len() >= WORDS_MAX / 2 {
                self.script.is_undecided = true;
                return;
            }
            self.words -= 1;
            words.push(word);
        }
    }

    pub fn set(&mut self, name: &str, mut forms: Forms) {
        if size(&forms) > VALUE_BYTES_MAX {
            forms = vec![Word::unknown()];
        }
        if self.scope.bytes + size(&forms) > SCOPE_BYTES_MAX {
            // Whatever it was for, it can't be followed.
            self.script.is_undecided = true;
            forms = vec![Word::unknown()];
        }
        if self.scope.variables.len() < NAMES_MAX || self.scope.variables.contains_key(name) {
            self.scope.put(name.to_owned(), Some(forms));
        }
    }

    pub fn alias(&mut self, name: &str, value: &str) {
        if self.aliases.len() < NAMES_MAX {
            self.aliases.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Takes an alias out while it is being expanded, as bash does.
    pub fn take_alias(&mut self, name: &str) -> Option<String> {
        self.aliases.remove(name)
    }

    /// The body of a function, which is then one that was called, and whether it is only guarded against. It
    /// is gone until [`State::give_back`]: one that calls itself is not followed again.
    pub fn called(&mut self, name: &str) -> Option<(Arc<str>, bool)> {
        let function = self.functions.get_mut(name)?;
        if std::mem::replace(&mut function.is_busy, true) {
            return None;
        }
        function.is_called = true;
        Some((function.body.clone(), function.is_aside))
    }

    pub fn give_back(&mut self, name: &str) {
        if let Some(function) = self.functions.get_mut(name) {
            function.is_busy = false;
        }
    }
}
