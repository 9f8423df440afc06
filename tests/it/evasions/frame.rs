//! What stands around a command: control structure, substitutions, and text before and behind it,
//! broken or not.

use super::Text;
use crate::draw::Draw;

/// Structures in which `@` runs.
const FRAMES: &[&str] = &[
    "true && @",
    "false || @",
    "true; @",
    "@ && true",
    "@ || true",
    "@; echo done",
    "@ &",
    "@ & wait",
    "@ | cat",
    "@ |& tee log",
    "echo x | { cat; @; }",
    "( @ )",
    "{ @; }",
    "( cd /tmp; @ )",
    "if true; then @; fi",
    "if @; then :; fi",
    "if false; then :; else @; fi",
    "if false; then :; elif true; then @; fi",
    "while true; do @; break; done",
    "while @; do break; done",
    "until false; do @; break; done",
    "for i in 1 2; do @; done",
    "for ((i=0; i<1; i++)); do @; done",
    "select x in a; do @; done <<< 1",
    "case x in x) @;; esac",
    "case x in a|b) :;; *) @;; esac",
    "case x in (x) @ ;; esac",
    "f() { @; }; f",
    "f () ( @ ); f",
    "function f { @; }; f",
    "function f() { @; }\nf",
    "f() { @; }; g() { f; }; g",
    "f() { @; }; trap f EXIT",
    "echo \"$( @ )\"",
    "echo $( @ )",
    "x=$( @ )",
    "export X=\"$( @ )\"",
    "local x=$( @ )",
    "x=( $( @ ) )",
    "echo <( @ )",
    "cat < <( @ )",
    "true > >( @ )",
    "echo $(( $( @ ) + 1 ))",
    "echo ${x:-$( @ )}",
    ": ${x:=$( @ )}",
    ": \"${x:+$( @ )}$( @ )\"",
    "[ -n \"$( @ )\" ]",
    "[[ -n $( @ ) ]]",
    "[[ 1 == 1 ]] && @",
    "(( 1 )) && @",
    "case $( @ ) in *) ;; esac",
    "for i in $( @ ); do :; done",
    "test -z x || @",
    "cat <<EOF\n$( @ )\nEOF",
    "cat <<-EOF\n\t$( @ )\n\tEOF",
    "cat <<'EOF' >/dev/null\nx\nEOF\n@",
    "cat <<A <<B\nx\nA\ny\nB\n@",
    "bash <<EOF2\n@\nEOF2",
    "bash <<'EOF3'\n@\nEOF3",
    "cat <<'EOF4' | sh\n@\nEOF4",
    "sh -s <<-'EOF5'\n@\nEOF5",
    "ssh host <<'EOF6'\n@\nEOF6",
    "sudo -u root bash -s <<'EOF7'\n@\nEOF7",
    "source /dev/stdin <<'EOF8'\n@\nEOF8",
    "{ @; } 2>&1 | tee log",
    "{ @; } > /dev/null 2>&1",
    "( @ ) &> /dev/null &",
    "coproc { @; }",
    "coproc N { @; }",
    "time { @; }",
    "! { @; }",
    "cd /tmp && @",
    "pushd /tmp; @; popd",
    "set -e; @",
    "shopt -s extglob; @",
    "sleep 1; @",
    "echo 'it'\"'\"'s' \"fine\"; @",
    "echo a\\;b; @",
    "echo \"a;b|c&d\" 'e;f'; @",
    "git status; ls -la | grep x; @",
    "make && make test && @",
    "echo `date`; @",
    "x=1 y=2; @",
    "a=1; b=$a; c=\"$b\"; @",
    "ls *.{a,b} ?(x) [a-z]*; @",
    "echo ${x//a/b} ${#x} ${x:0:1}; @",
    "printf '%s' \"$*\"; @",
    "exec 3>&1; @",
    "trap '' INT; @",
    "@ # only cleaning up",
    "echo x # comment ' with a quote\n@",
    "# comment\n@",
    ": 'a string\nover lines'; @",
    "ls\\\n -l; @",
    "true &&\n@",
    "true |\n{ @; }",
    "@\n\n",
    "\n\n@",
    "if true\nthen\n@\nfi",
    "for i in 1\ndo\n@\ndone",
    "case x in\nx)\n@\n;;\nesac",
    "while read -r l; do @; done < list",
    "find . | while read f; do @; done",
    "{ { { @; }; }; }",
    "( ( ( @ ) ) )",
    "echo $( echo $( @ ) )",
    "echo \"$( echo \"$( @ )\" )\"",
    "eval \"$( cat <<'EOF9'\n@\nEOF9\n)\"",
    "bash -c \"$( cat <<'EOFA'\n@\nEOFA\n)\"",
    "if [ -d x ]; then echo y; fi; @",
    "[ -f x ] || @",
    "x=$(date) ; @",
    "{ echo a; echo b; } | sort; @",
];

/// Puts the text into a structure.
pub fn frame(text: &mut Text, draw: &mut Draw) -> &'static str {
    if draw.below(12) == 0 && !text.script.contains(['`', '\\', '$', '"', '\'']) {
        text.script = format!("echo `{}`", text.script);
        (text.is_simple, text.is_plain) = (false, false);
        return "backticks";
    }
    loop {
        let form = draw.pick(FRAMES);
        // An unquoted here-document takes out one level of escapes; an end mark ends the first of two.
        let mark = form.split("<<").nth(1).map(|rest| rest.trim_start_matches(['-', '\'']));
        let mark = mark.and_then(|rest| rest.split(['\n', '\'', ' ']).next()).unwrap_or_default();
        let is_open = form.contains("<<EOF");
        let is_taken = !mark.is_empty() && text.script.contains(mark);
        if is_taken || is_open && text.script.contains(['$', '\\', '`']) {
            continue;
        }
        // A here-document or a comment in it ends with a line.
        let has_lines =
            text.script.contains("<<") || text.script.contains('#') || text.script.ends_with('\n');
        let inner = if has_lines { format!("{}\n", text.script) } else { text.script.clone() };
        // `;` behind a line's end, or behind `&`, is an error.
        let is_ended = inner.ends_with('\n') || text.script.trim_end().ends_with('&');
        let form_text =
            if is_ended { form.replace("@;;", "@\n;;").replace("@;", "@\n") } else { form.to_owned() };
        let is_behind =
            form.contains("@ &&") || form.contains("@ ||") || form.contains("@ |") || form.contains("@ &");
        if is_ended && (is_behind || form == "@ # only cleaning up") {
            continue;
        }
        text.script = form_text.replace('@', &inner);
        (text.is_simple, text.is_plain) = (false, false);
        return form;
    }
}

/// Text before the command that does nothing.
pub fn head(text: &mut Text, draw: &mut Draw) -> &'static str {
    let form = draw.pick(&[
        "# ' \" ( $( ` <<EOF\n",
        "echo \"unbalanced ( in quotes\"; ",
        "echo 'a ) b'; ",
        ": \"$HOME\" ${x}; ",
        "export PATH=/x:$PATH\n",
        "set -euo pipefail\n",
        "#!/bin/bash\n",
        "echo é ü 漢字 🎉\n",
        "true \u{a0}; ",
        "\u{feff}\n",
        "\r\n",
        "umask 022 && ",
        "cat <<X\n( ' \" `date` ${y}\nX\n",
        "cat <<'X'\n( ' \" ` $(\nX\n",
        "echo {a,b}{1..9}; ",
        "let x=1; ",
        "((x=1)); ",
        "[[ a =~ ^(b|c)$ ]]; ",
        "echo ${a[1]} ${!b} ${c@Q}; ",
        "y=$((1 << 2)); ",
        "echo \\' \\\" \\( ; ",
        "ulimit -n 1024; ",
        "0<&- ",
        ">/dev/null 2>&1 ",
    ]);
    text.script = match form {
        // A redirection stands before one simple command only.
        "0<&- " | ">/dev/null 2>&1 " if !text.is_simple => text.script.clone(),
        _ => format!("{form}{}", text.script),
    };
    (text.is_simple, text.is_plain) = (false, false);
    form
}

/// Text behind it, in most cases broken: a shell has run the lines before when it finds out.
pub fn tail(text: &mut Text, draw: &mut Draw) -> &'static str {
    let form = draw.pick(&[
        "\n'",
        "\n\"",
        "\n`",
        "\n(",
        "\n)",
        "\n$(",
        "\n$((",
        "\n${x",
        "\n{",
        "\n}",
        "\nif",
        "\nif true; then",
        "\nfi",
        "\nwhile",
        "\ndone",
        "\ncase x in",
        "\nesac",
        "\n;;",
        "\n<<",
        "\ncat <<EOF\nnever ended",
        "\ncat <<'EOF'\n$(",
        "\n&& || |",
        "\n[[",
        "\n((",
        "\necho 'never closed",
        "\necho \"never closed $(",
        "\nfunction",
        "\nf() {",
        "\n\\",
        "\n\u{0}\u{fffd}",
        "\n# fine",
        " ;",
        "\n\n",
        "\r\n",
    ]);
    text.script = format!("{}{form}", text.script);
    (text.is_simple, text.is_plain) = (false, false);
    form
}

/// A command among a great deal of text.
pub fn long(command: &str, bytes: usize) -> Vec<String> {
    let pad = |unit: &str| unit.repeat(bytes / unit.len() + 1);
    vec![
        format!("# {}\n{command}", pad("x")),
        format!("{command} # {}", pad("x ")),
        format!("{}{command}", pad(" ")),
        format!("{}{command}", pad("\n")),
        format!("{command}\n{}", pad("\n")),
        format!(": '{}'; {command}", pad("a b ")),
        format!("echo {}; {command}", pad("word ")),
        format!("echo {} && {command}", pad("'q' ")),
        format!("{}{command}", pad(":;")),
        format!("{command}; {}", pad(":;")),
        format!("cat <<'EOF'\n{}\nEOF\n{command}", pad("line\n")),
        format!("{command}\n'{}", pad("x")),
        format!("{}{command}", pad("\u{3000}\n")),
        format!("x={}; {command}", pad("y")),
    ]
}

/// A command under a great many levels.
pub fn deep(command: &str, levels: usize) -> Vec<String> {
    let pair = |open: &str, close: &str| format!("{}{command}{}", open.repeat(levels), close.repeat(levels));
    vec![
        pair("( ", " )"),
        pair("{ ", "; }"),
        pair("$( ", " )"),
        format!("echo {}", pair("$(", ")")),
        format!("echo {}", pair("\"$(", ")\"")),
        format!("echo {}", pair("${x:-$(", ")}")),
        format!("cat {}", pair("<(", ")")),
        pair("if true; then ", "; fi"),
        pair("while true; do ", "; done"),
        pair("case x in x) ", ";; esac"),
        pair("f() { ", "; }; f"),
        pair("! ", ""),
        pair("sudo ", ""),
        pair("env ", ""),
        pair("eval ", ""),
        pair("nice nohup ", ""),
        pair("sudo env nice ", ""),
        pair("xargs ", ""),
        pair("true && ", ""),
        pair("true | ", ""),
        pair("", "\n("),
        pair("", "\n$(("),
        pair("", "\n{ "),
        pair("", "\n`"),
        pair("", "\n\"$("),
        pair("echo $((", "))"),
        pair("((", ""),
    ]
}
