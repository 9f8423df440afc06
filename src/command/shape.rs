//! What a command is, without what it says: enums and small integers, and nothing a command was
//! typed with.
//!
//! Two commands that differ in names, hosts, values, numbers or quoted text have equal shapes. What is
//! not in the compiled vocabulary is `other`, and only its place decides whether a word is looked up:
//! a file called `commit` is a file.

mod closed;
mod error;
mod kinds;
mod line;
mod record;
mod vocabulary;

use serde_json::{Value, json};

use super::{SEPARATORS, without_ending};

pub use closed::{
    Bits, Category, Complexity, DataKind, HostType, Outcome, PathKind, ToolKind, Trait, Wrapper, bucket_log2,
    duration_bucket, size_bucket,
};
pub use error::ErrorClass;
use kinds::Reading;
pub use record::{Record, Refused, decode_program, encode_program};
pub use vocabulary::{Takes, Tool};

/// A word of a command after unquoting.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    pub text: &'a str,
    pub quoting: Quoting,
}

/// How much of a word was quoted. What is quoted is a secret of whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    None,
    /// All of it but its beginning, which is the text.
    Rest,
    /// From its first character on.
    Whole,
}

impl<'a> Word<'a> {
    #[must_use]
    pub const fn bare(text: &'a str) -> Self {
        Self { text, quoting: Quoting::None }
    }

    #[must_use]
    pub const fn quoted(text: &'a str) -> Self {
        Self { text, quoting: Quoting::Whole }
    }

    /// A word of which only `text`, its beginning, was not quoted.
    #[must_use]
    pub const fn quoted_from(text: &'a str) -> Self {
        Self { text, quoting: Quoting::Rest }
    }

    /// Whether it is a flag and its value in one word.
    fn has_value(self) -> bool {
        self.quoting != Quoting::None || self.text.contains('=')
    }

    fn is_flag(self) -> bool {
        self.quoting != Quoting::Whole && self.text.len() > 1 && self.text.starts_with('-')
    }
}

/// What runs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runner {
    pub tool: Tool,
    /// Whether it, or what runs it, was asked for a GPU.
    pub has_gpu: bool,
}

/// The flags that ask for a GPU, or say something about one, without their dashes: Slurm's, Docker's, Apptainer's.
pub const GPU_FLAGS: &[&str] = &[
    "gres",
    "gpu",
    "gpus",
    "gpus-per-node",
    "gpus-per-socket",
    "gpus-per-task",
    "gpu-bind",
    "gpu-freq",
    "cpus-per-gpu",
    "mem-per-gpu",
    "ntasks-per-gpu",
    "nv",
    "rocm",
];

impl Runner {
    /// What `tool` is, run with these words by `outer`.
    #[must_use]
    pub fn new<'a>(tool: Tool, words: impl IntoIterator<Item = &'a str>, outer: Option<Self>) -> Self {
        let is_gpu = |place: u8| {
            let names = tool.flags().nth(usize::from(place)).map_or("", |(names, _)| names);
            names.split(',').any(|name| GPU_FLAGS.contains(&name.trim_start_matches('-')))
        };
        let flags = words.into_iter().filter(|word| word.len() > 1 && word.starts_with('-'));
        let mut spelt = flags.filter_map(|word| spell(tool, word));
        let has_gpu =
            outer.is_some_and(|outer| outer.has_gpu) || spelt.any(|(flags, _)| flags.places().any(is_gpu));
        Self { tool, has_gpu }
    }
}

/// A simple command of a line, in the order in which they stand there.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Without what runs it. Empty: there were only assignments.
    pub words: &'a [Word<'a>],
    /// The innermost of what runs it and makes a difference.
    pub runner: Option<Runner>,
    /// The files of its redirections.
    pub files: &'a [Word<'a>],
}

/// How a line is put together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Structure {
    /// The number of `|`.
    pub pipes: usize,
    /// The number of `&&`, `||`, `;` and line ends between commands.
    pub lists: usize,
    pub has_input: bool,
    pub has_output: bool,
    pub has_append: bool,
    pub has_error_output: bool,
    pub has_here_document: bool,
    pub has_substitution: bool,
    pub has_background: bool,
    /// Loops, conditions, functions.
    pub has_control: bool,
    pub has_subshell: bool,
    pub has_assignment: bool,
}

impl Structure {
    fn traits(self) -> Bits {
        let mut traits = Bits::default();
        let Self { pipes: _, lists: _, has_input, has_output, has_append, has_error_output, .. } = self;
        let Self { has_here_document, has_substitution, has_background, has_control, has_subshell, .. } =
            self;
        traits.add_if(has_input, Trait::Input.code());
        traits.add_if(has_output, Trait::Output.code());
        traits.add_if(has_append, Trait::Append.code());
        traits.add_if(has_error_output, Trait::ErrorOutput.code());
        traits.add_if(has_here_document, Trait::HereDocument.code());
        traits.add_if(has_substitution, Trait::Substitution.code());
        traits.add_if(has_background, Trait::Background.code());
        traits.add_if(has_control, Trait::Control.code());
        traits.add_if(has_subshell, Trait::Subshell.code());
        traits.add_if(self.has_assignment, Trait::Assignment.code());
        traits
    }
}

/// What a program is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subcommand {
    /// The program has none, or none was given.
    None,
    Other,
    /// The place among the program's.
    Known(u8),
}

/// The flags of a command that its program's table has; of more than [`Flags::COUNT_MAX`], the first of
/// the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flags(u128);

impl Flags {
    /// So that a record stays small. Few commands have eight.
    pub const COUNT_MAX: usize = 16;

    fn add(&mut self, place: u8) {
        if place < 128 {
            self.0 |= 1 << place;
        }
    }

    pub fn places(self) -> impl Iterator<Item = u8> {
        (0..128).filter(move |place| self.0 >> place & 1 == 1).take(Self::COUNT_MAX)
    }

    fn capped(self) -> Self {
        self.places().fold(Self::default(), |mut flags, place| {
            flags.add(place);
            flags
        })
    }
}

/// A command, abstracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    pub category: Category,
    pub wrapper: Wrapper,
    /// `None` is `other`: a program that the vocabulary doesn't have.
    pub tool: Option<Tool>,
    pub subcommand: Subcommand,
    pub flags: Flags,
    /// How many flags the table didn't have: 0, 1, 2, or 3 for more.
    pub flags_unknown: u8,
    pub complexity: Complexity,
    /// Of [`DataKind`].
    pub data: Bits,
    /// Of [`PathKind`].
    pub places: Bits,
    /// Of [`Trait`].
    pub traits: Bits,
    /// 0, 1, 2, or 3 for more.
    pub pipes: u8,
    /// 0, 1, 2, or 3 for more.
    pub lists: u8,
}

const BUCKET_MAX: u8 = 3;

fn few(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(BUCKET_MAX).min(BUCKET_MAX)
}

/// A simple command, looked up.
#[derive(Debug, Clone, Copy)]
struct Known {
    category: Category,
    wrapper: Wrapper,
    tool: Option<Tool>,
    subcommand: Subcommand,
    flags: Flags,
    flags_unknown: usize,
    data: Bits,
    places: Bits,
    /// What it has of its own; the rest is the line's.
    traits: Bits,
}

impl Shape {
    /// The shape of a line. The most telling of its commands is the one it is known by.
    #[must_use]
    pub fn of(pieces: &[Piece<'_>], structure: Structure) -> Self {
        let known: Vec<Known> = pieces.iter().map(Known::of).collect();
        let lead = known.iter().enumerate().max_by_key(|(index, known)| (known.weight(), usize::MAX - index));
        // What sets variables and nothing else is no piece.
        let nothing = match structure.has_assignment {
            true => Known::of(&Piece { words: &[], runner: None, files: &[] }),
            false => Known::nothing(),
        };
        let lead = lead.map_or(&nothing, |(_, known)| known);
        let all = |bits: fn(&Known) -> Bits| Bits(known.iter().fold(0, |sum, known| sum | bits(known).0));
        Self {
            category: lead.category,
            wrapper: lead.wrapper,
            tool: lead.tool,
            subcommand: lead.subcommand,
            flags: lead.flags.capped(),
            flags_unknown: few(lead.flags_unknown),
            complexity: complexity(pieces.len(), structure),
            data: all(|known| known.data),
            places: all(|known| known.places),
            traits: Bits(structure.traits().0 | all(|known| known.traits).0),
            pipes: few(structure.pipes),
            lists: few(structure.lists),
        }
    }

    /// Which of the pieces the shape of a line takes its program from.
    #[must_use]
    pub fn lead(pieces: &[Piece<'_>]) -> Option<usize> {
        let weights = pieces.iter().map(|piece| Known::of(piece).weight()).enumerate();
        weights.max_by_key(|(index, weight)| (*weight, usize::MAX - index)).map(|(index, _)| index)
    }

    /// How many bits a shape can carry at most: the logarithm of the number of different ones.
    #[must_use]
    pub fn bits() -> f64 {
        let form = |tool: Tool| {
            let subcommands = f64::from(u32::try_from(tool.subcommands().len()).unwrap_or(u32::MAX)) + 2.0;
            subcommands * subsets(tool.flags().len(), Flags::COUNT_MAX)
        };
        let forms: f64 = (0..Tool::COUNT).filter_map(Tool::from_code).map(form).sum::<f64>() + 1.0;
        let sets = [Category::ALL.len(), Wrapper::ALL.len(), Complexity::ALL.len()];
        let sets: f64 =
            sets.iter().map(|len| f64::from(u32::try_from(*len).unwrap_or(u32::MAX)).log2()).sum();
        let flags = DataKind::ALL.len() + PathKind::ALL.len() + Trait::ALL.len();
        forms.log2() + sets + f64::from(u32::try_from(flags).unwrap_or(u32::MAX)) + 3.0 * 2.0
    }

    /// In words of the vocabulary.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Self { category, wrapper, tool, subcommand, flags, flags_unknown, complexity, .. } = self;
        let Self { data, places, traits, pipes, lists, .. } = self;
        let flags = tool.map(|tool| {
            let name = |place: u8| tool.flags().nth(usize::from(place)).map(|(names, _)| names);
            flags.places().filter_map(name).collect::<Vec<_>>()
        });
        json!({
            "category": category.word(),
            "wrapper": wrapper.word(),
            "tool": tool.map_or("other", Tool::name),
            "subcommand": self.subcommand_word(*subcommand),
            "flags": flags.unwrap_or_default(),
            "flags_unknown": flags_unknown,
            "complexity": complexity.word(),
            "data": words(*data, DataKind::ALL.iter().map(|kind| (kind.code(), kind.word()))),
            "places": words(*places, PathKind::ALL.iter().map(|kind| (kind.code(), kind.word()))),
            "traits": words(*traits, Trait::ALL.iter().map(|kind| (kind.code(), kind.word()))),
            "pipes": pipes,
            "lists": lists,
        })
    }

    fn subcommand_word(&self, subcommand: Subcommand) -> &'static str {
        match subcommand {
            Subcommand::None => "none",
            Subcommand::Other => "other",
            Subcommand::Known(place) => {
                let name = self.tool.and_then(|tool| tool.subcommands().nth(usize::from(place)));
                name.map_or("other", |(name, _)| name)
            }
        }
    }
}

fn words(bits: Bits, all: impl Iterator<Item = (u8, &'static str)>) -> Vec<&'static str> {
    all.filter(|(code, _)| bits.has(*code)).map(|(_, word)| word).collect()
}

/// How many sets of at most `size_max` of `count` things there are.
fn subsets(count: usize, size_max: usize) -> f64 {
    let as_float = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let (mut sum, mut choose) = (1.0, 1.0);
    for size in 1..=size_max.min(count) {
        choose *= as_float(count - size + 1) / as_float(size);
        sum += choose;
    }
    sum
}

fn complexity(pieces: usize, structure: Structure) -> Complexity {
    match pieces + 2 * usize::from(structure.has_control) {
        0 | 1 => Complexity::Simple,
        2 | 3 => Complexity::Short,
        4..=6 => Complexity::Compound,
        _ => Complexity::Script,
    }
}

/// Scripts of a project that every project calls the same.
const PROJECT_SCRIPTS: &[&str] = &["configure", "gradlew", "mvnw", "autogen.sh", "bootstrap", "manage.py"];

/// What runs a script of one's own, by its ending; `bash x.sh` and `./x.sh` are the same to whoever types them.
const INTERPRETERS: &[(&str, &str)] = &[
    ("sh", "bash"),
    ("bash", "bash"),
    ("zsh", "zsh"),
    ("fish", "fish"),
    ("py", "python3"),
    ("js", "node"),
    ("mjs", "node"),
    ("cjs", "node"),
    ("rb", "ruby"),
    ("pl", "perl"),
    ("php", "php"),
    ("R", "Rscript"),
    ("jl", "julia"),
    ("lua", "lua"),
    ("ps1", "pwsh"),
];

/// The program that the first word of a command names: a name, or a program of a folder of programs, also of those
/// that packages put into a project. Any other path is somebody's own, whatever it is called.
fn program(word: &str) -> Option<Tool> {
    let (folder, name) = word.rsplit_once(SEPARATORS).unwrap_or(("", word));
    let is_folder_of_programs = || matches!(folder.rsplit(SEPARATORS).next(), Some(".bin" | "Scripts"));
    let is_projects = || PROJECT_SCRIPTS.contains(&without_ending(name).unwrap_or(name));
    let is_known = !super::is_own_program(word) || is_projects() || is_folder_of_programs();
    tool_named(name).filter(|_| is_known)
}

/// What runs a script of one's own.
fn interpreter(word: &str) -> Option<Tool> {
    let (_, ending) = word.rsplit(SEPARATORS).next()?.rsplit_once('.')?;
    let (_, name) = INTERPRETERS.iter().find(|(known, _)| *known == ending)?;
    Tool::named(name)
}

/// The program of that name, whatever its version.
fn tool_named(name: &str) -> Option<Tool> {
    // As Windows calls it, where letters are letters.
    if let Some(stem) = without_ending(name) {
        let small = || tool_named(&stem.to_ascii_lowercase()).filter(|_| stem.contains(char::is_uppercase));
        return tool_named(stem).or_else(small).or_else(|| Tool::named(name));
    }
    let versioned = || name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let major = || {
        name.split_once('.').map(|(major, _)| major).filter(|_| name.ends_with(|c: char| c.is_ascii_digit()))
    };
    Tool::named(name)
        .or_else(|| major().and_then(Tool::named))
        .or_else(|| Some(versioned()).filter(|stem| stem.len() > 1).and_then(Tool::named))
}

impl Known {
    const fn nothing() -> Self {
        Self {
            category: Category::Other,
            wrapper: Wrapper::None,
            tool: None,
            subcommand: Subcommand::None,
            flags: Flags(0),
            flags_unknown: 0,
            data: Bits(0),
            places: Bits(0),
            traits: Bits(0),
        }
    }

    fn of(piece: &Piece<'_>) -> Self {
        let wrapper = piece.runner.and_then(|runner| Wrapper::named(runner.tool.name())).unwrap_or_default();
        let mut known = Self { wrapper, ..Self::nothing() };
        known.traits.add_if(piece.runner.is_some_and(|runner| runner.has_gpu), Trait::Gpu.code());
        let Some((first, rest)) = piece.words.split_first() else {
            known.category = Category::Shell;
            known.tool = Tool::named("=");
            known.read_files(piece);
            return known;
        };
        let (name, rest) = known.through_module(*first, rest);
        let is_whole = name.quoting != Quoting::Rest;
        known.tool = Some(name.text).filter(|_| is_whole).and_then(program);
        known.category = match known.tool {
            Some(tool) => tool.category(),
            None if name.text.contains(SEPARATORS) => Category::LocalProgram,
            None => Category::Other,
        };
        known.read_words(rest);
        if known.category == Category::LocalProgram && known.tool.is_none() && is_whole {
            // Only now: its words are its own.
            known.tool = interpreter(name.text);
        }
        known.category = known.wrapper.category().unwrap_or(known.category);
        if let Some(Runner { tool: runner, .. }) = piece.runner.filter(|_| known.tool.is_none()) {
            // Nobody knows what it runs; that it runs it is something.
            known.tool = Some(runner);
            known.category = known.wrapper.category().unwrap_or_else(|| runner.category());
            known.subcommand = Subcommand::None;
            (known.flags, known.flags_unknown) = (Flags::default(), 0);
        }
        known.read_files(piece);
        known
    }

    /// `python -m pytest …` is pytest.
    fn through_module<'a>(&mut self, name: Word<'a>, rest: &'a [Word<'a>]) -> (Word<'a>, &'a [Word<'a>]) {
        let is_python = program(name.text).is_some_and(|tool| tool.name().starts_with("python"));
        match rest {
            [flag, module, rest @ ..]
                if is_python && flag.text == "-m" && Tool::named(module.text).is_some() =>
            {
                self.wrapper = Wrapper::PythonModule;
                (*module, rest)
            }
            _ => (name, rest),
        }
    }

    fn read_files(&mut self, piece: &Piece<'_>) {
        for word in piece.files.iter().filter(|word| word.quoting == Quoting::None) {
            kinds::read(word.text, Reading::Files, &mut self.data, &mut self.places);
        }
    }

    /// Flags, the subcommand, and what the other words name.
    fn read_words(&mut self, mut rest: &[Word<'_>]) {
        let tool = self.tool;
        let mut wants_subcommand = tool.is_some_and(|tool| tool.subcommands().len() > 0);
        let mut wants_pattern = tool.is_some_and(Tool::has_pattern);
        let mut wants_flags = true;
        let mut is_sure = true;
        let mut may_be_value = false;
        while let Some((word, after)) = rest.split_first() {
            rest = after;
            let may_be_value_here = std::mem::take(&mut may_be_value);
            if wants_flags && word.is_flag() {
                if word.text == "--" {
                    wants_flags = false;
                    continue;
                }
                match self.read_flag(tool, *word) {
                    Read::Known => is_sure = true,
                    Read::Unknown => {
                        is_sure = word.has_value();
                        may_be_value = !is_sure;
                    }
                    Read::WantsValue => rest = rest.get(1..).unwrap_or_default(),
                }
                continue;
            }
            if word.is_flag() {
                // Of a program that this one runs.
                may_be_value = !word.has_value();
                continue;
            }
            // `cargo +nightly test`: which of its versions, and nothing that it does.
            if wants_subcommand && word.quoting == Quoting::None && word.text.starts_with('+') {
                continue;
            }
            if wants_subcommand {
                wants_subcommand = false;
                // Behind a flag nobody knows it may be the flag's.
                let found = tool.filter(|_| is_sure && word.quoting == Quoting::None).and_then(|tool| {
                    let second = rest.first().filter(|word| word.quoting == Quoting::None);
                    tool.subcommand(word.text, second.map(|word| word.text)).map(|place| (tool, place))
                });
                // `php x.php`: a file stands where a subcommand may, and is none.
                let unknown = || match is_sure && kinds::is_file(*word) {
                    true => Subcommand::None,
                    false => Subcommand::Other,
                };
                self.subcommand = found.map_or_else(unknown, |(_, place)| Subcommand::Known(place));
                if let Some((name, of)) =
                    found.and_then(|(tool, place)| tool.subcommands().nth(usize::from(place)))
                {
                    self.category = of.unwrap_or(self.category);
                    rest = if name.contains('/') { rest.get(1..).unwrap_or_default() } else { rest };
                    continue;
                }
            }
            if std::mem::take(&mut wants_pattern) {
                continue;
            }
            if word.quoting == Quoting::None {
                // Behind a flag nobody knows may be a password as well as a file: only what is a path for sure.
                let reading = Reading::of(self.category);
                let reading = if may_be_value_here { reading.at_most_names() } else { reading };
                kinds::read(word.text, reading, &mut self.data, &mut self.places);
            }
            if tool.is_some_and(Tool::ends_at_word) {
                wants_flags = false;
            }
        }
    }

    fn read_flag(&mut self, tool: Option<Tool>, word: Word<'_>) -> Read {
        let read = tool.and_then(|tool| spell(tool, word.text));
        let Some((flags, wants_value)) = read else {
            self.flags_unknown += 1;
            return Read::Unknown;
        };
        self.flags.0 |= flags.0;
        if wants_value && word.quoting == Quoting::None { Read::WantsValue } else { Read::Known }
    }

    /// How much it tells about the line: preparations and talk least, what only looks a little, the
    /// rest most.
    fn weight(&self) -> u8 {
        match (self.category, self.tool.map(Tool::name)) {
            // Unknown: whatever is known says more.
            (Category::Other, _) => 2,
            (Category::Shell, _) => 0,
            (
                _,
                Some(
                    "sleep" | "mkdir" | "pwd" | "date" | "true" | "false" | "which" | "ls" | "tee" | "xargs",
                ),
            ) => 1,
            (Category::Environment, _) => 2,
            (Category::TextProcessing | Category::FileInspection, _) => 3,
            (Category::Search | Category::FileChange, _) => 4,
            _ => 5,
        }
    }
}

/// What came of a flag.
enum Read {
    Known,
    Unknown,
    WantsValue,
}

/// The flags that a word spells, all of them in the table, and whether the next word belongs to the last.
fn spell(tool: Tool, text: &str) -> Option<(Flags, bool)> {
    let mut flags = Flags::default();
    let (name, has_value) = text.split_once('=').map_or((text, false), |(name, _)| (name, true));
    if let Some((place, takes)) = tool.flag(name) {
        flags.add(place);
        return Some((flags, takes == Takes::Value && !has_value));
    }
    // A number behind a dash is a value: a signal, a count of lines.
    let is_number = text[1..].starts_with(|c: char| c.is_ascii_digit());
    if text.starts_with("--") || is_number {
        return None;
    }
    // One letter each, until one takes the rest.
    for (at, letter) in text.char_indices().skip(1) {
        let mut buffer = [b'-', 0];
        let letter = u8::try_from(letter).ok().filter(u8::is_ascii)?;
        buffer[1] = letter;
        let (place, takes) = tool.flag(str::from_utf8(&buffer).ok()?)?;
        flags.add(place);
        if takes != Takes::Nothing {
            return Some((flags, takes == Takes::Value && at + 1 == text.len()));
        }
    }
    Some((flags, false))
}

#[cfg(test)]
mod tests;
