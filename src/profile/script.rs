//! Whether a hook's file can be run: its `#!` line, the interpreter, the header of a uv script.

use std::ops::Range;

use super::diagnostic::{Diagnostic, Report, Severity, Source, Spot, named};
use super::installs::{Out, SourceFile};
use super::tree::{self, Table, Value};

/// How executables begin: ELF, and Mach-O in its six spellings.
const MAGIC: [&[u8]; 7] = [
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xba\xbf",
];

/// Whether a file begins like a program, which needs no interpreter.
#[must_use]
pub fn is_program(bytes: &[u8]) -> bool {
    MAGIC.iter().any(|magic| bytes.starts_with(magic))
}

/// Checks a hook's file; findings point into it, or at `at` in the profile.
pub(super) fn check(file: &SourceFile, at: Spot, out: &mut Out<'_>) {
    if is_program(&file.bytes) {
        return;
    }
    let shown = file.path.display().to_string();
    if file.bytes.is_empty() {
        out.report.error(at, format!("the hook {} is empty", named(&shown)));
        return;
    }
    let text = String::from_utf8_lossy(&file.bytes);
    let script = Script { source: Source::new(&shown, &text, None) };
    let Some(first) = text.split_inclusive('\n').next().and_then(|line| line.strip_prefix("#!")) else {
        let finding = script.error(0..first_line(&text), "the hook's first line names no interpreter");
        out.report.push(finding).help("begin it with `#!/bin/sh`, `#!/usr/bin/env python3` or the like");
        return;
    };
    script.interpreter(first, out);
    if let Ok(text) = std::str::from_utf8(&file.bytes) {
        script.header(text, first, out);
    }
}

fn first_line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

struct Script {
    source: Source,
}

impl Script {
    fn error(&self, range: Range<usize>, message: impl Into<String>) -> Diagnostic {
        self.source.at(Severity::Error, range, message)
    }

    /// `shebang` is the first line after `#!`, with its end.
    fn interpreter(&self, shebang: &str, out: &mut Out<'_>) {
        let range = 0..2 + shebang.trim_end().len();
        if shebang.ends_with("\r\n") {
            let finding = self.error(
                range,
                "the `#!` line ends in a carriage return, which becomes part of the interpreter's name",
            );
            out.report.push(finding).help("save the file with Unix line ends");
            return;
        }
        let interpreter = Interpreter::parse(shebang.trim());
        if interpreter.unsplit && out.world.os() == "linux" {
            let finding = self.source.at(
                Severity::Warning,
                range.clone(),
                "Linux hands everything after `env` over as one argument",
            );
            out.report.push(finding).help("write `#!/usr/bin/env -S …`");
        }
        if interpreter.program.is_empty() {
            out.report.push(self.error(range, "the `#!` line names no interpreter"));
        } else if !interpreter.by_env && !interpreter.program.starts_with('/') {
            let finding = self.error(range, format!("{} is no absolute path", named(&interpreter.program)));
            out.report.push(finding).help(format!("write `#!/usr/bin/env {}`", interpreter.program));
        } else if !out.world.program(&interpreter.program) {
            let name = &interpreter.program;
            let finding = self.error(range, format!("the interpreter {} is not installed", named(name)));
            out.report
                .push(finding)
                .help(format!("install it, or declare the hook under [when.\"command({name})\"]"));
        }
    }

    /// The PEP 723 header of scripts that a Python tool runs.
    fn header(&self, text: &str, shebang: &str, out: &mut Out<'_>) {
        let tools = ["uv", "python", "pypy", "pipx", "hatch", "pdm"];
        if !tools.iter().any(|tool| shebang.contains(tool)) {
            return;
        }
        match header_block(text) {
            Ok(None) => {}
            Ok(Some(block)) => self.metadata(text, block, shebang, out),
            Err((range, message)) => {
                out.report.push(self.error(range, message)).help(
                    "the header is `# /// script`, lines that are `#` or start with `# `, then `# ///`",
                );
            }
        }
    }

    fn metadata(&self, text: &str, block: Range<usize>, shebang: &str, out: &mut Out<'_>) {
        // The same offsets as in the script, so that findings point into it.
        let mut report = Report::default();
        let number = report.add(Source::new(&self.source.shown, &blanked(text, block), None));
        let table = tree::parse(number, &mut report);
        if let Some(table) = &table {
            requirements(table, &mut report);
        }
        for finding in report.finish() {
            // The excerpt is the script's line, not the blanked one.
            let source_line = text.lines().nth(finding.line - 1).unwrap_or_default().to_owned();
            out.report.push(Diagnostic { source_line, ..finding });
        }
        let needs = table.as_ref().and_then(|table| table.get("dependencies"));
        if needs.and_then(|entry| entry.node.list()).is_some_and(|list| !list.is_empty())
            && is_bare_python(shebang)
        {
            let range = 0..2 + shebang.trim_end().len();
            let finding = self.source.at(
                Severity::Warning,
                range,
                "the script declares dependencies, and its interpreter does not install them",
            );
            out.report.push(finding).help("write `#!/usr/bin/env -S uv run --script`");
        }
    }
}

fn is_bare_python(shebang: &str) -> bool {
    let program = Interpreter::parse(shebang.trim()).program;
    let name = program.rsplit('/').next().unwrap_or_default();
    name.starts_with("python") || name.starts_with("pypy")
}

/// What a `#!` line runs.
#[derive(Debug, PartialEq, Eq)]
pub struct Interpreter {
    pub program: String,
    /// Looked up on PATH by `env`.
    pub by_env: bool,
    /// `env` with more than one word and without `-S`: only some systems split them.
    pub unsplit: bool,
}

impl Interpreter {
    /// Reads the line after its `#!`.
    #[must_use]
    pub fn parse(shebang: &str) -> Self {
        let mut words = shebang.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        if first.rsplit('/').next() != Some("env") {
            return Self { program: first.to_owned(), by_env: false, unsplit: false };
        }
        let rest: Vec<&str> = words.collect();
        let splits = rest.first().is_some_and(|word| is_split(word));
        let program = env_program(&rest).to_owned();
        Self { program, by_env: true, unsplit: rest.len() > 1 && !splits }
    }
}

/// `-S`, also among other letters (`-vS`) or with the command attached (`-Suv`).
fn is_split(word: &str) -> bool {
    word.starts_with("--split-string")
        || (word.starts_with('-') && !word.starts_with("--") && word.contains('S'))
}

/// The program that `env` starts: after its options and variables.
fn env_program<'w>(words: &[&'w str]) -> &'w str {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if matches!(*word, "-u" | "--unset" | "-C" | "--chdir") {
            words.next();
        } else if let Some(command) = word.strip_prefix("--split-string=") {
            return command;
        } else if is_split(word) {
            let attached = word.split_once('S').map_or("", |(_, rest)| rest);
            if !attached.is_empty() && !word.starts_with("--") && !attached.contains('=') {
                return attached;
            }
        } else if !word.starts_with('-') && !word.contains('=') {
            return word.trim_matches(['"', '\'']);
        }
    }
    ""
}

/// The lines of the one `script` block, per PEP 723; the range excludes its first and last line.
fn header_block(text: &str) -> Result<Option<Range<usize>>, (Range<usize>, String)> {
    let mut lines = Lines { text, at: 0 };
    let mut found: Option<Range<usize>> = None;
    while let Some((range, line)) = lines.next() {
        if line != "# /// script" {
            continue;
        }
        if found.is_some() {
            return Err((range, "a script can have one `script` header only".to_owned()));
        }
        let (block, after) = closed(text, &range, lines.at)?;
        lines.at = after;
        found = Some(block);
    }
    Ok(found)
}

/// The block that was opened at `open` and goes on at `from`, and where the script goes on after it.
/// The last `# ///` before the first line that is no comment closes it.
fn closed(
    text: &str,
    open: &Range<usize>,
    from: usize,
) -> Result<(Range<usize>, usize), (Range<usize>, String)> {
    let mut lines = Lines { text, at: from };
    let mut close = None;
    let mut stopped = None;
    while let Some((range, line)) = lines.next() {
        if line == "# ///" {
            close = Some((range.start, lines.at));
        } else if line != "#" && !line.starts_with("# ") {
            stopped = Some((range, line));
            break;
        }
    }
    match (close, stopped) {
        (Some((end, after)), _) => Ok((from..end, after)),
        (None, Some((range, line))) if line.starts_with('#') => {
            Err((range, "in a `script` header a line is `#` or starts with `# `".to_owned()))
        }
        (None, _) => Err((open.clone(), "the `script` header is not closed by `# ///`".to_owned())),
    }
}

struct Lines<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Iterator for Lines<'t> {
    type Item = (Range<usize>, &'t str);
    fn next(&mut self) -> Option<Self::Item> {
        let line = self.text[self.at..].split_inclusive('\n').next()?;
        let start = self.at;
        self.at += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        Some((start..start + line.len(), line))
    }
}

/// The block's TOML at its own offsets: everything before it, and each line's `#`, made blank.
fn blanked(text: &str, block: Range<usize>) -> String {
    let blank = |c: char| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) };
    let mut toml: String = text[..block.start].chars().map(blank).collect();
    for line in text[block].split_inclusive('\n') {
        toml.push(' ');
        toml.push_str(line.strip_prefix('#').unwrap_or_default());
    }
    toml
}

/// The two keys that the standard gives a type.
fn requirements(table: &Table, report: &mut Report) {
    if let Some(entry) = table.get("requires-python")
        && entry.node.text().is_none()
    {
        let found = entry.node.value.kind();
        report.error(entry.node.at, format!("`requires-python` must be a string, found {found}"));
    }
    let Some(entry) = table.get("dependencies") else { return };
    match &entry.node.value {
        Value::List(items) => {
            for item in items.iter().filter(|item| item.text().is_none()) {
                report.error(
                    item.at,
                    format!("`dependencies` holds strings only, found {}", item.value.kind()),
                );
            }
        }
        other => {
            report.error(
                entry.node.at,
                format!("`dependencies` must be a list of strings, found {}", other.kind()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_lines_name_what_env_starts() {
        for (line, program, unsplit) in [
            ("/usr/bin/env python3", "python3", false),
            ("/usr/bin/env -S uv run --script", "uv", false),
            ("/usr/bin/env -Suv run", "uv", false),
            ("/usr/bin/env -vS uv run", "uv", false),
            ("/usr/bin/env --split-string=uv run", "uv", false),
            ("/usr/bin/env -S A=1 B=2 uv run", "uv", false),
            ("/usr/bin/env A=1 bash", "bash", true),
            ("/usr/bin/env -i bash", "bash", true),
            ("/usr/bin/env -u HOME bash", "bash", true),
            ("/usr/bin/env", "", false),
            ("/bin/sh -e", "/bin/sh", false),
            ("", "", false),
        ] {
            let found = Interpreter::parse(line);
            assert_eq!((found.program.as_str(), found.unsplit), (program, unsplit), "{line}");
        }
    }

    #[test]
    fn the_last_closing_line_of_the_comment_closes_the_header() {
        let text = "#!x\n# /// script\n# a = '''\n# ///\n# '''\n# ///\n#\ncode\n";
        let block = header_block(text).expect("well-formed").expect("there");
        assert_eq!(&text[block], "# a = '''\n# ///\n# '''\n");
    }

    #[test]
    fn malformed_headers_are_located() {
        let wrong =
            |text: &str| header_block(text).map_err(|(range, _)| text[range].to_owned()).expect_err(text);
        assert_eq!(wrong("# /// script\n# a = 1\nimport os\n"), "# /// script");
        assert_eq!(wrong("# /// script\n#a = 1\n# ///\n"), "#a = 1");
        assert_eq!(wrong("# /// script\n# ///\nx\n# /// script\n# ///\n"), "# /// script");
        assert_eq!(header_block("print()\n"), Ok(None));
    }

    #[test]
    fn blanking_keeps_offsets() {
        let text = "ü\n# /// script\n# a = 1\n#\n# ///\n";
        let block = header_block(text).expect("well-formed").expect("there");
        let toml = blanked(text, block);
        assert_eq!(toml.find("a = 1"), text.find("a = 1"));
        assert_eq!(toml.trim(), "a = 1");
    }
}
