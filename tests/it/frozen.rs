//! What was written once must be read for ever: records of format 1, the numbers that stand for words, and state
//! files of the engine's.
//!
//! `CS_FREEZE=1 cargo test --test it frozen` adds what is new to the files; what stands in them already has to
//! hold first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use claude_sync::command::shape::{
    Category, Complexity, DataKind, ErrorClass, HostType, Outcome, PathKind, Record, Shape, Tool, ToolKind,
    Trait, Wrapper,
};
use sha2::{Digest as _, Sha256};

use crate::sandbox::Sandbox;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/frozen").join(name)
}

fn is_freezing() -> bool {
    std::env::var_os("CS_FREEZE").is_some()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Lines of commands for whose records there are lines in the fixture.
const COMMANDS: &[&str] = &[
    "ls -la",
    "git commit -m 'x' --amend",
    "git stash pop",
    "cargo test --workspace 2>&1 | tail -5",
    "sbatch --gpus 4 --time=1:00 /scratch/u/x.sh",
    "samtools view -b /scratch/u/x.bam > y.bam",
    "python -m pytest -x",
    "docker run --rm -it image sh",
    "curl -sSL https://example.org/x | tar xz",
    "frob --unknown x",
    "./own script.py",
    "cd x && npm run build && npm test",
    "cat <<EOF > x.txt\ny\nEOF",
    "X=1",
    "rsync -avz src/ user@host:/data/x",
    "kubectl -n x get pods",
    "",
];

/// A record for every value of every closed set, and some of real commands.
fn records() -> Vec<Record> {
    let plain = Record {
        tool: ToolKind::Bash,
        outcome: Outcome::Ok,
        error: ErrorClass::Other,
        duration: 7,
        host: HostType::Server,
        day: 20_454,
        shape: None,
    };
    let ls = Shape::of_text("ls");
    let with = |shape: Shape| Record { shape: Some(shape), ..plain };
    let mut records: Vec<Record> = ToolKind::ALL.iter().map(|tool| Record { tool: *tool, ..plain }).collect();
    records.extend(Outcome::ALL.iter().map(|outcome| Record { outcome: *outcome, ..plain }));
    records.extend(ErrorClass::ALL.iter().map(|error| Record {
        outcome: Outcome::Failed,
        error: *error,
        ..plain
    }));
    records.extend(HostType::ALL.iter().map(|host| Record { host: *host, ..plain }));
    records.extend(Category::ALL.iter().map(|category| with(Shape { category: *category, ..ls })));
    records.extend(Wrapper::ALL.iter().map(|wrapper| with(Shape { wrapper: *wrapper, ..ls })));
    records.extend(Complexity::ALL.iter().map(|complexity| with(Shape { complexity: *complexity, ..ls })));
    let bits = |code: u8| {
        let mut bits = claude_sync::command::shape::Bits::default();
        bits.add(code);
        bits
    };
    records.extend(DataKind::ALL.iter().map(|kind| with(Shape { data: bits(kind.code()), ..ls })));
    records.extend(PathKind::ALL.iter().map(|kind| with(Shape { places: bits(kind.code()), ..ls })));
    records.extend(Trait::ALL.iter().map(|kind| with(Shape { traits: bits(kind.code()), ..ls })));
    records.extend(COMMANDS.iter().map(|command| with(Shape::of_text(command))));
    records.dedup();
    records
}

/// Bytes in the fixture, and what they say.
fn lines(name: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(file(name)).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split_once(' ').expect("two parts"))
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

#[test]
fn records_of_format_1_say_what_they_said() {
    let frozen = lines("records-1.txt");
    for (bytes, said) in &frozen {
        let record =
            Record::decode(&from_hex(bytes)).unwrap_or_else(|error| panic!("{bytes}: {error}: {said}"));
        assert_eq!(record.to_json().to_string(), *said, "{bytes}");
        assert_eq!(hex(&record.encode()), *bytes, "{said}");
    }
    let known: BTreeSet<&str> = frozen.iter().map(|(bytes, _)| bytes.as_str()).collect();
    let every: Vec<(String, String)> =
        records().iter().map(|record| (hex(&record.encode()), record.to_json().to_string())).collect();
    let new: Vec<&(String, String)> =
        every.iter().filter(|(bytes, _)| !known.contains(bytes.as_str())).collect();
    println!("{} records frozen, {} are new", frozen.len(), new.len());
    if is_freezing() {
        let mut text =
            "# Records of format 1, and what they say. Lines are added, none is changed.\n".to_owned();
        let all = frozen.iter().chain(new.iter().copied());
        all.for_each(|(bytes, said)| text.push_str(&format!("{bytes} {said}\n")));
        fs::create_dir_all(file("")).expect("a folder");
        fs::write(file("records-1.txt"), text).expect("written");
    } else {
        // What a command comes to may change as shapes learn more; a value that was never frozen may not.
        let sets = every.len() - COMMANDS.len();
        let missing: Vec<_> =
            every[..sets].iter().filter(|(bytes, _)| !known.contains(bytes.as_str())).collect();
        assert!(missing.is_empty(), "not frozen yet: CS_FREEZE=1 cargo test --test it frozen\n{missing:#?}");
        assert!(frozen.len() > 100, "{}", frozen.len());
    }
}

/// The numbers of a program's words: the first so many subcommands and flags, each by its first spelling.
fn digest(tool: Tool, subcommands: usize, flags: usize) -> String {
    let mut hash = Sha256::new();
    for (name, _) in tool.subcommands().take(subcommands) {
        hash.update(format!("{name}\n"));
    }
    hash.update("--\n");
    for (names, _) in tool.flags().take(flags) {
        hash.update(format!("{}\n", names.split(',').next().unwrap_or_default()));
    }
    hex(&hash.finalize()[..8])
}

fn programs(count: usize) -> String {
    let mut hash = Sha256::new();
    let codes = 0..u16::try_from(count).expect("few");
    codes.filter_map(Tool::from_code).for_each(|tool| hash.update(format!("{}\n", tool.name())));
    hex(&hash.finalize()[..8])
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

/// A word is stored as its place: one that moves would make yesterday's records lie.
#[test]
fn words_keep_their_numbers() {
    let frozen = lines("vocabulary-1.txt");
    let mut known: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (what, rest) in &frozen {
        let parts: Vec<&str> = rest.split(' ').collect();
        if what == "programs" {
            let [count, sum] = parts[..] else { panic!("{rest}") };
            assert_eq!(
                programs(number(count)),
                sum,
                "a program moved: new ones go to the end of programs.txt"
            );
            continue;
        }
        let [subcommands, flags] = [number(parts[0]), number(parts[1])];
        for name in &parts[2..] {
            let tool = Tool::named(name).unwrap_or_else(|| panic!("{name} is gone"));
            let now = digest(tool, subcommands, flags);
            assert_eq!(now, *what, "a word of {name} moved: new ones go to the end of its line in forms.txt");
            known.insert((*name).to_owned(), (subcommands, flags));
        }
    }
    let tools: Vec<Tool> = (0..Tool::COUNT).filter_map(Tool::from_code).collect();
    let with_words = tools.iter().filter(|tool| tool.subcommands().len() + tool.flags().len() > 0);
    let mut groups: BTreeMap<(String, usize, usize), Vec<&str>> = BTreeMap::new();
    for tool in with_words {
        let (subcommands, flags) = (tool.subcommands().len(), tool.flags().len());
        groups.entry((digest(*tool, subcommands, flags), subcommands, flags)).or_default().push(tool.name());
    }
    let mut text =
        "# Numbers of words: how many, their digest, and for whom. Made by the test of that name.\n"
            .to_owned();
    text.push_str(&format!("programs {} {}\n", tools.len(), programs(tools.len())));
    for ((sum, subcommands, flags), names) in &groups {
        text.push_str(&format!("{sum} {subcommands} {flags} {}\n", names.join(" ")));
    }
    println!(
        "{} programs, {} with words of their own or shared, in {} groups",
        tools.len(),
        known.len(),
        groups.len()
    );
    if is_freezing() {
        fs::create_dir_all(file("")).expect("a folder");
        fs::write(file("vocabulary-1.txt"), text).expect("written");
    } else {
        let now = fs::read_to_string(file("vocabulary-1.txt")).expect("frozen");
        assert!(now == text, "words are not frozen yet: CS_FREEZE=1 cargo test --test it frozen");
    }
}

/// A root whose user had something before `cs` came.
fn with_seen() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write(
            ".claude/settings.json",
            "{\"theirs\": 1, \"theme\": \"light\", \"permissions\": {\"allow\": [\"Bash(git:*)\"]}, \
             \"env\": {\"MY_TOKEN\": \"sk-ant-0123456789abcdef\"}, \"enabledPlugins\": {\"a@b\": true}, \
             \"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"true\"}]}]}}",
        )
        .write(".claude.json", "{\"mcpServers\": {\"a\": {\"command\": \"true\"}}}")
        .profile("defaults.theme = \"dark\"\n");
    sandbox.apply();
    sandbox
}

/// The state file `NAME-2.json` as this cs writes it is frozen, unless one is; then every frozen format of it.
fn frozen(name: &str, now: &str) -> Vec<String> {
    let newest = file(&format!("{name}-2.json"));
    if is_freezing() && !newest.exists() {
        fs::write(newest, now).expect("written");
    }
    let read = |format: u32| fs::read_to_string(file(&format!("{name}-{format}.json")));
    [1, 2].map(|format| read(format).expect("not frozen yet: CS_FREEZE=1 cargo test --test it frozen")).into()
}

#[test]
fn what_was_seen_is_read_as_it_was_written_first() {
    let sandbox = with_seen();
    let path = ".claude/claude-sync/seen.json";
    let settings = sandbox.read(".claude/settings.json");
    let changed = settings
        .replace("\"theirs\": 1", "\"theirs\": 2")
        .replace("light", "blue")
        .replace("\"Bash(git:*)\"", "\"Bash(git:*)\", \"Bash(ls:*)\"")
        .replace("\"Stop\"", "\"SessionEnd\"");
    let offered = || sandbox.cs(&["capture", "--dry-run", "--all", "--json"]).ok().json();
    for seen in frozen("seen", &sandbox.read(path)) {
        sandbox.write(path, &seen).write(".claude/settings.json", &settings);
        assert_eq!(offered()["captured"], serde_json::json!([]), "all of it was seen");
        assert_eq!(offered()["passed"], serde_json::json!([]));
        sandbox.write(".claude/settings.json", &changed);
        assert_eq!(offered()["captured"].as_array().map(Vec::len), Some(4), "{}", offered());
    }
}

/// A file of a newer format is told and left as it is; the formats of the others are none of its business.
#[test]
fn state_files_of_a_newer_cs_are_left_alone() {
    let sandbox = with_seen();
    fs::create_dir_all(sandbox.path("work/.git")).expect("a folder");
    let project = ["--project", "work", "--profile", "dotfiles/claude-sync.toml"];
    sandbox.cs(&[&["apply", "--yes", "--gitignore"], &project[..]].concat()).ok();
    let newer = "{\"format\": 3, \"something\": \"else\"}";
    let seen = ".claude/claude-sync/seen.json";
    sandbox.write(seen, newer);
    for args in [&["plan"][..], &["capture", "--all", "--yes"]] {
        let told = sandbox.cs(args).code(1);
        assert!(
            told.err.contains("seen.json") && told.err.contains("format 3; this one knows up to 2"),
            "{told}"
        );
        assert!(told.err.contains("Update cs"), "{told}");
    }
    assert_eq!(sandbox.read(seen), newer);
    let added = "work/.claude/claude-sync/gitignore.json";
    sandbox.write(added, newer);
    let before = sandbox.read("work/.gitignore");
    for more in [&[][..], &["--purge"]] {
        let told = sandbox.cs(&[&["uninstall", "--yes", "--project", "work"], more].concat()).code(1);
        assert!(told.err.contains("gitignore.json") && told.err.contains("Nothing was changed"), "{told}");
    }
    assert_eq!((sandbox.read(added).as_str(), sandbox.read("work/.gitignore")), (newer, before));
    assert!(sandbox.cs(&["status", "--project", "work"]).out.contains("generation 1"));
}

#[test]
fn what_was_added_to_a_gitignore_is_read_as_it_was_written_first() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("work/.git")).expect("a folder");
    sandbox.write("work/.gitignore", "target").profile("[hooks.a]\nevent = \"Stop\"\ncommand = \"true\"\n");
    let profile = ["--project", "work", "--profile", "dotfiles/claude-sync.toml"];
    let apply = || sandbox.cs(&[&["apply", "--yes", "--gitignore"], &profile[..]].concat()).ok();
    apply();
    let (path, home) = ("work/.claude/claude-sync/gitignore.json", sandbox.home().display().to_string());
    let ours = sandbox.read("work/.gitignore");
    assert!(ours.starts_with("target\n.claude/"), "{ours}");
    for record in frozen("gitignore", &sandbox.read(path).replace(&home, "HOME")) {
        apply();
        sandbox
            .write(path, record.replace("HOME", &home))
            .write("work/.gitignore", format!("{ours}theirs\n"));
        sandbox.cs(&["uninstall", "--yes", "--project", "work"]).ok();
        assert_eq!(sandbox.read("work/.gitignore"), "target\ntheirs\n");
        assert!(!sandbox.path(path).exists());
    }
}
