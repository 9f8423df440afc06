//! What a record can say of a command, one thing at a time, and the words for it.
//!
//! A field is a code of the vocabulary; its name is made of compiled words only. Spellings that mean the same
//! (`--gres`, `--gpus`, `--nv`) are one field, and so is a flag or subcommand that several programs call the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::command::shape::{
    Bits, Category, DataKind, GPU_FLAGS, HostType, PathKind, Shape, Subcommand, Tool, Trait, Wrapper,
};
use crate::learn::Observed;
use crate::model::bytes::Bytes;

/// Something that several spellings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Aspect {
    GpuType,
    Bioinformatics,
    Memory,
    Cpus,
    Tasks,
    Piped,
    Chained,
}

impl Aspect {
    /// All of them; stored as the place here, so it grows at its end.
    pub const ALL: &[Self] = &[
        Self::GpuType,
        Self::Bioinformatics,
        Self::Memory,
        Self::Cpus,
        Self::Tasks,
        Self::Piped,
        Self::Chained,
    ];

    /// The word it is shown by.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::GpuType => "gpu_type",
            Self::Bioinformatics => "bioinformatics",
            Self::Memory => "memory",
            Self::Cpus => "cpus",
            Self::Tasks => "tasks",
            Self::Piped => "piped",
            Self::Chained => "chained",
        }
    }

    /// The long spellings of flags that say it, without their dashes.
    const fn flags(self) -> &'static [&'static str] {
        match self {
            Self::GpuType => GPU_FLAGS,
            Self::Memory => &["mem", "mem-per-cpu", "memory"],
            Self::Cpus => &["cpus", "cpus-per-task"],
            Self::Tasks => &["ntasks", "ntasks-per-node", "ntasks-per-core", "ntasks-per-socket"],
            Self::Bioinformatics | Self::Piped | Self::Chained => &[],
        }
    }

    fn of_flag(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|aspect| aspect.flags().contains(&name))
    }
}

/// A flag or a subcommand: its place among those of the first program that has one of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    tool: Tool,
    place: u8,
}

/// Something a record can say of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Aspect(Aspect),
    Flag(Place),
    Subcommand(Place),
    /// A program that something else runs: a batch job, a container, a shell on another machine.
    Inside(Tool),
    Runner(Wrapper),
    Data(DataKind),
    Path(PathKind),
    Host(HostType),
    Has(Trait),
}

/// Of a command with more fields, the first are counted.
pub const FIELDS_PER_RECORD_MAX: usize = 24;

/// The first program, and the place there, of every name.
struct Names {
    flags: BTreeMap<&'static str, Place>,
    subcommands: BTreeMap<&'static str, Place>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names { flags: BTreeMap::new(), subcommands: BTreeMap::new() };
    // Thousands of programs share one form: after the first of them it has no new name.
    let mut seen = BTreeSet::new();
    for tool in (0..Tool::COUNT).filter_map(Tool::from_code) {
        if !seen.insert(tool.form_code()) {
            continue;
        }
        for (place, (spellings, _)) in (0_u8..=u8::MAX).zip(tool.flags()) {
            if let Some(name) = long(spellings) {
                names.flags.entry(name).or_insert(Place { tool, place });
            }
        }
        for (place, (name, _)) in (0_u8..=u8::MAX).zip(tool.subcommands()) {
            names.subcommands.entry(name).or_insert(Place { tool, place });
        }
    }
    names
});

/// The first spelling of a flag that is a word; a letter means something else with every program.
fn long(spellings: &'static str) -> Option<&'static str> {
    let bare = spellings.split(',').map(|spelling| spelling.trim_start_matches('-'));
    bare.into_iter().find(|name| name.len() > 2 && name.starts_with(|c: char| c.is_ascii_alphabetic()))
}

impl Field {
    /// All that is said of a command; nothing of a call that ran none.
    #[must_use]
    pub fn of(call: &Observed) -> Vec<Self> {
        let Some(shape) = &call.record.shape else { return Vec::new() };
        let mut fields = Self::of_shape(shape);
        let host = call.record.host;
        fields.extend((host != HostType::Other).then_some(Self::Host(host)));
        fields.sort_unstable();
        fields.dedup();
        fields.truncate(FIELDS_PER_RECORD_MAX);
        fields
    }

    fn of_shape(shape: &Shape) -> Vec<Self> {
        let Shape { category, wrapper, tool, subcommand, flags, data, places, traits, pipes, lists, .. } =
            *shape;
        let mut fields = Vec::new();
        if let Some(tool) = tool {
            fields.extend(flags.places().filter_map(|place| Self::of_flag(tool, place)));
            if let Subcommand::Known(place) = subcommand {
                fields.extend(Self::of_subcommand(tool, place));
            }
            // What is unknown inside is called by the name of what runs it.
            let is_inside =
                wrapper.category() == Some(category) && Wrapper::named(tool.name()) != Some(wrapper);
            if is_inside {
                fields.push(Self::Inside(tool));
                let is_of_life = tool.category() == Category::Genomics;
                fields.extend(is_of_life.then_some(Self::Aspect(Aspect::Bioinformatics)));
            }
        }
        let tells = wrapper != Wrapper::None && wrapper.category() != Some(category);
        fields.extend(tells.then_some(Self::Runner(wrapper)));
        let members = |bits: Bits, count: usize| {
            (0..count).filter(move |code| u8::try_from(*code).is_ok_and(|code| bits.has(code)))
        };
        fields.extend(members(data, DataKind::ALL.len()).map(|code| match DataKind::ALL[code] {
            DataKind::Genomics => Self::Aspect(Aspect::Bioinformatics),
            kind => Self::Data(kind),
        }));
        fields.extend(members(places, PathKind::ALL.len()).map(|code| Self::Path(PathKind::ALL[code])));
        fields.extend(members(traits, Trait::ALL.len()).map(|code| match Trait::ALL[code] {
            Trait::Gpu => Self::Aspect(Aspect::GpuType),
            what => Self::Has(what),
        }));
        fields.extend((pipes > 0).then_some(Self::Aspect(Aspect::Piped)));
        fields.extend((lists > 0).then_some(Self::Aspect(Aspect::Chained)));
        if category == Category::Genomics {
            // All of them are.
            fields.retain(|field| *field != Self::Aspect(Aspect::Bioinformatics));
        }
        fields
    }

    /// The field of a program's flag; `None` for one that is a letter only.
    fn of_flag(tool: Tool, place: u8) -> Option<Self> {
        let (spellings, _) = tool.flags().nth(usize::from(place))?;
        let mut bare = spellings.split(',').map(|spelling| spelling.trim_start_matches('-'));
        if let Some(aspect) = bare.find_map(Aspect::of_flag) {
            return Some(Self::Aspect(aspect));
        }
        NAMES.flags.get(long(spellings)?).copied().map(Self::Flag)
    }

    fn of_subcommand(tool: Tool, place: u8) -> Option<Self> {
        let (name, _) = tool.subcommands().nth(usize::from(place))?;
        NAMES.subcommands.get(name).copied().map(Self::Subcommand)
    }

    /// Its name, of compiled words with `_` between.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Aspect(aspect) => aspect.word().to_owned(),
            Self::Flag(Place { tool, place }) => {
                let spellings = tool.flags().nth(usize::from(place)).map_or("other", |(names, _)| names);
                joined(long(spellings).unwrap_or("other"))
            }
            Self::Subcommand(Place { tool, place }) => {
                joined(tool.subcommands().nth(usize::from(place)).map_or("other", |(name, _)| name))
            }
            Self::Inside(tool) => joined(tool.name()),
            Self::Runner(wrapper) => wrapper.word().to_owned(),
            Self::Data(kind) => format!("{}_data", kind.word()),
            Self::Path(kind) => format!("{}_path", kind.word()),
            Self::Host(host) => format!("{}_host", host.word()),
            Self::Has(what @ (Trait::Input | Trait::Output | Trait::Append | Trait::ErrorOutput)) => {
                format!("{}_redirection", what.word())
            }
            Self::Has(what) => what.word().to_owned(),
        }
    }

    /// How it stands before the name of what has it.
    #[must_use]
    pub fn adjective(self) -> String {
        match self {
            Self::Aspect(Aspect::GpuType) => "gpu".to_owned(),
            other => other.word(),
        }
    }

    /// Its bytes: a kind and three of code.
    pub fn encode(self, bytes: &mut Vec<u8>) {
        let (kind, [low, high], place) = match self {
            Self::Aspect(aspect) => (0, [aspect as u8, 0], 0),
            Self::Flag(Place { tool, place }) => (1, tool.code().to_le_bytes(), place),
            Self::Subcommand(Place { tool, place }) => (2, tool.code().to_le_bytes(), place),
            Self::Inside(tool) => (3, tool.code().to_le_bytes(), 0),
            Self::Runner(wrapper) => (4, [wrapper.code(), 0], 0),
            Self::Data(kind) => (5, [kind.code(), 0], 0),
            Self::Path(kind) => (6, [kind.code(), 0], 0),
            Self::Host(host) => (7, [host.code(), 0], 0),
            Self::Has(what) => (8, [what.code(), 0], 0),
        };
        bytes.extend([kind, low, high, place]);
    }

    /// What [`Self::encode`] has written; `None` for anything else. A name that a program has which stands before
    /// the one it was stored by, in a vocabulary that has grown, is found there.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let (kind, code, place) = (rest.byte()?, rest.u16()?, rest.byte()?);
        let small = u8::try_from(code).ok();
        let field = match kind {
            0 => Self::Aspect(Aspect::ALL.get(usize::from(code)).copied()?),
            1 => return Self::of_flag(Tool::from_code(code)?, place),
            2 => return Self::of_subcommand(Tool::from_code(code)?, place),
            3 => Self::Inside(Tool::from_code(code)?),
            4 => Self::Runner(Wrapper::from_code(small?)?),
            5 => Self::Data(DataKind::from_code(small?)?),
            6 => Self::Path(PathKind::from_code(small?)?),
            7 => Self::Host(HostType::from_code(small?)?),
            8 => Self::Has(Trait::from_code(small?)?),
            _ => return None,
        };
        (place == 0).then_some(field)
    }
}

fn joined(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "_").trim_matches('_').to_owned()
}

/// What the commands of a category are called, and the last word of it.
fn noun(category: Category) -> (&'static str, &'static str) {
    match category {
        Category::SlurmSubmission => ("slurm_job", "job"),
        Category::ContainerExecution => ("container_run", "run"),
        Category::RemoteExecution => ("remote_command", "command"),
        Category::Python => ("python_run", "run"),
        Category::RAnalysis => ("r_run", "run"),
        Category::Genomics => ("genomics_run", "run"),
        Category::Workflow => ("workflow_run", "run"),
        Category::Test => ("test_run", "run"),
        Category::Other => ("other_command", "command"),
        other => (other.word(), other.word()),
    }
}

/// The name of a category, or of a sub-category by the fields that lead to it: `slurm_job`, `gpu_slurm_job`,
/// `bioinformatics_gpu_job`.
#[must_use]
pub fn name(category: Category, path: &[Field]) -> String {
    let (noun, last) = noun(category);
    let noun = if path.len() > 1 { last } else { noun };
    path.iter().rev().map(|field| field.adjective() + "_").collect::<String>() + noun
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::observed::tests::call;

    fn words(line: &str) -> Vec<String> {
        Field::of(&call(line, None, (0, 0))).into_iter().map(Field::word).collect()
    }

    #[test]
    fn spellings_of_the_same_are_one_field() {
        for line in [
            "sbatch --gres=gpu:a100:2 x",
            "sbatch -G 1 x",
            "salloc --gpus-per-node=4",
            "sbatch --gpus 1 --gres=x x",
        ] {
            assert_eq!(words(line), ["gpu_type"], "{line}");
        }
        assert_eq!(words("apptainer run --nv x.sif"), ["gpu_type", "run"]);
        for line in [
            "srun --gres=gpu:1 ./own",
            "srun -G1 -n 4 ./own",
            "srun --gpus 2 -n 1 ./own",
            "salloc --gpus-per-node 1 -C big ./own",
        ] {
            assert_eq!(words(line), ["gpu_type"], "{line}");
        }
        let both = ["gpu_type", "bioinformatics", "blastn"];
        assert_eq!(words("srun --gres=gpu:1 blastn -query x"), both);
        assert_eq!(words("salloc -G 1 srun blastn -query x"), both);
        assert_eq!(words("srun --gres-flags=x blastn --gpus x"), ["bioinformatics", "blastn"]);
        let (one, other) = (words("git push --force"), words("docker push x"));
        assert!(one.contains(&"push".to_owned()) && other.contains(&"push".to_owned()), "{one:?} {other:?}");
        let of = |line| Field::of(&call(line, None, (0, 0)));
        assert!(of("git push").iter().any(|field| of("docker push x").contains(field)), "whoever pushes");
    }

    #[test]
    fn what_runs_inside_is_said() {
        assert_eq!(words("srun blastn -query x"), ["bioinformatics", "blastn"]);
        assert_eq!(words("sbatch run.sh ~/a.fasta"), ["bioinformatics", "script_data", "home_path"]);
        assert_eq!(words("samtools view a.bam | head"), ["piped", "view"], "all of its kind are");
        assert_eq!(words("uv run pytest -x"), ["exitfirst", "package_runner"]);
    }

    #[test]
    fn names_grow_from_the_left() {
        let [gpu, life] = [Aspect::GpuType, Aspect::Bioinformatics].map(Field::Aspect);
        let of = |path: &[Field]| name(Category::SlurmSubmission, path);
        assert_eq!(
            [of(&[]), of(&[gpu]), of(&[gpu, life])],
            ["slurm_job", "gpu_slurm_job", "bioinformatics_gpu_job"]
        );
        assert_eq!(name(Category::VersionControl, &[]), "version_control");
    }

    #[test]
    fn every_field_is_read_as_it_was_written() {
        let places = NAMES.flags.values().copied().map(Field::Flag);
        let places = places.filter(|field| Aspect::of_flag(&field.word().replace('_', "-")).is_none());
        let aspects = Aspect::ALL.iter().copied().map(Field::Aspect);
        let subcommands = NAMES.subcommands.values().copied().map(Field::Subcommand);
        let others = [
            Field::Inside(Tool::named("python").expect("there")),
            Field::Runner(Wrapper::Privilege),
            Field::Data(DataKind::Tabular),
            Field::Path(PathKind::Scratch),
            Field::Host(HostType::LoginNode),
            Field::Has(Trait::Output),
        ];
        for field in aspects.chain(places).chain(subcommands).chain(others) {
            let mut bytes = Vec::new();
            field.encode(&mut bytes);
            let read = Field::decode(&mut Bytes(&bytes));
            // One spelling of a flag may be an aspect's.
            let is_aspect = matches!(read, Some(Field::Aspect(_)));
            assert!(read == Some(field) || is_aspect, "{field:?} {read:?}");
            let is_a_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(!field.word().is_empty() && field.word().chars().all(is_a_word), "{}", field.word());
        }
        assert_eq!(Field::decode(&mut Bytes(&[9, 0, 0, 0])), None);
        assert_eq!(Field::decode(&mut Bytes(&[5, 0, 0, 1])), None);
    }
}
