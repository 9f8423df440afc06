//! What the architecture and our habits promise, read off the source: which module may name which,
//! who may touch the world, how large things may grow.

use std::fs;
use std::path::{Path, PathBuf};

/// A module at the top of `src/`, whether it is pure, and the modules it may name.
///
/// The direction is downwards only: main → cli, hook → root, knowledge → doctor → mesh, plan, learn, guard,
/// generation, profile, document, command, crypto → model. Shells reach `sys`; pure modules turn
/// values into values and are tested without a world.
struct Module {
    name: &'static str,
    is_pure: bool,
    may_name: &'static [&'static str],
}

const PURE: bool = true;
const SHELL: bool = false;

#[rustfmt::skip]
const MODULES: &[Module] = &[
    Module { name: "main", is_pure: SHELL, may_name: &["cli", "hook", "sys"] },
    Module { name: "cli", is_pure: SHELL, may_name: &["hook", "root", "remote", "knowledge", "mesh", "doctor", "draft", "plan", "learn", "guard", "generation", "profile", "document", "command", "crypto", "model", "sys"] },
    // The clock is ticking there: what plans and applies has no place on a hook's path.
    Module { name: "hook", is_pure: SHELL, may_name: &["knowledge", "learn", "guard", "command", "crypto", "document", "model", "sys"] },
    Module { name: "root", is_pure: SHELL, may_name: &["plan", "generation", "document", "crypto", "model", "sys"] },
    Module { name: "remote", is_pure: SHELL, may_name: &["profile", "model", "sys"] },
    Module { name: "knowledge", is_pure: SHELL, may_name: &["mesh", "learn", "command", "crypto", "model", "sys"] },
    Module { name: "draft", is_pure: PURE, may_name: &["plan", "profile", "document", "model"] },
    // It judges what lies there by the rules that profiles, documents and plans are held to.
    Module { name: "doctor", is_pure: PURE, may_name: &["plan", "profile", "document", "command", "model"] },
    Module { name: "plan", is_pure: PURE, may_name: &["generation", "document", "model"] },
    // From what a host knows to signed bytes and back: what carries them is another module's.
    Module { name: "mesh", is_pure: PURE, may_name: &["learn", "command", "crypto", "model"] },
    Module { name: "learn", is_pure: PURE, may_name: &["command", "model"] },
    Module { name: "guard", is_pure: PURE, may_name: &["command", "model"] },
    Module { name: "generation", is_pure: PURE, may_name: &["document", "model"] },
    Module { name: "profile", is_pure: PURE, may_name: &["model"] },
    Module { name: "document", is_pure: PURE, may_name: &["model"] },
    Module { name: "command", is_pure: PURE, may_name: &["model"] },
    Module { name: "crypto", is_pure: PURE, may_name: &["model"] },
    Module { name: "model", is_pure: PURE, may_name: &[] },
    Module { name: "sys", is_pure: SHELL, may_name: &[] },
];

/// The only file of a shell that may run what it shells for: everything else in `hook` decides and
/// is pure. (`main` and `NAMES` are in `hook/mod.rs`.)
const HOOK_SHELL: &[&str] = &["src/hook/run.rs", "src/hook/recall.rs", "src/hook/mod.rs"];

/// What only `sys` may name. clippy.toml bans the calls, with the same exception; this also bans
/// the crates below it.
const WORLD: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::os",
    "std::process",
    "std::thread::sleep",
    "SystemTime",
    "Instant",
    "fs_err",
    "rustix",
    "sysinfo",
    "tempfile",
];

/// What of the world may be named outside `sys` all the same.
const HARMLESS: &[&str] = &["std::process::ExitCode"];

/// Files that may be larger than [`FILE_BYTES_MAX`], and why.
const LARGE_FILES: &[(&str, &str)] = &[];

const FILE_BYTES_MAX: usize = 30 * 1024;

/// Measured for the libraries of the architecture. Raising it wants a reason in the commit.
const PACKAGES_MAX: usize = 170;

/// One file of ours.
struct File {
    /// Relative to the project, with `/`.
    name: String,
    text: String,
}

impl File {
    /// The modules it belongs to, outermost first: `src/root/swap.rs` is `["root", "swap"]`.
    fn modules(&self) -> Vec<&str> {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').collect()
    }

    fn is_test(&self) -> bool {
        self.modules().contains(&"tests")
    }

    /// The code, line by line with its number, without comments and without the tests at its end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| *line != "#[cfg(test)]");
        lines.enumerate().map(|(index, line)| (index + 1, without_comment(line)))
    }
}

/// A line up to its comment. Strings with `//` in them are cut short, which hides nothing we look for.
fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the project below `folder`, whatever its kind.
fn files(folder: &str) -> Vec<File> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            let name = entry.file_name();
            // What git does not keep.
            if ["target", ".git", "__pycache__"].iter().any(|kept| name == *kept) {
                continue;
            }
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut paths = Vec::new();
    walk(&project().join(folder), &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(project()).expect("inside").display().to_string();
        File { name, text: String::from_utf8_lossy(&fs::read(&path).expect("readable")).into_owned() }
    };
    paths.into_iter().map(read).collect()
}

/// Every Rust file below `folder`.
fn rust(folder: &str) -> Vec<File> {
    let is_rust = |file: &File| Path::new(&file.name).extension().is_some_and(|e| e == "rs");
    files(folder).into_iter().filter(is_rust).collect()
}

fn rules_of(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|module| module.name == name)
}

/// Panics with all that was found, one a line.
#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n  {}\n", faults.join("\n  "));
}

/// The modules of the crate that a line of code names: `crate::a`, `claude_sync::a`, and every first
/// name in `crate::{a::x, b}`.
fn named_in(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for prefix in ["crate::", "claude_sync::"] {
        for (at, _) in code.match_indices(prefix) {
            let rest = &code[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(first_names(group)),
                None => found.extend(identifier(rest)),
            }
        }
    }
    found
}

fn identifier(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The first names of a brace's members, up to its end.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut is_start) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            c if is_start && !c.is_whitespace() => {
                names.extend(identifier(&group[at..]));
                is_start = false;
            }
            _ => {}
        }
    }
    names
}

#[test]
fn names_in_code_are_found() {
    assert_eq!(named_in("use crate::model::{Key, Want};"), ["model"]);
    assert_eq!(named_in("use crate::{model::{Key, Want}, sys::fs, plan};"), ["model", "sys", "plan"]);
    assert_eq!(named_in("fn f(a: &crate::a::B) -> crate::c::D"), ["a", "c"]);
    assert_eq!(named_in("use claude_sync::{cli, hook};"), ["cli", "hook"]);
    assert!(named_in("use super::Error;").is_empty());
}

#[test]
fn modules_name_only_what_is_below_them() {
    let mut faults = Vec::new();
    for file in rust("src").iter().filter(|file| file.name != "src/lib.rs") {
        let modules = file.modules();
        let Some(module) = rules_of(modules[0]) else {
            faults.push(format!("{}: module `{}` is not in the table of tidy.rs", file.name, modules[0]));
            continue;
        };
        // Tests, too: a module that needs what is above it to be tested is not below it.
        let code = file.text.lines().map(without_comment).collect::<Vec<_>>().join("\n");
        for name in named_in(&code) {
            if name != module.name && !module.may_name.contains(&name.as_str()) {
                faults.push(format!("{}: `{}` may not name `{name}`", file.name, module.name));
            }
        }
    }
    assert_none(&faults);
}

/// `super` could leave a module by the back door.
#[test]
fn super_stays_inside_its_module() {
    let mut faults = Vec::new();
    for file in rust("src") {
        let depth = file.modules().len();
        let way_out = "super::".repeat(depth);
        for (number, line) in file.code().filter(|(_, line)| line.contains(&way_out)) {
            faults.push(format!("{}:{number}: {}", file.name, line.trim()));
        }
    }
    assert_none(&faults);
}

#[test]
fn the_table_has_no_cycle_and_pure_modules_reach_no_shell() {
    let place = |name: &str| MODULES.iter().position(|module| module.name == name).expect("in the table");
    for module in MODULES {
        for name in module.may_name {
            let below = &MODULES[place(name)];
            assert!(
                place(module.name) < place(name),
                "{} is above {name}, so it stands before it",
                module.name
            );
            assert!(!module.is_pure || below.is_pure, "{} is pure, and {name} is a shell", module.name);
        }
    }
}

#[test]
fn only_sys_touches_the_world() {
    let mut faults = Vec::new();
    for file in rust("src").iter().filter(|file| file.modules()[0] != "sys" && !file.is_test()) {
        for (number, line) in file.code() {
            let line = HARMLESS.iter().fold(line.to_owned(), |line, name| line.replace(name, ""));
            for name in WORLD.iter().filter(|name| has_word(&line, name)) {
                faults.push(format!("{}:{number}: `{name}` belongs in src/sys", file.name));
            }
            let is_decision = file.modules()[0] == "hook" && !HOOK_SHELL.contains(&file.name.as_str());
            if is_decision && line.contains("crate::sys") {
                faults.push(format!("{}:{number}: in hook only {HOOK_SHELL:?} may act", file.name));
            }
        }
    }
    assert_none(&faults);
}

/// Whether `text` has `word` with no letter before or after it.
fn has_word(text: &str, word: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        !is_letter(text[..at].chars().next_back()) && !is_letter(text[at + word.len()..].chars().next())
    })
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let files = rust("src").into_iter().chain(rust("tests"));
    let faults: Vec<String> =
        files.filter(|file| !file.text.starts_with("//! ")).map(|file| file.name).collect();
    assert_none(&faults);
}

/// Fields, variants and small functions may speak for themselves; a type says what it is.
#[test]
fn every_type_says_what_it_is() {
    let kinds = ["struct", "enum", "trait", "type"];
    let is_public =
        |line: &str| kinds.iter().any(|kind| line.trim_start().starts_with(&format!("pub {kind} ")));
    let mut faults = Vec::new();
    for file in rust("src") {
        let lines: Vec<&str> = file.text.lines().collect();
        for (number, line) in file.code().filter(|(_, line)| is_public(line)) {
            let above = lines[..number - 1].iter().rev();
            let mut above = above.take_while(|line| !line.is_empty() && !line.ends_with(['{', '}', ';']));
            if !above.any(|line| line.trim_start().starts_with("///")) {
                faults.push(format!("{}:{number}: {}", file.name, line.trim()));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn no_file_grows_out_of_a_readers_head() {
    let mut faults = Vec::new();
    for File { name, text } in rust("src").iter().chain(&rust("tests")) {
        let is_listed = LARGE_FILES.iter().any(|(large, _)| large == name);
        match text.len() > FILE_BYTES_MAX {
            true if !is_listed => faults.push(format!("{name} has {} bytes; split it", text.len())),
            false if is_listed => faults.push(format!("{name} is small again: take it off the list")),
            _ => {}
        }
    }
    assert_none(&faults);
}

#[test]
fn nothing_is_left_to_be_done() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("dbg", "!(")];
    let mut faults = Vec::new();
    for file in ["src", "tests", "profiles", ".ci"].iter().flat_map(|folder| files(folder)) {
        for (index, line) in file.text.lines().enumerate() {
            if words.iter().any(|word| has_word(line, word)) {
                faults.push(format!("{}:{}: {}", file.name, index + 1, line.trim()));
            }
        }
    }
    assert_none(&faults);
}

/// A path of the machine somebody worked on tells about them, and works nowhere else.
#[test]
fn nothing_knows_the_machine_it_was_written_on() {
    let home = std::env::var("HOME").unwrap_or_default();
    let places = [project().to_path_buf(), project().parent().expect("a folder").to_path_buf(), home.into()];
    // Everybody has a folder for temporary files, and may have cloned into it.
    let is_somebodys =
        |path: &Path| path.parent().is_some() && path != std::env::temp_dir() && path != Path::new("/tmp");
    let places: Vec<String> =
        places.iter().filter(|path| is_somebodys(path)).map(|path| format!("{}/", path.display())).collect();
    let mut faults = Vec::new();
    for file in files("") {
        for (index, line) in file.text.lines().enumerate() {
            let tells = |place: &&String| {
                let before = |at: usize| line[..at].chars().next_back();
                line.match_indices(place.as_str())
                    .any(|(at, _)| !before(at).is_some_and(|c| c.is_alphanumeric() || "~.}_-*".contains(c)))
            };
            if let Some(place) = places.iter().find(tells) {
                faults.push(format!("{}:{}: {place}", file.name, index + 1));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_lock_file_stays_below_its_ceiling() {
    let lock = fs::read_to_string(project().join("Cargo.lock")).expect("a lock file");
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    assert!(
        packages <= PACKAGES_MAX,
        "{packages} packages, and {PACKAGES_MAX} are enough: which one is new?"
    );
}

#[test]
fn every_profile_that_ships_plans() {
    let shipped: Vec<String> = files("profiles").into_iter().map(|file| file.name).collect();
    let shipped: Vec<&str> = shipped.iter().filter_map(|name| name.strip_suffix(".toml")).collect();
    assert!(!shipped.is_empty());
    for name in shipped {
        let name = name.trim_start_matches("profiles/");
        let sandbox = crate::sandbox::Sandbox::new();
        let ran = sandbox.cs(&["plan", "--profile", &format!("builtin:{name}")]).ok();
        assert_eq!(ran.err, "", "{name}");
    }
}
