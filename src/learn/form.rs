//! What a command is known by: who runs it, the program, its subcommand and its flags.

use std::fmt;

use crate::command::shape::{
    Category, Flags, Shape, Subcommand, Tool, Wrapper, decode_program, encode_program,
};
use crate::model::bytes::Bytes;

/// Programs that do what a file or a target of some name says.
const NAMED: &[&str] = &[
    "make",
    "gmake",
    "just",
    "task",
    "rake",
    "nox",
    "tox",
    "invoke",
    "source",
    ".",
    "bash",
    "sh",
    "zsh",
    "snakemake",
    "nextflow",
    "Rscript",
    "R",
    "perl",
    "ruby",
    "node",
    "php",
    "julia",
    "sbatch",
];

/// Programs with a subcommand that does.
const RUN_BY_NAME: &[&str] = &[
    "npm", "pnpm", "yarn", "bun", "deno", "composer", "hatch", "pdm", "uv", "poetry", "pipenv", "cargo", "go",
];

/// A command without what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Form {
    pub wrapper: Wrapper,
    pub tool: Tool,
    pub subcommand: Subcommand,
    pub flags: Flags,
}

impl Form {
    /// The form of a shape; `None` for a program that is not in the vocabulary: there are many of these, and
    /// nothing tells one from another.
    #[must_use]
    pub fn of(shape: &Shape) -> Option<Self> {
        let Shape { wrapper, tool, subcommand, flags, .. } = *shape;
        Some(Self { wrapper, tool: tool?, subcommand, flags })
    }

    /// Whether the form says what is done. Otherwise it is a script's or a target's doing, whose name is nobody's
    /// business: two that are told apart by name only have one form.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let (tool, subcommand) = (self.tool.name(), self.subcommand_word());
        let runs_named = match subcommand {
            "run" | "exec" | "run-script" => RUN_BY_NAME.contains(&tool),
            _ => NAMED.contains(&tool) || tool.starts_with("python"),
        };
        // Known by what runs it only.
        let is_runner = Wrapper::named(self.tool.name()).is_some_and(Wrapper::is_telling);
        self.subcommand != Subcommand::Other && !runs_named && !is_runner
    }

    /// The program's category.
    #[must_use]
    pub fn category(&self) -> Category {
        let of_subcommand = match self.subcommand {
            Subcommand::Known(place) => {
                self.tool.subcommands().nth(usize::from(place)).and_then(|(_, own)| own)
            }
            _ => None,
        };
        of_subcommand.unwrap_or_else(|| self.tool.category())
    }

    /// The same program, told to do the same, however.
    #[must_use]
    pub fn without_flags(&self) -> Self {
        Self { flags: Flags::default(), ..*self }
    }

    /// The words it is made of: the program, its subcommands, and the names of its flags without their dashes.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        let subcommand = match self.subcommand {
            Subcommand::None => "",
            _ => self.subcommand_word(),
        };
        let name = |place: u8| self.tool.flags().nth(usize::from(place)).map(|(names, _)| names);
        let flags: Vec<&'static str> = self.flags.places().filter_map(name).collect();
        let flags =
            flags.into_iter().flat_map(|names| names.split(',')).map(|name| name.trim_start_matches('-'));
        let named = subcommand.split('/').filter(|word| !word.is_empty());
        std::iter::once(self.tool.name()).chain(named).chain(flags)
    }

    /// Its bytes, all of them codes of the vocabulary.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.wrapper.code());
        encode_program(Some(self.tool), self.subcommand, self.flags, bytes);
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let wrapper = Wrapper::from_code(rest.byte()?)?;
        let (tool, subcommand, flags) = decode_program(rest).ok()?;
        Some(Self { wrapper, tool: tool?, subcommand, flags })
    }

    fn subcommand_word(&self) -> &'static str {
        match self.subcommand {
            Subcommand::None => "",
            Subcommand::Other => "other",
            Subcommand::Known(place) => {
                self.tool.subcommands().nth(usize::from(place)).map_or("other", |(name, _)| name)
            }
        }
    }
}

/// As it is typed, as far as it is known: `git push --force`.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.wrapper {
            Wrapper::PythonModule => "python -m ",
            _ => "",
        })?;
        f.write_str(self.tool.name())?;
        match self.subcommand {
            Subcommand::None => {}
            Subcommand::Other => f.write_str(" …")?,
            Subcommand::Known(_) => {
                self.subcommand_word().split('/').try_for_each(|word| write!(f, " {word}"))?;
            }
        }
        for place in self.flags.places() {
            if let Some((names, _)) = self.tool.flags().nth(usize::from(place)) {
                write!(f, " {}", names.split(',').next_back().unwrap_or(names))?;
            }
        }
        match self.wrapper {
            Wrapper::None | Wrapper::PythonModule => Ok(()),
            wrapper => write!(f, " ({})", wrapper.word().replace('_', " ")),
        }
    }
}
