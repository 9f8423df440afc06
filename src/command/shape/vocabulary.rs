//! The words a shape can say. Two text files, taken apart when the program is compiled: starting
//! costs nothing, and a look-up is one hash.
//!
//! A word is stored as its place, so both files only grow: new programs in a line at the end, new
//! subcommands and flags at the end of their program's.

use super::Category;

/// `category: program program …`; a star behind a program: its first word is a subcommand, of
/// those that many programs share (the form named `*`).
const PROGRAMS: &[u8] = include_bytes!("vocabulary/programs.txt");

/// `program …:`, then indented subcommands and flags. `sub@category` is of another category than its
/// program; `a/b` is a subcommand of a subcommand. `-f,--file` are one flag; `=` behind it: takes a
/// value; `?`: takes one only when attached. `!`: what follows the first word is not the
/// program's. `%`: the first word is a pattern.
const FORMS: &[u8] = include_bytes!("vocabulary/forms.txt");

/// A program of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tool(u16);

/// A piece of one of the files.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    const NONE: Self = Self { start: 0, end: 0 };

    fn of(self, file: &'static [u8]) -> &'static str {
        str::from_utf8(&file[self.start as usize..self.end as usize]).unwrap_or("other")
    }

    const fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

#[derive(Clone, Copy)]
struct Program {
    name: Span,
    category: Category,
    has_subcommands: bool,
}

/// The subcommands and flags of some programs, as ranges of [`ENTRIES`].
#[derive(Clone, Copy)]
struct Form {
    subcommands: Span,
    flags: Span,
    ends_at_word: bool,
    has_pattern: bool,
}

const PROGRAM_COUNT: usize = count(PROGRAMS, false);
const FORM_COUNT: usize = count(FORMS, true);
const SLOT_COUNT: usize = 32_768;
const EMPTY: u16 = u16::MAX;

static LIST: [Program; PROGRAM_COUNT] = programs();
static SLOTS: [u16; SLOT_COUNT] = slots();
static FORM_LIST: [Form; FORM_COUNT] = forms();
static FORM_OF: [u16; PROGRAM_COUNT] = form_of();

/// The next token at or after `at`: its start and end; equal at the end of the file. Lines that
/// start with `#` are skipped.
const fn token(file: &[u8], mut at: usize) -> (usize, usize) {
    loop {
        while at < file.len() && (file[at] == b' ' || file[at] == b'\n') {
            at += 1;
        }
        if at < file.len() && file[at] == b'#' && starts_line(file, at) {
            while at < file.len() && file[at] != b'\n' {
                at += 1;
            }
            continue;
        }
        let start = at;
        while at < file.len() && file[at] != b' ' && file[at] != b'\n' {
            at += 1;
        }
        return (start, at);
    }
}

const fn starts_line(file: &[u8], at: usize) -> bool {
    at == 0 || file[at - 1] == b'\n'
}

/// How many tokens that are no heads of lines, or how many heads, a file has.
const fn count(file: &[u8], heads: bool) -> usize {
    let (mut number, mut at) = (0, 0);
    loop {
        let (start, end) = token(file, at);
        if start == end {
            return number;
        }
        if heads {
            number += (file[end - 1] == b':') as usize;
        } else {
            number += !starts_line(file, start) as usize;
        }
        at = end;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the files are a few dozen KiB")]
const fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

const fn equal(file: &[u8], span: Span, word: &[u8]) -> bool {
    if span.len() != word.len() {
        return false;
    }
    let mut index = 0;
    while index < word.len() {
        if file[span.start as usize + index] != word[index] {
            return false;
        }
        index += 1;
    }
    true
}

const fn category(file: &[u8], name: Span) -> Category {
    let mut index = 0;
    while index < Category::ALL.len() {
        if equal(file, name, Category::ALL[index].word().as_bytes()) {
            return Category::ALL[index];
        }
        index += 1;
    }
    panic!("a category that does not exist")
}

#[expect(clippy::large_stack_arrays, reason = "evaluated by the compiler only")]
const fn programs() -> [Program; PROGRAM_COUNT] {
    let nobody = Program { name: Span::NONE, category: Category::Other, has_subcommands: false };
    let mut list = [nobody; PROGRAM_COUNT];
    let (mut index, mut at, mut of) = (0, 0, Category::Other);
    while index < PROGRAM_COUNT {
        let (start, end) = token(PROGRAMS, at);
        at = end;
        if starts_line(PROGRAMS, start) {
            of = category(PROGRAMS, span(start, end - 1));
            continue;
        }
        let has_subcommands = PROGRAMS[end - 1] == b'*' && end - start > 1;
        list[index] =
            Program { name: span(start, end - has_subcommands as usize), category: of, has_subcommands };
        index += 1;
    }
    list
}

const fn hash(word: &[u8], start: usize, end: usize) -> usize {
    let (mut hash, mut at) = (0x811c_9dc5_u32, start);
    while at < end {
        hash = (hash ^ word[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    (hash ^ hash >> 15) as usize % SLOT_COUNT
}

#[expect(clippy::cast_possible_truncation, reason = "there are fewer programs than slots")]
#[expect(clippy::large_stack_arrays, reason = "evaluated by the compiler only")]
const fn slots() -> [u16; SLOT_COUNT] {
    let mut slots = [EMPTY; SLOT_COUNT];
    let mut index = 0;
    while index < PROGRAM_COUNT {
        let Span { start, end } = LIST[index].name;
        let mut slot = hash(PROGRAMS, start as usize, end as usize);
        while slots[slot] != EMPTY {
            slot = (slot + 1) % SLOT_COUNT;
        }
        slots[slot] = index as u16;
        index += 1;
    }
    slots
}

const fn find(word: &[u8]) -> Option<u16> {
    let mut slot = hash(word, 0, word.len());
    while SLOTS[slot] != EMPTY {
        if equal(PROGRAMS, LIST[SLOTS[slot] as usize].name, word) {
            return Some(SLOTS[slot]);
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
    None
}

const ENTRY_COUNT: usize = count(FORMS, false);
static ENTRIES: [Span; ENTRY_COUNT] = entries().0;

/// Subcommands and flags in the order of the file, each program's subcommands before its flags,
/// and the forms.
#[expect(clippy::large_stack_arrays, reason = "evaluated by the compiler only")]
const fn entries() -> ([Span; ENTRY_COUNT], [Form; FORM_COUNT]) {
    let mut entries = [Span::NONE; ENTRY_COUNT];
    let blank = Form { subcommands: Span::NONE, flags: Span::NONE, ends_at_word: false, has_pattern: false };
    let mut forms = [blank; FORM_COUNT];
    let (mut form, mut at, mut next) = (0, 0, 0);
    while form < FORM_COUNT {
        // Past the heads, which end with a colon.
        loop {
            let (_, end) = token(FORMS, at);
            at = end;
            if FORMS[end - 1] == b':' {
                break;
            }
        }
        let body = at;
        let mut wants_flags = false;
        loop {
            let first = next;
            at = body;
            loop {
                let (start, end) = token(FORMS, at);
                if start == end || starts_line(FORMS, start) {
                    break;
                }
                at = end;
                match FORMS[start] {
                    b'!' => forms[form].ends_at_word = true,
                    b'%' => forms[form].has_pattern = true,
                    c => {
                        if (c == b'-') == wants_flags {
                            entries[next] = span(start, end);
                            next += 1;
                        }
                    }
                }
            }
            if wants_flags {
                forms[form].flags = span(first, next);
                break;
            }
            forms[form].subcommands = span(first, next);
            wants_flags = true;
        }
        form += 1;
    }
    (entries, forms)
}

const fn forms() -> [Form; FORM_COUNT] {
    entries().1
}

/// Which form each program has: its own, the shared one, or none.
#[expect(clippy::cast_possible_truncation, reason = "there are some hundred forms")]
#[expect(clippy::large_stack_arrays, reason = "it is worked out when this is compiled")]
const fn form_of() -> [u16; PROGRAM_COUNT] {
    let mut of = [EMPTY; PROGRAM_COUNT];
    let (mut form, mut at) = (0, 0);
    while form < FORM_COUNT {
        let (start, end) = token(FORMS, at);
        at = end;
        let is_last = FORMS[end - 1] == b':';
        let is_head = starts_line(FORMS, start) || !is_indented(FORMS, start);
        if is_head {
            let (_, name) = FORMS.split_at(start);
            let (name, _) = name.split_at(end - start - is_last as usize);
            if name[0] != b'*' {
                match find(name) {
                    Some(program) => of[program as usize] = form as u16,
                    None => panic!("a form of a program that is not in the list"),
                }
            }
            form += is_last as usize;
        }
    }
    // The shared form is the first.
    let mut program = 0;
    while program < PROGRAM_COUNT {
        if of[program] == EMPTY && LIST[program].has_subcommands {
            of[program] = 0;
        }
        program += 1;
    }
    of
}

/// Whether the line of `at` begins with a space.
const fn is_indented(file: &[u8], mut at: usize) -> bool {
    while !starts_line(file, at) {
        at -= 1;
    }
    file[at] == b' '
}

/// What a flag does with the word behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    /// Attached, or the next word.
    Value,
    /// Attached or not at all.
    Attached,
}

impl Tool {
    /// How many there are.
    pub const COUNT: u16 = {
        assert!(PROGRAM_COUNT < SLOT_COUNT / 2, "look-ups want empty slots");
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        {
            PROGRAM_COUNT as u16
        }
    };

    /// The program of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        find(name.as_bytes()).map(Self)
    }

    #[must_use]
    pub const fn from_code(code: u16) -> Option<Self> {
        if code < Self::COUNT { Some(Self(code)) } else { None }
    }

    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        LIST[usize::from(self.0)].name.of(PROGRAMS)
    }

    #[must_use]
    pub fn category(self) -> Category {
        LIST[usize::from(self.0)].category
    }

    fn form(self) -> Option<Form> {
        FORM_LIST.get(usize::from(FORM_OF[usize::from(self.0)])).copied()
    }

    /// Whose subcommands and flags it has: the same for programs that share them.
    #[must_use]
    pub fn form_code(self) -> u16 {
        FORM_OF[usize::from(self.0)]
    }

    /// Whether what follows the first word belongs to something else.
    #[must_use]
    pub fn ends_at_word(self) -> bool {
        self.form().is_some_and(|form| form.ends_at_word)
    }

    /// Whether the first word is a pattern, which no name of a file is read from.
    #[must_use]
    pub fn has_pattern(self) -> bool {
        self.form().is_some_and(|form| form.has_pattern)
    }

    fn entries(self, which: fn(&Form) -> Span) -> impl ExactSizeIterator<Item = &'static str> {
        let range = self.form().map_or(Span::NONE, |form| which(&form));
        ENTRIES[range.start as usize..range.end as usize].iter().map(|span| span.of(FORMS))
    }

    /// Its subcommands, each with the category that is its own; a subcommand's subcommand as `a/b`.
    #[must_use]
    pub fn subcommands(self) -> impl ExactSizeIterator<Item = (&'static str, Option<Category>)> {
        self.entries(|form| form.subcommands).map(|entry| match entry.split_once('@') {
            Some((name, of)) => (name, Category::ALL.iter().copied().find(|c| c.word() == of)),
            None => (entry, None),
        })
    }

    /// The place of a subcommand, and of `first` followed by `second` if there is such a one.
    #[must_use]
    pub fn subcommand(self, first: &str, second: Option<&str>) -> Option<u8> {
        let is_both = |name: &str| name.split_once('/').is_some_and(|(a, b)| a == first && Some(b) == second);
        let both = second.and_then(|_| self.subcommands().position(|(name, _)| is_both(name)));
        let place = both.or_else(|| self.subcommands().position(|(name, _)| name == first))?;
        u8::try_from(place).ok()
    }

    /// Its flags, each with all its spellings, and what it takes.
    #[must_use]
    pub fn flags(self) -> impl ExactSizeIterator<Item = (&'static str, Takes)> {
        self.entries(|form| form.flags).map(|entry| match entry.as_bytes().last() {
            Some(b'=') => (&entry[..entry.len() - 1], Takes::Value),
            Some(b'?') => (&entry[..entry.len() - 1], Takes::Attached),
            _ => (entry, Takes::Nothing),
        })
    }

    /// The place of a flag spelt exactly so.
    #[must_use]
    pub fn flag(self, spelling: &str) -> Option<(u8, Takes)> {
        let (place, (_, takes)) =
            self.flags().enumerate().find(|(_, (names, _))| names.split(',').any(|name| name == spelling))?;
        Some((u8::try_from(place).ok()?, takes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_found_by_its_name_and_only_once() {
        for code in 0..Tool::COUNT {
            let tool = Tool::from_code(code).expect("there");
            assert_eq!(Tool::named(tool.name()), Some(tool), "{} stands twice", tool.name());
        }
        assert!(Tool::named("").is_none());
        assert!(Tool::named("*").is_none());
    }

    #[test]
    fn every_subcommand_and_flag_is_found_and_fits() {
        for tool in (0..Tool::COUNT).filter_map(Tool::from_code) {
            assert!(tool.subcommands().len() < 255 && tool.flags().len() <= 128, "{}", tool.name());
            for (place, (name, _)) in tool.subcommands().enumerate() {
                let (first, second) = name.split_once('/').map_or((name, None), |(a, b)| (a, Some(b)));
                let found = tool.subcommand(first, second).map(usize::from);
                assert_eq!(found, Some(place), "{} {name} stands twice", tool.name());
            }
            for (place, (names, _)) in tool.flags().enumerate() {
                for name in names.split(',') {
                    let found = tool.flag(name).map(|(found, _)| usize::from(found));
                    assert_eq!(found, Some(place), "{} {name} stands twice", tool.name());
                }
            }
        }
    }

    #[test]
    fn a_category_of_a_subcommand_exists() {
        let cargo = Tool::named("cargo").expect("known");
        let place = usize::from(cargo.subcommand("test", None).expect("known"));
        assert_eq!(cargo.subcommands().nth(place), Some(("test", Some(Category::Test))));
        for entry in ENTRIES.iter().map(|span| span.of(FORMS)) {
            if let Some((_, of)) = entry.split_once('@').filter(|_| !entry.starts_with('-')) {
                assert!(Category::ALL.iter().any(|category| category.word() == of), "{entry}");
            }
        }
    }
}
