//! Code that came over the network or can't be read, and shells given away.

use super::table::{Call, is_in};
use super::{Context, Found, Rule, ask, deny};
use crate::command::{RedirectKind, Simple, UNKNOWN, Word};

static DOWNLOADED: Rule = ask(
    "remote-code/run-download",
    "this machine: whoever owns the server, or the line to it, runs what they like on it",
    "download it to a file, read it, then run that file",
);
static HIDDEN: Rule = ask(
    "remote-code/run-hidden",
    "this machine: what runs was decoded on the way, so nobody has read it",
    "decode it to a file, read it, then run that file",
);
static INPUT: Rule = ask(
    "remote-code/run-input",
    "this machine: whatever comes in is run as a command",
    "pass it as an argument: `sh -c '… \"$1\"' sh VALUE`",
);
static SHELL: Rule = ask(
    "remote-code/give-shell",
    "this machine: someone on the network gets a shell on it",
    "use ssh with a key",
);
/// Also for a function that starts itself twice.
pub(super) static BOMB: Rule = deny(
    "remote-code/fork-bomb",
    "every running program: processes multiply until nothing works",
    "there is no use for it",
);

/// Programs that fetch.
pub(super) const FETCHERS: &str = "curl|wget|fetch|aria2c|http|https|xh|httpie|lynx|w3m|links|ftp|tftp|scp|gh|glab|aws|gsutil|nc|ncat|netcat|socat|telnet|ssh|iwr|irm|invoke-webrequest|invoke-restmethod|curlie|wget2|axel|ipfs|dig|nslookup|host";

/// Programs that make something readable of something that isn't.
const DECODERS: &str = "base64|base32|basenc|xxd|openssl|uudecode|gpg|rev|tr|gunzip|zcat|bzcat|xzcat|unxz|gzip|bunzip2|zstdcat|unzip|hexdump|od|uncompress|funzip|brotli|lz4|tac|ascii2uni|iconv";

const INTERPRETERS: &str = "python|python2|python3|perl|ruby|node|php|lua|osascript|pwsh|powershell|deno|bun|rscript|tclsh|iex|invoke-expression|make|psql-";

fn is_shell(name: &str) -> bool {
    is_in("sh|bash|zsh|dash|ksh|mksh|fish|ash|csh|tcsh|pwsh|powershell|nu|xonsh", name)
}

pub(super) fn find(call: &Call, context: &Context) -> Option<Found> {
    let program = call.program.as_str();
    if let Some(found) = given_shell(call) {
        return Some(found);
    }
    if let Some(found) = code(call, context).or_else(|| fetched_program(call)) {
        return Some(found);
    }
    if program.contains(UNKNOWN) {
        // `$(curl …)` in the place of a command.
        return call.simple.words[0]
            .holes
            .iter()
            .any(|hole| hole == "$(")
            .then(|| source(call.simple.inner, context))
            .flatten();
    }
    let runs_text = is_shell(program) || is_in(INTERPRETERS, program) || is_in("eval|source|.", program);
    if !runs_text {
        let is_path = call.simple.words.first().is_some_and(|word| word.text.contains('/'));
        return is_path.then(|| downloaded_before(call, call.simple.words.first(), context)).flatten();
    }
    if call.simple.is_fed
        && is_shell(program)
        && call.simple.args().iter().any(|word| word.text.chars().all(|c| c == UNKNOWN))
        && call.simple.words.len() == 3
        && call.options().iter().any(|option| option.contains('c'))
    {
        return Some(INPUT.on(call.text()));
    }
    let args = call.simple.args();
    let words = args.iter().chain(call.simple.here.as_deref());
    let is_substituted = words.flat_map(|word| &word.holes).any(|hole| matches!(hole.as_str(), "$(" | "<("));
    // With a script of its own a shell doesn't run its input.
    let reads_input = match is_shell(program) {
        true => {
            let flags_only =
                args.iter().all(|word| word.text.starts_with(['-', '+']) || word.text == "/dev/stdin");
            let takes_input = args.iter().any(|word| matches!(word.text.as_str(), "-s" | "-" | "/dev/stdin"));
            (flags_only || takes_input)
                && !args.iter().any(|word| {
                    word.text == "--version" || word.text == "--help" || word.text.starts_with("-c")
                })
        }
        false => {
            let is_source = is_in("source|.", program) && !args.is_empty();
            (is_in(INTERPRETERS, program) && program != "make" || is_source)
                && args.iter().all(|word| word.text == "-" || word.text == "/dev/stdin")
        }
    };
    if is_substituted || reads_input {
        let substituted = source(call.simple.inner.filter(|_| is_substituted), context);
        return substituted.or_else(|| source(call.simple.reads.filter(|_| reads_input), context));
    }
    let script = call.simple.args().iter().find(|word| !word.text.starts_with('-'));
    downloaded_before(call, script, context)
}

/// Code on the command line that runs what it fetches or decodes, or never stops multiplying.
fn code(call: &Call, context: &Context) -> Option<Found> {
    const RUNS: &[&str] = &[
        "exec(",
        "eval(",
        "eval ",
        "system(",
        "popen(",
        "Function(",
        "compile(",
        "iex",
        "invoke-expression",
    ];
    const FETCHES: &[&str] = &[
        "urlopen",
        "urlretrieve",
        "requests.get",
        "http.get",
        "https.get",
        "fetch(",
        "open-uri",
        "uri.open",
        "lwp",
        "file_get_contents('http",
        "file_get_contents(\"http",
        "curl ",
        "wget ",
        "downloadstring",
        "invoke-webrequest",
        "invoke-restmethod",
        "iwr ",
        "irm ",
        "webclient",
    ];
    const DECODES: &[&str] = &[
        "b64decode",
        "decode_base64",
        "base64_decode",
        "'base64'",
        "\"base64\"",
        "atob(",
        "fromhex",
        "unhexlify",
        "unpack(",
        "unpack1(",
        "rot13",
        "decompress(",
        "marshal.loads",
        "frombase64string",
        "fromcharcode",
        "gzinflate",
        "hex2bin",
    ];
    if !is_in(INTERPRETERS, call.program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')) {
        return None;
    }
    let is_powershell = call.is("pwsh|powershell");
    if is_powershell && call.options().iter().any(|option| option.to_ascii_lowercase().starts_with("-enc")) {
        return Some(HIDDEN.on(call.text()));
    }
    let mut texts: Vec<String> = match is_powershell {
        true => vec![call.simple.args().iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")],
        false => call.simple.args().iter().map(|word| word.text.clone()).collect(),
    };
    texts.extend(context.script.input(call.simple).map(|word| word.text));
    texts.iter().filter(|text| text.contains(['(', ' '])).find_map(|text| {
        let text = text.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(&word.to_ascii_lowercase()));
        if has(RUNS) && has(FETCHES) {
            return Some(DOWNLOADED.on(call.text()));
        }
        if has(RUNS) && has(DECODES) {
            return Some(HIDDEN.on(call.text()));
        }
        let is_loop = has(&["while", "for(;;)", "loop"]);
        (text.contains("fork") && is_loop && text.len() < 120).then(|| BOMB.on(call.text()))
    })
}

/// Runners that take an address for a program.
fn fetched_program(call: &Call) -> Option<Found> {
    let is_address = |word: &&&Word| word.text.starts_with("https://") || word.text.starts_with("http://");
    let runs = match call.program.as_str() {
        "deno" => call.operand(0) == "run" || is_address(&&call.operands().first().copied()?),
        _ => false,
    };
    (runs && call.operands().iter().any(|word| is_address(&word))).then(|| DOWNLOADED.on(call.text()))
}

/// Where the text comes from that is run.
fn source(start: Option<(usize, usize)>, context: &Context) -> Option<Found> {
    let (mut range, mut rounds) = (start?, 0);
    let mut is_hidden = false;
    loop {
        let commands = context.script.commands.get(range.0..range.1.min(context.script.commands.len()))?;
        let mut next = None;
        for command in commands {
            let program = command.program();
            if is_in(FETCHERS, &program) && !is_local(command) {
                return Some(DOWNLOADED.on(program));
            }
            is_hidden |= is_in(DECODERS, &program) || prints_by_code(command, &program);
            next = next.or(command.sources().filter(|before| before.1 <= range.0));
        }
        rounds += 1;
        match next {
            Some(before) if rounds < 32 => range = before,
            _ => return is_hidden.then(|| HIDDEN.on("decoded text")),
        }
    }
}

/// A language that is told to print what is then run.
fn prints_by_code(command: &Simple, program: &str) -> bool {
    let is_code = |word: &Word| matches!(word.text.as_str(), "-c" | "-e" | "-E" | "-r" | "-p" | "--eval");
    is_in("python|python3|perl|ruby|node|php|lua", program) && command.args().iter().any(is_code)
}

/// What these only ask of this machine.
fn is_local(command: &Simple) -> bool {
    let first = command.args().first().map_or("", |word| word.text.as_str());
    match command.program().as_str() {
        "gh" | "glab" => first == "completion" || first == "auth",
        "aws" | "gsutil" => first != "s3" && first != "cp" && first != "cat",
        "host" | "dig" | "nslookup" => false,
        "curl" | "wget" => {
            command.args().iter().any(|word| word.text.starts_with("file://") || word.text == "--version")
        }
        _ => false,
    }
}

/// `curl -o x …; sh x`: the file is one that was fetched on the same line.
fn downloaded_before(call: &Call, script: Option<&Word>, context: &Context) -> Option<Found> {
    let name = script?.text.rsplit('/').next().filter(|name| !name.is_empty())?;
    let is_target = |command: &Simple| {
        if !is_in("curl|wget|aria2c|fetch", &command.program()) {
            return false;
        }
        let is_name = |text: &str| text.rsplit('/').next() == Some(name);
        command.args().iter().any(|word| {
            is_name(word.text.trim_start_matches("-o"))
                || is_name(word.text.split('?').next().unwrap_or_default())
        }) || command
            .redirects
            .iter()
            .any(|redirect| redirect.kind == RedirectKind::Write && is_name(&redirect.target.text))
    };
    context.script.commands.iter().any(is_target).then(|| DOWNLOADED.on(call.text()))
}

/// Shells whose ends are on the network.
fn given_shell(call: &Call) -> Option<Found> {
    let on_network = |text: &str| text.starts_with("/dev/tcp/") || text.starts_with("/dev/udp/");
    let is_connected = call.simple.redirects.iter().any(|redirect| on_network(&redirect.target.text));
    if is_connected && (is_shell(&call.program) || call.is("exec")) {
        return Some(SHELL.on(call.text()));
    }
    let args = call.simple.args();
    match call.program.as_str() {
        "nc" | "ncat" | "netcat" | "nc.traditional" => {
            let gives = args.iter().any(|word| {
                let text = word.text.as_str();
                let is_cluster = !text.starts_with("--")
                    && text.starts_with('-')
                    && text.len() <= 6
                    && text.contains(['e', 'c'])
                    && text != "-c-";
                is_cluster
                    || text.starts_with("--exec")
                    || text.starts_with("--sh-exec")
                    || text.starts_with("--lua-exec")
            });
            gives.then(|| SHELL.on(call.text()))
        }
        "socat" => args
            .iter()
            .any(|word| {
                let text = word.text.to_ascii_uppercase();
                text.contains("EXEC:") || text.contains("SYSTEM:") || text.contains("SHELL:")
            })
            .then(|| SHELL.on(call.text())),
        "python" | "python3" | "perl" | "ruby" | "php" | "node" | "lua" => {
            let is_pipe = |text: &str| {
                let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
                has(&["socket", "Socket", "fsockopen", "net.connect"])
                    && has(&["/bin/sh", "/bin/bash", "pty.spawn", "cmd.exe", "dup2"])
            };
            args.iter().any(|word| is_pipe(&word.text)).then(|| SHELL.on(call.text()))
        }
        _ if is_shell(&call.program) && args.iter().any(|word| word.text == "-i") => {
            // `mkfifo p; nc host port < p | sh -i > p`
            let range = call.simple.reads?;
            let commands = context_free(call, range);
            commands.then(|| SHELL.on(call.text()))
        }
        _ => None,
    }
}

/// An interactive shell that reads a pipe has somebody else at its other end.
fn context_free(call: &Call, range: (usize, usize)) -> bool {
    range.1 > range.0 && call.simple.here.is_none()
}
