//! What particular programs run: shells, searches, `xargs`, git, and other languages.

use super::code::{self, Call};
use super::feed::{self, joined, printed, printed_raw};
use super::peel::options;
use super::state::State;
use super::unfold::{add_inner, apart, apart_for, is_shell};
use super::{FOUND, FOUND_BY_NAME, FOUND_DIR, FOUND_DIR_BY_NAME, Simple, Site, UNKNOWN, Word, base_name};

/// A shell: `-c text`, a script on its input, or nothing of interest.
pub(super) fn shell(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let mut at = 0;
    let mut is_command = false;
    while let Some(word) = args.get(at) {
        let text = word.text.as_str();
        if text == "--" || text == "-" {
            at += 1;
            break;
        }
        if !text.starts_with(['-', '+']) {
            break;
        }
        let is_long = text.starts_with("--");
        is_command |= !is_long && text.starts_with('-') && text.to_ascii_lowercase().contains('c')
            || text == "--command";
        // `-o name`, `--rcfile file`
        let takes = matches!(text, "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file")
            || text.ends_with('o') && !is_long;
        at += if takes { 2 } else { 1 };
    }
    if is_command {
        if let Some(text) = args.get(at) {
            let arguments = if at + 1 < args.len() { &args[at + 1..] } else { &args[..0] };
            if simple.words.len() > 2 && text.text.chars().all(|c| c == UNKNOWN) {
                return;
            }
            // What is in it may be a variable of ours that is put in again.
            apart(state, text, arguments, simple, false);
        }
        return;
    }
    if let Some(file) = args.get(at).filter(|word| word.text != "-s" && word.text != "/dev/stdin") {
        return sourced(state, file, simple);
    }
    fed(state, simple, false);
}

/// What it reads is a script: here, or on another machine.
pub(super) fn fed(state: &mut State, simple: &Simple, is_elsewhere: bool) {
    let text = feed::input(&state.script, simple);
    both(state, text, simple.reads, simple, is_elsewhere);
}

/// Reads a text that is printed, with escapes as they are and as what they stand for.
fn both(
    state: &mut State,
    text: Option<Word>,
    from: Option<(usize, usize)>,
    simple: &Simple,
    is_elsewhere: bool,
) {
    // What the script's own commands read is what is left of it.
    let reads = if from == simple.reads { None } else { simple.reads };
    let simple = &Simple { reads, ..simple.frame() };
    if let Some(text) = text {
        apart(state, &text, &[], simple, is_elsewhere);
    }
    if let Some(text) = from.and_then(|range| printed_raw(&state.script, range)) {
        apart(state, &text, &[], simple, is_elsewhere);
    }
}

/// A file that is read as a script, where its text is known: `. <(echo …)`, `source /dev/stdin <<< …`.
pub(super) fn sourced(state: &mut State, file: &Word, simple: &Simple) {
    let from = match file.holes.as_slice() {
        [hole] if hole == "<(" => simple.inner,
        _ if file.text == "/dev/stdin" || file.text == "-" => simple.reads,
        _ => return,
    };
    let here = simple.here.as_deref().filter(|_| file.holes.is_empty()).cloned();
    let text = here.or_else(|| from.and_then(|range| printed(&state.script, range)));
    both(state, text, from, simple, false);
}

pub(super) fn find(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let is_fd = simple.program().starts_with("fd");
    let found = if is_fd { found_by_fd(args) } else { found(args, "") };
    let is_named = is_by_name(args);
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        let is_dir = match word.text.as_str() {
            "-exec" | "-ok" => false,
            "-x" | "--exec" | "-X" | "--exec-batch" if is_fd => false,
            "-execdir" | "-okdir" => true,
            _ => continue,
        };
        let hole = match (is_dir, is_named) {
            (false, false) => FOUND,
            (false, true) => FOUND_BY_NAME,
            (true, false) => FOUND_DIR,
            (true, true) => FOUND_DIR_BY_NAME,
        };
        let end = args[at..]
            .iter()
            .position(|word| matches!(word.text.as_str(), ";" | "+"))
            .map_or(args.len(), |end| at + end);
        let known = found.as_ref().filter(|_| !is_dir);
        let unknown = Word { holes: vec![hole.to_owned()], ..Word::plain(UNKNOWN) };
        let fill = |word: &Word| with(word, "{}", known.unwrap_or(&unknown));
        let mut words: Vec<Word> = args[at..end].iter().map(fill).collect();
        if is_fd && !args[at..end].iter().any(|word| word.text.contains('{')) {
            words.push(known.unwrap_or(&unknown).clone());
        }
        add_inner(state, simple, words, false);
        at = end;
    }
}

/// Whether a search is for files that its caller could name, or in which nothing is.
fn is_by_name(args: &[Word]) -> bool {
    const TESTS: &str = "|-name|-iname|-path|-ipath|-wholename|-regex|-iregex|-inum|-samefile|-empty|";
    let is_test = |word: &Word| TESTS.contains(&format!("|{}|", word.text));
    args.iter().any(is_test) || args.windows(2).any(|pair| pair[0].text == "-size" && is_zero(&pair[1].text))
}

/// `-size 0`, in whatever unit.
fn is_zero(size: &str) -> bool {
    matches!(size, "0" | "0c" | "0b" | "0k")
}

/// What `fd pattern folder` finds.
fn found_by_fd(args: &[Word]) -> Option<Word> {
    let end = args
        .iter()
        .position(|word| matches!(word.text.as_str(), "-x" | "--exec" | "-X" | "--exec-batch"))
        .unwrap_or(args.len());
    let mut operands = Vec::new();
    let mut at = 0;
    while at < end {
        let next = options(
            args,
            at,
            "etdEcSoj",
            " --extension --type --max-depth --exclude --size --owner --threads ",
        );
        operands.extend(args.get(next).filter(|_| next < end));
        at = next + 1;
    }
    let root = match operands.as_slice() {
        [] | [_] => Word::plain("."),
        [_, root] => (*root).clone(),
        _ => return None,
    };
    found(&[root], "")
}

/// What a search finds, as far as it is known: something at or below the one folder it starts from.
fn found(args: &[Word], below: &str) -> Option<Word> {
    let is_flag =
        |word: &&Word| matches!(word.text.as_str(), "-L" | "-P" | "-H" | "-x" | "-E" | "-X" | "-d" | "-s");
    let is_root = |word: &&Word| !word.text.starts_with(['-', '(', '!', ')']);
    let roots: Vec<&Word> = args.iter().skip_while(is_flag).take_while(is_root).take(2).collect();
    let mut root = match roots.as_slice() {
        [] => Word::plain("."),
        [root] => (*root).clone(),
        _ => return None,
    };
    root.text = format!("{}/{below}{UNKNOWN}", root.text.trim_end_matches('/'));
    root.holes.push(if is_by_name(args) { FOUND_BY_NAME } else { FOUND }.to_owned());
    Some(root)
}

/// What comes out of a search by name, through filters that only leave some of it out.
fn searched(state: &State, simple: &Simple) -> Option<Word> {
    let mut range = simple.reads?;
    for _ in 0..4 {
        let [before] = state.script.commands.get(range.0..range.1)? else { return None };
        match before.program().as_str() {
            "find" | "gfind" if before.folders == simple.folders => {
                return found(before.args(), if is_by_name(before.args()) { "found/" } else { "" });
            }
            "grep" | "sort" | "head" | "tail" | "uniq" | "egrep" => range = before.reads?,
            _ => return None,
        }
    }
    None
}

/// How much a word may grow by what is put in.
const FILLED_BYTES_MAX: usize = 1 << 10;

/// `word` with `value` wherever `mark` stands.
fn with(word: &Word, mark: &str, value: &Word) -> Word {
    if mark.is_empty() || !word.text.contains(mark) {
        return word.clone();
    }
    let count = word.text.matches(mark).count().min(16);
    // What stands for very much text in very many words is not put in.
    let unknown = Word::unknown();
    let value = if count * value.text.len() > FILLED_BYTES_MAX { &unknown } else { value };
    let mut filled = word.clone();
    filled.is_tilde |= value.is_tilde && word.text.starts_with(mark);
    filled.is_glob |= value.is_glob;
    filled.quoted_at = word.quoted_at.or(value.quoted_at.map(|_| word.text.find(mark).unwrap_or(0)));
    filled.text = word.text.replacen(mark, &value.text, 16);
    for _ in 0..count {
        filled.holes.extend(value.holes.iter().cloned());
    }
    filled
}

/// The words that come from a command's input, where they are known.
fn input(state: &State, simple: &Simple) -> Option<Vec<Word>> {
    let text = feed::input(&state.script, simple)?;
    Some(
        text.text
            .split(['\n', '\0'])
            .filter(|line| !line.is_empty())
            .take(16)
            .map(|line| Word { is_tilde: false, ..data(line) })
            .collect(),
    )
}

/// Text as a word, with a nameless hole for each part that is not known.
fn fresh(text: &str) -> Word {
    let count = text.chars().filter(|c| *c == UNKNOWN).count();
    Word { holes: vec![String::new(); count], ..Word::plain(text) }
}

/// A word that came in as data: its text is nobody's subcommand.
fn data(text: &str) -> Word {
    Word { quoted_at: Some(0), ..fresh(text) }
}

pub(super) fn xargs(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let at = options(
        args,
        0,
        "adEILnPsJRS",
        " --arg-file --delimiter --max-args --max-procs --max-chars --max-lines --process-slot-var ",
    );
    let mut mark = String::new();
    for (index, word) in args[..at.min(args.len())].iter().enumerate() {
        let text = word.text.as_str();
        if text == "-I" || text == "-J" {
            mark = args.get(index + 1).map(|word| word.text.clone()).unwrap_or_default();
        } else if let Some(attached) = text.strip_prefix("-I") {
            attached.clone_into(&mut mark);
        } else if text == "-i" || text == "--replace" {
            "{}".clone_into(&mut mark);
        } else if let Some(attached) = text.strip_prefix("--replace=") {
            attached.clone_into(&mut mark);
        }
    }
    let Some(words) = args.get(at..).filter(|words| !words.is_empty()) else { return };
    let lines = input(state, simple);
    let is_known = lines.is_some();
    let lines = lines.unwrap_or_else(|| vec![searched(state, simple).unwrap_or_else(Word::unknown)]);
    if runs_input(words, &mark) {
        // Whatever comes in is run.
        add_inner(state, simple, vec![words[0].clone(), Word::plain("-c"), Word::unknown()], true);
    }
    if mark.is_empty() {
        let mut all = words.to_vec();
        for line in &lines {
            if is_known {
                state
                    .extend(&mut all, line.text.split([' ', '\t']).filter(|word| !word.is_empty()).map(data));
            } else {
                all.push(line.clone());
            }
        }
        return add_inner(state, simple, all, !is_known);
    }
    for (index, line) in lines.iter().take(8).enumerate() {
        let words = words.iter().map(|word| with(word, &mark, line)).collect();
        each(state, index, |state| add_inner(state, simple, words, !is_known));
    }
}

/// Adds the command for one of many words: the first stands for all.
fn each(state: &mut State, index: usize, add: impl FnOnce(&mut State)) {
    if index == 0 { add(state) } else { state.aside(add) }
}

/// Whether `words` is a shell whose script is what is put in for `mark`.
fn runs_input(words: &[Word], mark: &str) -> bool {
    let at = options(words, 1, "", "");
    is_shell(&base_name(&words[0].text))
        && words[1..at.min(words.len())]
            .iter()
            .any(|word| !word.text.starts_with("--") && word.text.ends_with('c'))
        && words.get(at).is_none_or(|word| !mark.is_empty() && word.text.trim() == mark)
}

pub(super) fn parallel(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let at = options(
        args,
        0,
        "jSIaNnLsCdPE",
        " --jobs --sshlogin --arg-file --colsep --delay --joblog --results --max-args --max-procs --tmpdir --workdir --timeout --retries --memfree --load --nice ",
    );
    let Some(rest) = args.get(at..) else { return };
    let takes_none = args[..at].iter().any(|word| matches!(word.text.as_str(), "-N0" | "-n0"));
    let is_list = |word: &Word| word.text.starts_with(":::");
    let end = rest.iter().position(is_list).unwrap_or(rest.len());
    let lists: Vec<&[Word]> = rest[end..].split(is_list).skip(1).take(4).collect();
    let template = &rest[..end];
    let mut combinations: Vec<Vec<Word>> = Vec::new();
    if lists.is_empty() {
        let lines = input(state, simple).unwrap_or_else(|| vec![Word::unknown()]);
        combinations.extend(lines.into_iter().map(|line| vec![line]));
    } else {
        combinations.push(Vec::new());
        for list in lists {
            let grown = combinations.iter().flat_map(|head| {
                list.iter().take(8).map(move |word| [head.clone(), vec![word.clone()]].concat())
            });
            combinations = grown.take(32).collect();
        }
    }
    let site = args[..at.min(args.len())]
        .iter()
        .any(|word| word.text.starts_with("-S") || word.text.starts_with("--sshlogin"));
    let simple = &Simple { site: if site { Site::Elsewhere } else { simple.site }, ..simple.frame() };
    if let Some(first) = template.first()
        && runs_input(template, "{}")
        && end == rest.len()
    {
        add_inner(state, simple, vec![first.clone(), Word::plain("-c"), Word::unknown()], true);
    }
    for (index, values) in combinations.into_iter().enumerate() {
        if template.is_empty() {
            // Each argument is a command line.
            for value in &values {
                apart(state, value, &[], simple, false);
            }
            continue;
        }
        let has_mark =
            takes_none || template.iter().any(|word| word.text.contains('{') && word.text.contains('}'));
        let mut words: Vec<Word> = template
            .iter()
            .map(|word| {
                let mut word = with(word, "{}", &values[0]);
                for (index, value) in values.iter().enumerate() {
                    word = with(&word, &format!("{{{}}}", index + 1), value);
                }
                word
            })
            .collect();
        if !has_mark {
            words.extend(values);
        }
        // It is a shell that reads the line: one word may hold several.
        each(state, index, |state| {
            if let [one] = words.as_slice() {
                apart(state, one, &[], simple, false);
            } else {
                let is_fed = words.iter().any(|word| word.text.chars().all(|c| c == UNKNOWN));
                add_inner(state, simple, words, is_fed);
            }
        });
    }
}

/// Commands that git is told to run: aliases given with `-c`, `bisect run`, `submodule foreach`.
pub(super) fn git(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let mut names: Vec<(String, String)> = Vec::new();
    for (at, word) in args.iter().enumerate() {
        let setting = if word.text == "-c" {
            args.get(at + 1).map(|word| word.text.as_str())
        } else {
            word.text.strip_prefix("-c")
        };
        let Some((name, value)) = setting.and_then(|setting| setting.split_once('=')) else { continue };
        let name = name.to_ascii_lowercase();
        if let Some(alias) = name.strip_prefix("alias.") {
            names.push((alias.to_owned(), value.to_owned()));
        } else if [
            "core.sshcommand",
            "core.pager",
            "core.editor",
            "core.fsmonitor",
            "sequence.editor",
            "diff.external",
            "core.askpass",
        ]
        .contains(&name.as_str())
        {
            apart(state, &Word::plain(value), &[], simple, false);
        }
    }
    for (name, value) in names {
        let Some(at) = args.iter().position(|word| word.text == name) else { continue };
        let rest = joined(&args[at + 1..]);
        let text = match value.strip_prefix('!') {
            Some(shell) => format!("{shell} {}", rest.text),
            None => format!("git {value} {}", rest.text),
        };
        apart(state, &Word::plain(text), &[], simple, false);
    }
    let at = |first: &str| args.iter().position(|word| word.text == first);
    aliased(state, simple);
    if let Some(at) = at("foreach").filter(|_| args.iter().any(|word| word.text == "submodule")) {
        let from = options(args, at + 1, "", "").min(args.len());
        apart(state, &joined(&args[from..]), &[], simple, false);
    }
    if let Some(at) = at("run").filter(|_| args.iter().any(|word| word.text == "bisect")) {
        add_inner(state, simple, args[at + 1..].to_vec(), false);
    }
    for (index, word) in args.iter().enumerate() {
        if matches!(word.text.as_str(), "--exec" | "-x")
            && args.iter().any(|word| word.text == "rebase")
            && let Some(text) = args.get(index + 1)
        {
            apart(state, text, &[], simple, false);
        }
    }
}

/// An alias that the same text has set: `git config alias.x '!…' && git x`.
fn aliased(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let verb_at = options(args, 0, "Cc", " --git-dir --work-tree --namespace ");
    let Some(verb) = args.get(verb_at) else { return };
    if verb.text == "config" {
        for pair in args[verb_at..].windows(2) {
            if let Some(name) = pair[0].text.strip_prefix("alias.") {
                state.alias(&format!("git {name}"), &pair[1].text);
            }
        }
        return;
    }
    let Some(value) = state.take_alias(&format!("git {}", verb.text)) else { return };
    let rest = joined(&args[verb_at + 1..]).text;
    let text = match value.strip_prefix('!') {
        Some(shell) => format!("{shell} {rest}"),
        None => format!("git {value} {rest}"),
    };
    apart(state, &Word::plain(text), &[], simple, false);
}

/// A tool of the project's that a package manager starts by its bare name: `yarn prisma migrate reset`.
pub(super) fn local_tool(state: &mut State, simple: &Simple) {
    const OWN: &str = "|add|remove|rm|un|uninstall|unlink|install|i|ci|link|exec|dlx|x|create|init|config|cache|env|info|ls|list|node-|update|up|upgrade|test|start|run|publish|pack|audit|why|version|global|workspace|workspaces|set|login|logout|store|patch|";
    let args = simple.args();
    let at = options(args, 0, "C", " --cwd --dir --filter --prefix ");
    if args.get(at).is_some_and(|verb| !OWN.contains(&format!("|{}|", verb.text))) {
        add_inner(state, simple, args[at..].to_vec(), false);
    }
}

/// What PowerShell is given: all words behind `-Command`, however that is shortened.
pub(super) fn powershell(state: &mut State, program: &str, simple: &Simple) {
    let is_command = |word: &Word| {
        let name = word.text.to_ascii_lowercase();
        name.len() >= 2 && ("-command".starts_with(&name) || name == "/c" || name == "/command")
    };
    let args = simple.args();
    let Some(at) = args.iter().position(is_command) else { return };
    apart_for(state, program, &joined(&args[at + 1..]), simple);
}

/// Which option of a language's program carries code; an empty one: the first operand does.
const LANGUAGES: &[(&str, &str, bool)] = &[
    ("python", "c", false),
    ("pypy", "c", false),
    ("ipython", "c", false),
    ("perl", "eE", true),
    ("ruby", "e", true),
    ("node", "ep", false),
    ("nodejs", "ep", false),
    ("bun", "ep", false),
    ("deno", "e", false),
    ("php", "rBRE", true),
    ("lua", "e", false),
    ("luajit", "e", false),
    ("rscript", "e", false),
    ("r", "e", false),
    ("julia", "eE", true),
    ("groovy", "e", false),
    ("scala", "e", false),
    ("osascript", "e", false),
    ("tclsh", "c", false),
    ("awk", "", false),
    ("gawk", "", false),
    ("mawk", "", false),
    ("nawk", "", false),
];

pub(super) fn language(state: &mut State, program: &str, simple: &Simple) {
    let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let Some((_, letters, has_ticks)) = LANGUAGES.iter().find(|(name, ..)| *name == bare) else { return };
    let args = simple.args();
    if bare == "python" || bare == "pypy" {
        // `python -m pip …` is pip.
        let at = options(args, 0, "XW", "");
        let module = (0..at.min(args.len())).find(|at| args[*at].text == "-m");
        if let Some(at) = module {
            return add_inner(state, simple, args[at + 1..].to_vec(), false);
        }
    }
    let mut codes: Vec<Word> = Vec::new();
    if letters.is_empty() {
        let at = options(args, 0, "vFfi", " --assign --field-separator --file ");
        codes.extend(args.get(at).cloned());
    }
    for (at, word) in args.iter().enumerate() {
        let text = word.text.as_str();
        let is_long = matches!(text, "--eval" | "--print" | "eval" | "--run");
        let cluster = text.strip_prefix('-').filter(|rest| !rest.starts_with('-') && !letters.is_empty());
        if is_long || cluster.is_some_and(|rest| rest.ends_with(|c| letters.contains(c)) && rest.len() <= 8) {
            codes.extend(args.get(at + 1).cloned());
        } else if let Some(rest) = cluster.filter(|rest| {
            rest.len() > 1 && letters.contains(&rest[..rest.chars().next().map_or(0, char::len_utf8)])
        }) {
            codes.push(Word::plain(&rest[1..]));
        } else if let Some(code) = text.strip_prefix("--eval=") {
            codes.push(Word::plain(code));
        }
    }
    let is_input = args.iter().all(|word| word.text == "-" || word.text.starts_with('-'));
    if codes.is_empty() && is_input {
        codes.extend(feed::input(&state.script, simple));
    }
    state.aside(|state| of_code(state, simple, &codes, !letters.is_empty(), *has_ticks));
}

/// What code in another language runs.
fn of_code(state: &mut State, simple: &Simple, codes: &[Word], may_be_shell: bool, has_ticks: bool) {
    for code in codes.iter().take(4) {
        for call in code::calls(&code.text, has_ticks) {
            match call {
                Call::Shell(text) => apart(state, &fresh(&text), &[], simple, false),
                Call::Program(words) => {
                    add_inner(
                        state,
                        simple,
                        words
                            .into_iter()
                            .map(|word| Word { is_tilde: word.text.starts_with('~'), ..fresh(&word.text) })
                            .collect(),
                        false,
                    );
                }
            }
        }
        // A shell's text given to the wrong program is meant for a shell all the same.
        if may_be_shell && !code.text.contains(['(', '=', ';', '{']) {
            apart(state, code, &[], simple, false);
        }
    }
}
