//! Code of other languages given on the command line (`python -c`, `perl -e`, `awk '…'`): which
//! commands it starts and which paths it removes, as far as calls with literal texts say.

use super::{UNKNOWN, Word};

/// What a piece of code does that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// Starts a shell with this text.
    Shell(String),
    /// Starts a program with these arguments.
    Program(Vec<Word>),
}

/// Functions that start something.
const STARTS: &[&str] = &[
    "system",
    "popen",
    "Popen",
    "run",
    "call",
    "check_call",
    "check_output",
    "getoutput",
    "getstatusoutput",
    "spawn",
    "spawnSync",
    "exec",
    "execSync",
    "execFile",
    "execFileSync",
    "execv",
    "execvp",
    "execl",
    "execlp",
    "execve",
    "posix_spawn",
    "shell_exec",
    "passthru",
    "proc_open",
    "pty",
    "qx",
    "sh",
    "shell",
    "capture2",
    "capture2e",
    "capture3",
    "execute",
    "command",
    "Command",
    "system2",
    "script",
    "spawnl",
    "spawnv",
    "create_subprocess_shell",
    "create_subprocess_exec",
    "getline",
];

/// Functions that remove something, and the command that does the same.
const REMOVES: &[(&str, &[&str])] = &[
    ("rmtree", &["rm", "-rf"]),
    ("rm_rf", &["rm", "-rf"]),
    ("rm_r", &["rm", "-rf"]),
    ("remove_tree", &["rm", "-rf"]),
    ("remove_entry_secure", &["rm", "-rf"]),
    ("remove_dir_all", &["rm", "-rf"]),
    ("removeSync", &["rm", "-rf"]),
    ("rimraf", &["rm", "-rf"]),
    ("rimrafSync", &["rm", "-rf"]),
    ("rmSync", &["rm", "-rf"]),
    ("rmdirSync", &["rm", "-rf"]),
    ("rm", &["rm", "-rf"]),
    ("emptyDirSync", &["rm", "-rf"]),
    ("deltree", &["rm", "-rf"]),
    ("file_delete", &["rm", "-rf"]),
    ("dir_delete", &["rm", "-rf"]),
    ("unlinkSync", &["rm"]),
    ("unlink", &["rm"]),
    ("removedirs", &["rm", "-rf"]),
    ("rmdir", &["rmdir"]),
    ("remove", &["rm"]),
    ("truncateSync", &["truncate", "-s", "0"]),
    ("truncate", &["truncate", "-s", "0"]),
];

/// Functions that write over a file, and the command that does the same.
const WRITES: &[&str] =
    &["writeFileSync", "writeFile", "createWriteStream", "write_text", "write_bytes", "file_put_contents"];

/// Functions that take two paths, and the command that does the same.
const MOVES: &[(&str, &str)] = &[
    ("rename", "mv"),
    ("renameSync", "mv"),
    ("move", "mv"),
    ("copyfile", "cp"),
    ("copy", "cp"),
    ("copy2", "cp"),
    ("copyFileSync", "cp"),
    ("cpSync", "cp"),
    ("mv", "mv"),
];

/// Functions that pass a statement to a database.
const STATEMENTS: &[&str] =
    &["execute", "executescript", "executemany", "query", "raw", "exec", "sql", "unsafe", "prepare", "do"];

/// Functions that empty a store, and the command that does the same.
const EMPTIES: &[(&str, &[&str])] = &[
    ("flushall", &["redis-cli", "flushall"]),
    ("flushdb", &["redis-cli", "flushdb"]),
    ("flushAll", &["redis-cli", "flushall"]),
    ("flushDb", &["redis-cli", "flushdb"]),
    ("drop_database", &["mongosh", "--eval", "db.dropDatabase()"]),
    ("dropDatabase", &["mongosh", "--eval", "db.dropDatabase()"]),
    ("drop_collection", &["mongosh", "--eval", "db.c.drop()"]),
    ("drop_all", &["psql", "-c", "DROP TABLE every"]),
];

/// Names by which code asks where the home folder is.
const HOMES: &[&str] = &["home", "homedir", "environ", "getenv", "env", "ENV", "expanduser"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    /// Text in backticks, which some languages run.
    Ticks(String),
    Mark(char),
}

/// What `code` calls. `has_ticks`: text in backticks is run.
pub(super) fn calls(code: &str, has_ticks: bool) -> Vec<Call> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Ticks(text) if has_ticks => found.push(Call::Shell(text.clone())),
            Token::Name(name) if STARTS.contains(&name.as_str()) => {
                let texts = arguments(&tokens[at + 1..]);
                found.extend(statement(name, &texts));
                if let [one] = texts.as_slice() {
                    found.push(Call::Shell(one.clone()));
                } else if let Some(first) = texts.first() {
                    if first.contains(' ') {
                        found.push(Call::Shell(first.clone()));
                    }
                    found.push(Call::Program(texts.iter().map(Word::plain).collect()));
                }
            }
            Token::Name(name) if is_called(&tokens, at) && EMPTIES.iter().any(|(known, _)| known == name) => {
                let command = EMPTIES.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, c)| *c);
                found.push(Call::Program(command.iter().map(|word| Word::plain(*word)).collect()));
            }
            Token::Name(name) if STATEMENTS.contains(&name.as_str()) => {
                found.extend(statement(name, &arguments(&tokens[at + 1..])));
            }
            Token::Name(name) if is_called(&tokens, at) && (is_write(name) || is_move(name)) => {
                found.extend(written(name, &tokens, at));
            }
            Token::Name(name) => {
                let Some((_, command)) = REMOVES.iter().find(|(known, _)| known == name) else { continue };
                // A name that is only mentioned (`import rmtree`) removes nothing.
                if !matches!(tokens.get(at + 1), Some(Token::Mark('(') | Token::Text(_))) {
                    continue;
                }
                let mut words: Vec<Word> = command.iter().map(|word| Word::plain(*word)).collect();
                let texts = arguments(&tokens[at + 1..]);
                let is_home =
                    named(&tokens[at + 1..], HOMES) && !texts.iter().any(|text| text.starts_with('~'));
                match texts.first().or(before(&tokens, at)).filter(|_| !is_home) {
                    Some(text) => words.push(Word::plain(text)),
                    None => words.push(Word::unknown()),
                }
                found.push(Call::Program(words));
            }
            // `print "…" | "sh"` of awk, `open(F, "|rm -rf /")` of perl.
            Token::Mark('|') => {
                if let Some(Token::Text(text)) = tokens.get(at + 1) {
                    found.push(Call::Shell(text.clone()));
                }
            }
            Token::Text(text) => {
                if let Some(text) = text.strip_prefix('|').filter(|text| !text.starts_with('|')) {
                    found.push(Call::Shell(text.to_owned()));
                }
                // awk: `"cmd" | getline`
                if tokens.get(at + 1) == Some(&Token::Mark('|'))
                    && tokens.get(at + 2) == Some(&Token::Name("getline".to_owned()))
                {
                    found.push(Call::Shell(text.clone()));
                }
            }
            _ => {}
        }
        if found.len() > 64 {
            break;
        }
    }
    found
}

fn is_called(tokens: &[Token], at: usize) -> bool {
    tokens.get(at + 1) == Some(&Token::Mark('('))
}

fn is_write(name: &str) -> bool {
    name == "open" || WRITES.contains(&name)
}

fn is_move(name: &str) -> bool {
    MOVES.iter().any(|(known, _)| *known == name)
}

/// The text that a method is called on: `Path("/etc/hosts").unlink()`.
fn before(tokens: &[Token], at: usize) -> Option<&String> {
    match tokens.get(at.checked_sub(3)?..at)? {
        [Token::Text(text), Token::Mark(')'), Token::Mark('.')] => Some(text),
        _ => None,
    }
}

/// Whether one of `names` is used within the call that begins here.
fn named(tokens: &[Token], names: &[&str]) -> bool {
    let is_end = |token: &&Token| !matches!(token, Token::Mark(';' | '\n'));
    tokens
        .iter()
        .take(16)
        .take_while(is_end)
        .any(|token| matches!(token, Token::Name(name) if names.contains(&name.as_str())))
}

/// A statement for a database among the texts of a call.
fn statement(name: &str, texts: &[String]) -> Option<Call> {
    const FIRST: &[&str] = &["DROP", "DELETE", "TRUNCATE", "UPDATE", "ALTER", "WITH", "BEGIN"];
    let is_statement = |text: &&String| {
        let first = text.split_whitespace().next().unwrap_or_default();
        text.contains(' ') && FIRST.iter().any(|known| first.eq_ignore_ascii_case(known))
    };
    let text = texts.iter().find(is_statement).filter(|_| STATEMENTS.contains(&name))?;
    Some(Call::Program(["psql", "-c", text].into_iter().map(Word::plain).collect()))
}

/// `open(path, "w")`, `writeFileSync(path, …)`, `move(path, path)` as the command that does the same.
fn written(name: &str, tokens: &[Token], at: usize) -> Option<Call> {
    let texts = arguments(&tokens[at + 1..]);
    let program = |words: &[&str]| Some(Call::Program(words.iter().map(|word| Word::plain(*word)).collect()));
    if let Some((_, command)) = MOVES.iter().find(|(known, _)| *known == name) {
        return match texts.as_slice() {
            [from, to] => program(&[command, from, to]),
            _ => None,
        };
    }
    if name != "open" {
        let path = if name.starts_with("write_") { before(tokens, at) } else { texts.first() };
        return program(&["tee", path?]);
    }
    match texts.as_slice() {
        // perl: `open(F, ">/etc/passwd")`, `open(F, ">", "/etc/passwd")`
        [one] if one.starts_with('>') => program(&["tee", one.trim_start_matches(['>', ' '])]),
        [mode, path] if mode.starts_with('>') => program(&["tee", path]),
        [path, mode, ..] if mode.len() <= 3 && mode.contains(['w', '+', 'x']) => program(&["tee", path]),
        [path, mode, ..] if mode.len() <= 3 && mode.contains('a') => program(&["tee", "-a", path]),
        _ => None,
    }
}

/// The texts of one call: up to the parenthesis that closes it, or the statement's end.
fn arguments(tokens: &[Token]) -> Vec<String> {
    let (mut depth, mut texts) = (0_i32, Vec::new());
    for token in tokens.iter().take(64) {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => {
                depth -= 1;
                if depth <= 0 {
                    // `spawn('rm', ['-rf'])` closes a list before the call ends; `rm_rf [..]` ends.
                    return texts;
                }
            }
            Token::Mark(';' | '\n') if depth <= 0 => return texts,
            Token::Text(text) | Token::Ticks(text) => texts.push(text.clone()),
            _ => {}
        }
    }
    texts
}

fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        if tokens.len() > 20_000 {
            break;
        }
        if c.is_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if matches!(c, '"' | '\'' | '`') {
            let (text, after) = literal(rest, c);
            tokens.push(if c == '`' { Token::Ticks(text) } else { Token::Text(text) });
            rest = after;
        } else {
            if !matches!(c, ' ' | '\t' | '\r') {
                tokens.push(Token::Mark(c));
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    tokens
}

/// The literal at the start of `rest`, and what follows it.
fn literal(rest: &str, quote: char) -> (String, &str) {
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let fence = if rest.starts_with(&triple) { triple } else { quote.to_string() };
    let body = &rest[fence.len()..];
    let mut text = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        if body[at..].starts_with(&fence) {
            return (text, &body[at + fence.len()..]);
        }
        if c == '\\' {
            match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, other)) => text.push(other),
                None => {}
            }
        } else if text.len() < 65_536 {
            text.push(if c == UNKNOWN { '?' } else { c });
        }
    }
    (text, "")
}
