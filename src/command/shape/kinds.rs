//! What a word that names a file tells: the kind of data and the kind of place, never the name.

use super::{Bits, Category, DataKind, PathKind};

/// Endings, by what they stand for.
const ENDINGS: &[(DataKind, &str)] = &[
    (
        DataKind::Genomics,
        "fastq fq fasta fa fna faa ffn sam bam cram bai crai csi vcf bcf gvcf bed bedgraph bigwig bw gff gff3 \
         gtf gfa maf paf sra fast5 pod5 bim fam pgen pvar psam bgen 2bit nwk newick phy pdb mmcif cif sbml gbk \
         embl stk hmm msa aln tbi loom h5ad bedpe narrowpeak dict",
    ),
    (
        DataKind::Tabular,
        "csv tsv tab xls xlsx ods parquet feather arrow orc avro sav dta sas7bdat psv ndjson jsonl rds rda rdata",
    ),
    (
        DataKind::Image,
        "png jpg jpeg gif bmp tif tiff webp svg ico heic heif avif ppm pgm pbm pnm pam xpm xcf psd raw cr2 nef \
         dng exr hdr tga qoi eps ai dcm nii mrc czi svs ndpi",
    ),
    (
        DataKind::Media,
        "mp3 mp4 wav flac ogg oga ogv opus m4a m4v mkv avi mov webm aac wma wmv flv mpg mpeg srt vtt mid midi",
    ),
    (
        DataKind::Archive,
        "tar tgz tbz tbz2 txz zip gz bz2 xz zst lz lz4 lzma lzo 7z rar z jar war ear deb rpm apk whl gem crate \
         cab iso dmg ar cpio br bgz",
    ),
    (
        DataKind::SourceCode,
        "c h cc cpp cxx hpp hxx hh rs go java kt kts scala swift m mm js mjs cjs jsx ts tsx vue svelte css scss \
         sass less html htm xhtml php cs fs fsx vb f f77 f90 f95 f03 f08 for jl hs lhs ml mli ex exs erl hrl \
         clj cljs lisp el scm rkt lua pas d nim zig v vhd sv cu cl asm s dart groovy proto thrift graphql sql \
         sol tex cmake mk r py pyi pyx rb pl pm y l wgsl glsl",
    ),
    (
        DataKind::Script,
        "sh bash zsh ksh csh tcsh fish ps1 bat cmd awk sed sbatch slurm pbs job lsf sge nf smk wdl cwl",
    ),
    (DataKind::Notebook, "ipynb rmd qmd"),
    (
        DataKind::Document,
        "pdf doc docx odt rtf ppt pptx odp md markdown rst adoc org epub mobi djvu ps tex bib man",
    ),
    (
        DataKind::Config,
        "json json5 jsonc yaml yml toml ini cfg conf config env properties xml plist lock tf tfvars hcl nix \
         service timer desktop rc def reg editorconfig",
    ),
    (DataKind::Database, "db sqlite sqlite3 mdb accdb dump rdb ldb"),
    (
        DataKind::Array,
        "h5 hdf5 hdf nc nc4 zarr npy npz mat pkl pickle pt pth ckpt onnx safetensors gguf grib grb joblib",
    ),
    (DataKind::Log, "log err out"),
    (DataKind::Binary, "o a so dylib dll exe bin obj class pyc wasm elf ko img"),
    (DataKind::Text, "txt text diff patch list lst"),
    (DataKind::ContainerImage, "sif simg sqsh squashfs"),
];

/// An ending that says that something is squeezed, and not what.
const SQUEEZED: &[&str] = &["gz", "bz2", "xz", "zst", "lz4", "bgz", "z", "lzma", "br"];

const PLACES: &[(PathKind, &[&str])] = &[
    (
        PathKind::Scratch,
        &[
            "/scratch",
            "/gscratch",
            "/lscratch",
            "/lustre",
            "/gpfs",
            "/beegfs",
            "/work",
            "/fast",
            "$SCRATCH",
            "$WORK",
        ],
    ),
    (
        PathKind::Shared,
        &[
            "/shared",
            "/data",
            "/project",
            "/projects",
            "/nfs",
            "/mnt",
            "/media",
            "/srv",
            "/groups",
            "/group",
            "/Volumes",
            "/cluster",
            "/appl",
            "/proj",
            "/vol",
        ],
    ),
    (PathKind::Home, &["~", "$HOME", "/home", "/Users", "/root"]),
    (
        PathKind::Temp,
        &["/tmp", "/var/tmp", "/private/tmp", "/dev/shm", "$TMPDIR", "$TMP", "$TEMP", "$LOCAL_SCRATCH"],
    ),
    (
        PathKind::System,
        &[
            "/usr",
            "/etc",
            "/bin",
            "/sbin",
            "/lib",
            "/lib64",
            "/var",
            "/opt",
            "/proc",
            "/sys",
            "/dev",
            "/boot",
            "/run",
            "/System",
            "/Library",
            "/Applications",
            "/snap",
            "/nix",
        ],
    ),
];

/// How the words of a program are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// They name files.
    Files,
    /// They are files, or branches: what has a slash in it need be no path.
    Versioned,
    /// They name hosts, packages, images or resources: only what is a path for sure counts.
    Names,
    /// They are text.
    Text,
}

impl Reading {
    /// Not more than names.
    pub(super) const fn at_most_names(self) -> Self {
        match self {
            Self::Text => Self::Text,
            _ => Self::Names,
        }
    }

    pub(super) const fn of(category: Category) -> Self {
        match category {
            Category::VersionControl => Self::Versioned,
            Category::PackageManagement
            | Category::Network
            | Category::RemoteExecution
            | Category::DataTransfer
            | Category::Container
            | Category::ContainerExecution
            | Category::Cloud
            | Category::Cluster
            | Category::ScmHosting
            | Category::Service
            | Category::Database
            | Category::Environment
            | Category::Communication
            | Category::Security
            | Category::User
            | Category::Documentation
            | Category::Assistant => Self::Names,
            Category::Shell => Self::Text,
            _ => Self::Files,
        }
    }
}

/// Adds what `word`, which nobody quoted, tells.
pub(super) fn read(word: &str, reading: Reading, data: &mut Bits, places: &mut Bits) {
    if reading == Reading::Text || word.is_empty() {
        return;
    }
    let scheme = word.split_once("://").map(|(scheme, _)| scheme);
    // `NAME=value` names no file, and its value may be anything.
    if scheme.unwrap_or(word).contains('=') {
        return;
    }
    if scheme.is_some() {
        places.add(PathKind::Url.code());
        return;
    }
    if !word
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-./~$*?{}+,@:[]%".contains(&byte) || byte > 127)
    {
        return;
    }
    if is_remote(word) {
        places.add(PathKind::Remote.code());
        return;
    }
    let place = place(word, reading);
    places.add_if(place.is_some(), place.map_or(0, PathKind::code));
    if place.is_some() || matches!(reading, Reading::Files | Reading::Versioned) {
        read_ending(word, data);
    }
}

/// Whether a word that nobody quoted is a path, or a file by its ending.
pub(super) fn is_file(word: super::Word<'_>) -> bool {
    let ending = || word.text.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ending)| ending);
    word.quoting == super::Quoting::None
        && (matches!(word.text, "." | "..")
            || word.text.contains('/') && !word.text.contains("//")
            || ending().is_some_and(|ending| kind(&ending.to_ascii_lowercase()).is_some()))
}

/// `host:path`, `user@host:path`.
fn is_remote(word: &str) -> bool {
    word.split_once(':').is_some_and(|(host, path)| {
        !host.is_empty() && !host.contains('/') && (host.contains('@') || path.starts_with(['/', '~', '.']))
    })
}

fn place(word: &str, reading: Reading) -> Option<PathKind> {
    // The longest: `/var/tmp` is in `/var`. Braces of a variable are as good as none.
    let word = &*word.replace(['{', '}'], "");
    let is_in =
        |place: &str| word.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let all = PLACES.iter().flat_map(|(kind, names)| names.iter().map(move |name| (*kind, *name)));
    if let Some((kind, _)) = all.filter(|(_, name)| is_in(name)).max_by_key(|(_, name)| name.len()) {
        return Some(kind);
    }
    let is_project = match reading {
        Reading::Files => word.contains('/') && !word.starts_with(['/', '~', '$']),
        _ => word.starts_with("./") || word.starts_with("../"),
    };
    is_project.then_some(PathKind::Project)
}

fn read_ending(word: &str, data: &mut Bits) {
    let name = word.rsplit('/').next().unwrap_or_default();
    let Some((stem, ending)) = name.rsplit_once('.') else { return };
    let ending = ending.to_ascii_lowercase();
    let kind = kind(&ending);
    data.add_if(kind.is_some(), kind.map_or(0, DataKind::code));
    if SQUEEZED.contains(&&*ending)
        && let Some(inner) =
            stem.rsplit_once('.').and_then(|(_, inner)| self::kind(&inner.to_ascii_lowercase()))
    {
        data.add(inner.code());
    }
}

fn kind(ending: &str) -> Option<DataKind> {
    let has = |endings: &str| endings.split_ascii_whitespace().any(|known| known == ending);
    ENDINGS.iter().find(|(_, endings)| has(endings)).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(word: &str, reading: Reading) -> (Vec<&'static str>, Vec<&'static str>) {
        let (mut data, mut places) = (Bits::default(), Bits::default());
        read(word, reading, &mut data, &mut places);
        let data = DataKind::ALL.iter().filter(|kind| data.has(kind.code())).map(|kind| kind.word());
        let places = PathKind::ALL.iter().filter(|kind| places.has(kind.code())).map(|kind| kind.word());
        (data.collect(), places.collect())
    }

    #[test]
    fn files_tell_their_kind_and_place() {
        let files = |word| told(word, Reading::Files);
        assert_eq!(files("/scratch/u/a.fastq.gz"), (vec!["genomics", "archive"], vec!["scratch"]));
        assert_eq!(files("/var/tmp/x.csv"), (vec!["tabular"], vec!["temp"]));
        assert_eq!(files("/variable/x.csv"), (vec!["tabular"], vec![]));
        assert_eq!(files("${HOME}/x.ipynb"), (vec!["notebook"], vec!["home"]));
        assert_eq!(files("src/main.rs"), (vec!["source_code"], vec!["project"]));
        assert_eq!(files("user@host:/home/x.bam"), (vec![], vec!["remote"]));
        assert_eq!(files("https://example.py/x.bam"), (vec![], vec!["url"]));
        assert_eq!(files("a sentence about x.py"), (vec![], vec![]));
    }

    #[test]
    fn names_are_no_files() {
        let nothing = (vec![], vec![]);
        assert_eq!(told("next.js", Reading::Names), nothing);
        assert_eq!(told("example.pl", Reading::Names), nothing);
        assert_eq!(told("feature/thing", Reading::Versioned), nothing);
        assert_eq!(told("x.py", Reading::Text), nothing);
        assert_eq!(told("./x.py", Reading::Names), (vec!["source_code"], vec!["project"]));
    }
}
