//! Programs that run what they are given, and texts that are decoded on the way to a shell.

#![expect(clippy::format_collect, reason = "a few letters")]

use base64::Engine as _;

use super::{Text, quoted};
use crate::draw::Draw;

/// What stands before a simple command and runs it.
const BEFORE: &[&str] = &[
    "sudo",
    "sudo -n -u root",
    "sudo -E -H --",
    "sudo --user=root",
    "doas -u root",
    "pkexec",
    "env -i",
    "env A=b C=d",
    "env -u HOME",
    "/usr/bin/env",
    "nohup",
    "nice -n 5",
    "nice -19",
    "timeout 5",
    "timeout -s KILL -k 1 5m",
    "time",
    "time -p",
    "command",
    "command --",
    "exec",
    "exec -a x",
    "exec -c",
    "stdbuf -oL",
    "stdbuf -o 0 -e 0",
    "setsid",
    "setsid -w",
    "flock /tmp/lock",
    "flock -n -w 5 /tmp/lock",
    "chroot /",
    "chroot --userspec=a:b /mnt",
    "unshare -m",
    "unshare --mount --pid --fork",
    "nsenter -t 1 -m --",
    "strace -f -o /tmp/x",
    "ltrace",
    "ionice -c3",
    "ionice -c 2 -n 0",
    "taskset 1",
    "taskset -c 0,1",
    "chrt -r 1",
    "numactl -N 0",
    "systemd-run --user",
    "systemd-inhibit",
    "runuser -u ada --",
    "fakeroot",
    "firejail --quiet",
    "proxychains4 -q",
    "torsocks",
    "xvfb-run -a",
    "dbus-run-session --",
    "caffeinate -i",
    "unbuffer",
    "rlwrap",
    "gosu ada",
    "su-exec ada",
    "perf stat",
    "valgrind",
    "watch -n 1",
    "srun -n 1",
    "mpirun -np 1",
    "poetry run",
    "pixi run",
    "pipx run",
    "bun x",
    "mise x --",
    "mise exec node@22 --",
    "dotenvx run -f .env --",
    "dotenv -f .env run",
    "cross-env A=b",
    "devbox run --",
    "uv run",
    "conda run -n x",
    "bundle exec",
    "docker exec c",
    "docker exec -it -u 0 c",
    "podman exec c",
    "docker compose exec web",
    "kubectl exec p --",
    "kubectl exec -n x p -c c --",
    "lxc exec c --",
    "ssh host",
    "ssh -p 22 -o BatchMode=yes host",
    "ssh -t host --",
    "sshpass -p x ssh host",
    "xargs -0 -n 1",
    "xargs -I%%",
    "find . -maxdepth 0 -exec",
    "parallel -j 2 -N0",
    "busybox env",
    "x=1 y=2",
    "LANG=C sudo",
    "!",
    "coproc",
    "direnv exec .",
    "aws-vault exec prod --",
    "doppler run --",
    "arch -x86_64",
    "setarch x86_64 -R",
    "nocorrect",
    "noglob",
    "script -q /dev/null",
    "heroku run",
    "wsl",
    "wsl -d x --",
    "vagrant ssh -c",
];

/// A command in which `@` is the text in single quotes.
const QUOTING: &[&str] = &[
    "sh -c @",
    "bash -c @",
    "bash -lc @",
    "bash -xec @",
    "bash --norc -c @",
    "bash -o pipefail -c @",
    "/bin/sh -c @",
    "zsh -c @",
    "dash -c @",
    "ksh -c @",
    "busybox sh -c @",
    "sh -c @ x y",
    "env bash -c @",
    "eval @",
    "eval -- @",
    "builtin eval @",
    "command eval @",
    "su -c @",
    "su - root -c @",
    "su root --command=@",
    "runuser -c @ ada",
    "sudo su -c @",
    "sudo sh -c @",
    "doas sh -c @",
    "script -qc @ /dev/null",
    "flock /tmp/x -c @",
    "ssh host @",
    "ssh -t -l ada host sudo sh -c @",
    "docker exec c sh -c @",
    "docker run --rm -v /:/host alpine sh -c @",
    "podman exec -it c bash -lc @",
    "kubectl exec p -- sh -c @",
    "nix-shell -p x --run @",
    "watch @",
    "tmux new -d @",
    "tmux send-keys -t x @ Enter",
    "screen -dm sh -c @",
    "find . -exec sh -c @ \\;",
    "xargs sh -c @",
    "xargs -I {} bash -c @",
    "parallel ::: @",
    "timeout 5 bash -c @",
    "trap @ EXIT",
    "sbatch --wrap=@",
    "sbatch --wrap @",
    "hyperfine @",
    "env -S @",
    "git -c alias.z='!sh -c \"$1\" x' submodule foreach @",
    "git bisect run sh -c @",
    "git rebase -x @ main",
    "git submodule foreach @",
    "bash <<< @",
    "sh -s <<< @",
    "source /dev/stdin <<< @",
    "echo @ | sh",
    "echo @ |\nsh",
    "echo @ | # then\n\n  bash -s",
    "true &&\n\n echo @ |&\nsh",
    "echo @ | bash -s",
    "echo @ | sudo bash",
    "printf '%s\\n' @ | bash",
    "printf '%b' @ | cat | sh",
    "bash <(echo @)",
    ". <(echo @)",
    "source <(printf '%s' @)",
    "echo @ | at now",
    "echo @ | ssh host",
    "echo @ | ssh host bash",
    "echo @ | xargs -0 sh -c",
    "echo @ | xargs -I% sh -c %",
    "echo @ | parallel",
    "echo @ | tee /tmp/x | sh",
    "unshare -r sh -c @",
    "nsenter -t 1 -a sh -c @",
    "chroot /mnt sh -c @",
    "systemd-run sh -c @",
    "setsid nohup bash -c @",
    "vagrant ssh -c @",
    "gcloud compute ssh vm --command=@",
    "ansible all -m shell -a @",
    "salt x cmd.run @",
    "adb shell @",
    "pwsh -c @",
    "wsl sh -c @",
    "tar cf /dev/null x --checkpoint=1 --checkpoint-action=exec=@",
    "ssh -o ProxyCommand=@ host",
    "GIT_SSH_COMMAND=@ git fetch",
    "PAGER=@ git log",
    "npx -c @",
    "npm exec -c @",
    "ls | entr -s @",
    "busybox ash -c @",
    "expect -c @",
    "xterm -e @",
    "f() { eval \"$1\"; }; f @",
    "x=@; eval \"$x\"",
    "x=@; bash -c \"$x\"",
    "x=@; sh <<< \"$x\"",
    "set -- @; eval \"$1\"",
    "read -r x <<< @; eval \"$x\"",
    "alias z=@; z",
    "for x in @; do eval \"$x\"; done",
    "x=(@); eval \"${x[0]}\"",
    "export X=@; sh -c \"$X\"",
    "declare x=@; eval \"$x\"",
];

/// Code of other languages in which `@` is the text in double quotes.
const LANGUAGES: &[&str] = &[
    "python3 -c 'import os; os.system(@)'",
    "python -c 'import subprocess as s; s.run(@, shell=True)'",
    "python3 -c 'import subprocess; subprocess.check_output(@, shell=True)'",
    "python3 -c 'import os; os.popen(@).read()'",
    "python3 -c '__import__(\"os\").system(@)'",
    "perl -e 'system(@)'",
    "perl -e 'exec @'",
    "ruby -e 'system(@)'",
    "ruby -e 'exec @'",
    "node -e 'require(\"child_process\").execSync(@)'",
    "node -e 'require(\"child_process\").exec(@)'",
    "php -r 'system(@);'",
    "php -r 'shell_exec(@);'",
    "lua -e 'os.execute(@)'",
    "awk 'BEGIN { system(@) }'",
    "awk 'BEGIN { @ | getline }'",
    "Rscript -e 'system(@)'",
    "julia -e 'run(`sh -c @`)'",
    "osascript -e 'do shell script @'",
    "python3 - <<'PY'\nimport os\nos.system(@)\nPY",
    "deno eval 'new Deno.Command(@)'",
    "bun -e 'require(\"child_process\").execSync(@)'",
];

/// Gives the text to something that runs it.
pub fn wrap(text: &mut Text, draw: &mut Draw) -> &'static str {
    let (name, made, is_simple) = match draw.below(5) {
        0 | 1 if text.is_simple => {
            let before = draw.pick(BEFORE);
            let end = match before {
                // These make one line of it, so that quotes are lost.
                _ if is_joined(before) && !text.is_plain => return again(text, draw),
                _ if before.starts_with("find ") => " \\;",
                _ if before.starts_with("parallel") => " ::: 1",
                _ => "",
            };
            let inner = match before {
                "vagrant ssh -c" => quoted(&text.script),
                _ => text.script.clone(),
            };
            (before, format!("{before} {inner}{end}"), !matches!(before, "!" | "coproc" | "x=1 y=2"))
        }
        4 if !text.script.contains(['\'', '\\', '"', '\n', '`', '$']) => {
            let language = draw.pick(LANGUAGES);
            (language, language.replace('@', &format!("\"{}\"", text.script)), true)
        }
        _ => return again(text, draw),
    };
    text.script = made;
    text.is_simple = is_simple && !name.contains('\n');
    text.is_plain = false;
    name
}

fn is_joined(before: &str) -> bool {
    ["ssh", "watch", "vagrant", "parallel", "heroku"].iter().any(|name| before.starts_with(name))
}

fn again(text: &mut Text, draw: &mut Draw) -> &'static str {
    let form = loop {
        let form = draw.pick(QUOTING);
        // These read a line at a time, or take quotes for their own.
        let is_by_line = form.contains("parallel") || form.contains("xargs -I") || form.contains("read -r");
        if !is_by_line || !text.script.contains(['\n', '\'', '"', '\\']) {
            break form;
        }
    };
    // `%b` takes backslashes for its own, also those of a shell.
    let inner = if form.contains("%b") { text.script.replace('\\', "\\\\") } else { text.script.clone() };
    text.script = form.replace('@', &quoted(&inner));
    text.is_simple = !form.contains(['|', ';', '<', '(']) && !form.contains("=@ ");
    text.is_plain = false;
    form
}

/// Writes the text so that only the shell at the end of a pipe sees it.
pub fn encode(text: &mut Text, draw: &mut Draw) -> &'static str {
    let plain = &text.script;
    let base64 = base64::engine::general_purpose::STANDARD.encode(plain);
    let hex: String = plain.bytes().map(|byte| format!("{byte:02x}")).collect();
    let escaped: String = plain.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    let octal: String = plain.bytes().map(|byte| format!("\\{byte:03o}")).collect();
    let reversed: String = plain.chars().rev().collect();
    let shell = draw.pick(&["sh", "bash", "sudo bash", "bash -s", "zsh", "/bin/sh", "bash -x", "dash"]);
    let (name, made) = match draw.below(19) {
        0 => ("base64", format!("echo {base64} | base64 -d | {shell}")),
        1 => ("base64 long", format!("printf %s {base64} | base64 --decode | {shell}")),
        2 => ("base64 here", format!("base64 -d <<< {base64} | {shell}")),
        3 => ("base64 argument", format!("sh -c \"$(echo {base64} | base64 -d)\"")),
        4 => ("base64 eval", format!("eval \"$(base64 -d <<< {base64})\"")),
        5 => ("base64 file", format!("bash <(echo {base64} | base64 -d)")),
        6 => ("base64 here-document", format!("base64 -d <<'EOF' | {shell}\n{base64}\nEOF")),
        7 => ("openssl", format!("echo {base64} | openssl base64 -d -A | {shell}")),
        8 => ("xxd", format!("echo {hex} | xxd -r -p | {shell}")),
        9 => ("xxd argument", format!("bash -c \"$(xxd -r -p <<< {hex})\"")),
        10 => ("printf hex", format!("printf '{escaped}' | {shell}")),
        11 => ("printf octal", format!("printf '{octal}' | {shell}")),
        12 => ("echo -e", format!("echo -e '{escaped}' | {shell}")),
        13 => ("printf argument", format!("eval \"$(printf '{escaped}')\"")),
        14 => ("printf b", format!("printf %b '{octal}' | {shell}")),
        15 => ("rev", format!("echo {} | rev | {shell}", quoted(&reversed.replace('\n', ";")))),
        16 => ("perl pack", format!("perl -e 'print pack(\"H*\", \"{hex}\")' | {shell}")),
        17 => (
            "python decode",
            format!("python3 -c 'import base64,os; os.system(base64.b64decode(\"{base64}\"))'"),
        ),
        _ => ("ansi eval", format!("eval $'{escaped}'")),
    };
    text.script = made;
    text.is_simple = false;
    text.is_plain = false;
    name
}
