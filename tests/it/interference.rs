//! What is private makes no difference: commands and events that differ only in names, values, hosts,
//! numbers, quoted text, comments and documents give equal bytes to keep.

use std::collections::BTreeMap;

use claude_sync::command::shape::HostType;
use claude_sync::hook::{event, observe};
use claude_sync::learn::{Item, Number};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::sandbox::cases;

/// Names that mean something elsewhere: programs, subcommands, what an error says.
const TRAPS: &[&str] = &[
    "git",
    "build",
    "test",
    "status",
    "commit",
    "install",
    "push",
    "run",
    "rm",
    "list",
    "exec",
    "apply",
    "delete",
    "quota",
    "timeout",
    "usage",
    "sudo",
    "sh",
    "main",
    "sleeperman",
    "die",
    "ps",
    "all",
    "a",
    "x",
    "no",
    "unmerged",
    "conflict",
    "npm",
    "docker",
    "get",
    "pods",
    "show",
    "shell",
    "ssh",
    "bisect",
    "check",
    "format",
    "memoryerror-x",
    "up",
    "config",
];

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const SECRET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/_-";
const TEXT: &str = "abcdefghijklmno ABCXYZ0123456789 ;|&<>(){}[]$`\\\"#!*?~=-_.,:/@%^+\n\tä€";
const SAFE_TEXT: &str = "abcdefghijklmno ABCXYZ0123456789 ;|&<>(){}[]'#*?~=-_.,:/@%^+\n\tä€";

/// Something private for a hole of a frame.
fn private(hole: &str, draw: &mut Draw) -> String {
    let name = |draw: &mut Draw| match draw.below(3) {
        0 => draw.pick(TRAPS).to_owned(),
        1 => draw.letters(LOWER, 1, 4),
        _ => format!("{}{}", draw.letters(LOWER, 1, 1), draw.letters(WORD, 0, 30)),
    };
    match hole {
        "NAME" => name(draw),
        // Never a dash first: then it would be a flag to the program, too.
        "SECRET" => format!("{}{}", draw.letters(WORD, 1, 1), draw.letters(SECRET, 0, 60)),
        // What needs quotes gets them.
        "VALUE" => match draw.below(3) {
            0 => name(draw),
            1 => format!("'{}'", draw.letters(&TEXT.replace('\'', ""), 1, 30)),
            _ => format!("\"{}\"", draw.letters(&SAFE_TEXT.replace('\'', ""), 1, 30)),
        },
        "TEXT" => match draw.below(4) {
            0 => format!("{} {} && {} {}", draw.pick(TRAPS), name(draw), draw.pick(TRAPS), draw.pick(TRAPS)),
            1 => format!("{}\n{} | {}; {}.py", name(draw), draw.pick(TRAPS), name(draw), name(draw)),
            _ => draw.letters(TEXT, 1, 120),
        },
        "SAFE" => match draw.below(3) {
            0 => format!("{} {} && {}", draw.pick(TRAPS), name(draw), draw.pick(TRAPS)),
            _ => draw.letters(SAFE_TEXT, 1, 120),
        },
        "LINE" => draw.letters(&TEXT.replace('\n', ""), 0, 80) + draw.pick(TRAPS),
        "BODY" => {
            let lines = 1 + draw.below(6);
            let line = |draw: &mut Draw| match draw.below(3) {
                0 => format!("{} {} {}.csv", draw.pick(TRAPS), draw.pick(TRAPS), name(draw)),
                _ => draw.letters(&SAFE_TEXT.replace('\n', " "), 0, 60) + "x",
            };
            (0..lines).map(|_| line(draw)).collect::<Vec<_>>().join("\n")
        }
        "NUMBER" => format!("{}{}", draw.letters("123456789", 1, 1), draw.letters("0123456789", 2, 8)),
        "HOST" => match draw.below(3) {
            0 => format!("{}.{}.example", name(draw), name(draw)),
            1 => format!("10.{}.{}.7", draw.below(256), draw.below(256)),
            _ => draw.letters(LOWER, 2, 12),
        },
        other => unreachable!("{other}"),
    }
}

const HOLES: &[&str] = &["NAME", "SECRET", "VALUE", "TEXT", "SAFE", "LINE", "BODY", "NUMBER", "HOST"];

/// A frame with `<NAME>` and the like filled in.
pub fn fill(frame: &str, draw: &mut Draw) -> String {
    let mut text = String::new();
    let mut rest = frame;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let hole =
            HOLES.iter().find(|hole| from[1..].strip_prefix(**hole).is_some_and(|r| r.starts_with('>')));
        if let Some(hole) = hole {
            text.push_str(&private(hole, draw));
            rest = &from[hole.len() + 2..];
        } else {
            text.push('<');
            rest = &from[1..];
        }
    }
    text + rest
}

/// Commands, with holes where what is private stands.
#[rustfmt::skip]
pub const FRAMES: &[&str] = &[
    "git commit -m '<TEXT>'",
    "git commit -m <VALUE> --author=<VALUE>",
    "git commit -am\"<SAFE>\"",
    "git checkout -b <NAME>",
    "git checkout <NAME> -- <NAME>",
    "git -C <NAME> status",
    "git -c user.name=<VALUE> commit -F <NAME>",
    "git --unheard-of <NAME> status",
    "git --git-dir=/home/<NAME>/<NAME> log -n <NUMBER>",
    "git push https://<NAME>:<SECRET>@<HOST>/<NAME>/<NAME>",
    "git grep -e<NAME>",
    "git grep -e <NAME> -- <NAME>",
    "git log -S<NAME> --grep=<VALUE>",
    "git stash push -m <VALUE>",
    "git remote add <NAME> git@<HOST>:/<NAME>/<NAME>",
    "git worktree add ../<NAME> <NAME>",
    "git clone --depth <NUMBER> -b <NAME> https://<HOST>/<NAME>",
    "mysql -u<NAME> -p<SECRET> -h <HOST> <NAME>",
    "mysql -p<NAME> <NAME>",
    "mysql -u <NAME> --password=<VALUE> -e '<TEXT>'",
    "mysqldump -p<SECRET> --databases <NAME> > <NAME>",
    "psql -U <NAME> -h <HOST> -p <NUMBER> -c '<TEXT>' <NAME>",
    "PGPASSWORD=<SECRET> psql -d <NAME>",
    "PGPASSWORD='<TEXT>' psql -d <NAME>",
    "psql postgres://<NAME>:<SECRET>@<HOST>:<NUMBER>/<NAME>",
    "mongosh -u <NAME> -p <NAME> --host <HOST>",
    "mongodump --uri=<VALUE> -p<SECRET>",
    "redis-cli -a <NAME> -h <HOST> get <NAME>",
    "redis-cli -a<SECRET> keys '<TEXT>'",
    "sqlite3 <NAME>.db '<TEXT>'",
    "curl -H 'Authorization: <TEXT>' -u <NAME>:<SECRET> https://<HOST>/<NAME>",
    "curl -H\"<SAFE>\" -d '<TEXT>' -o <NAME> https://<HOST>",
    "curl -sSLu<NAME>:<NAME> --data-raw <VALUE> https://<HOST>/<NAME>?<NAME>=<NUMBER>",
    "wget --password=<SECRET> --user <NAME> -O <NAME> https://<HOST>/<NAME>",
    "ssh -p <NUMBER> <NAME>@<HOST>",
    "ssh -p<NUMBER> -i /home/<NAME>/<NAME> <HOST>",
    "ssh -o <VALUE> -L <NUMBER>:<HOST>:<NUMBER> <HOST>",
    "scp -P <NUMBER> <NAME> <NAME>@<HOST>:/<NAME>",
    "rsync -avz --exclude=<VALUE> <NAME> <NAME>@<HOST>:/data/<NAME>",
    "sshpass -p <NAME> ssh <NAME>@<HOST>",
    "docker run --rm -e <NAME>=<SECRET> -v /home/<NAME>:/<NAME> <NAME>/<NAME>:<NUMBER> <NAME> <NAME>",
    "docker login -u <NAME> -p <SECRET> <HOST>",
    "docker login -u <NAME> -p<SECRET> <HOST>",
    "docker build -t <NAME> --build-arg <NAME>=<VALUE> .",
    "docker --context <NAME> ps",
    "docker --unheard-of <NAME> ps <NAME> <NAME>",
    "docker-compose -f <NAME> up",
    "kubectl -n <NAME> get pods <NAME>",
    "kubectl get pods <NAME> <NAME>",
    "az vm create -n <NAME> -g <NAME> --image <NAME>",
    "gcloud compute instances list --filter <VALUE> --project <NAME>",
    "adb push <NAME> <NAME>",
    "nix build .#<NAME>",
    "poetry add <NAME>",
    "uv pip install <NAME>",
    "conda install -n <NAME> <NAME>",
    "apptainer pull <NAME> docker://<NAME>/<NAME>",
    "docker exec <NAME> frob <NAME>",
    "sudo docker run --rm -v /home/<NAME>:/<NAME> <NAME>/<NAME>:<NUMBER> <NAME> <NAME>",
    "docker exec <NAME> <NAME> <NAME>",
    "docker compose logs <NAME>",
    "ssh <HOST> frob <NAME>",
    "su - <NAME>",
    "kubectl --token <SECRET> --context=<NAME> get pods",
    "kubectl create secret generic <NAME> --from-literal=<NAME>=<VALUE>",
    "helm upgrade <NAME> <NAME> --set <NAME>=<VALUE>",
    "aws s3 cp <NAME> s3://<NAME>/<NAME> --profile <NAME>",
    "aws --unheard-of <NAME> s3 ls",
    "vault kv put secret/<NAME> <NAME>=<SECRET>",
    "gh api -f<NAME>=<VALUE> repos/<NAME>/<NAME>",
    "gh pr create -t <VALUE> -b <VALUE>",
    "heroku -a <NAME> config:set <NAME>=<SECRET>",
    "terraform apply -var=<NAME>=<VALUE> -target=<NAME>",
    "npm run <NAME>x",
    "npm --userconfig <NAME> install <NAME>",
    "npm config set <NAME> <SECRET>",
    "pip install -i https://<NAME>:<SECRET>@<HOST>/<NAME> <NAME>",
    "cargo test -p <NAME> -- <NAME>",
    "cargo run --bin <NAME> -- --token <SECRET>",
    "make -C <NAME> <NAME>",
    "make PASSWORD=<SECRET> <NAME>",
    "pytest -k <VALUE> tests/<NAME>.py",
    "eslint <NAME>",
    "prettier <NAME> <NAME>",
    "tsc <NAME>",
    "mocha <NAME>",
    "python <NAME>.py --token <SECRET>",
    "python <NAME>.py --password <VALUE> --epochs <NUMBER>",
    "python -c '<TEXT>'",
    "python3 -c \"<SAFE>\"",
    "python3 - <<'END'\n<BODY>\nEND",
    "node -e '<TEXT>'",
    "perl -ne '<TEXT>' <NAME>",
    "ruby -e \"<SAFE>\"",
    "Rscript -e '<TEXT>'",
    "Rscript /scratch/<NAME>/<NAME>.R --key <SECRET> <NAME>",
    "awk '<TEXT>' <NAME>.csv",
    "sed -i 's/<NAME>/<NAME>/' <NAME>.txt",
    "jq '<TEXT>' <NAME>.json",
    "grep -rn <NAME> src/<NAME>.rs",
    "grep -e <VALUE> -f <NAME> <NAME>.log",
    "rg <VALUE> -g <VALUE> src/<NAME>",
    "find /home/<NAME> -name <VALUE> -newer <NAME>",
    "find . -name '<TEXT>' -exec grep <NAME> {} \\;",
    "echo <NAME> '<TEXT>'",
    "echo '<TEXT>' > /tmp/<NAME>",
    "echo <SECRET> | docker login --password-stdin -u <NAME>",
    "printf '%s\\n' <NAME> | tee <NAME>",
    "printf '<NAME>\\n<NAME>\\n' | xargs -I{} rm {}",
    "echo '<NAME> <NAME>' | xargs git",
    "cat <<EOF > /tmp/<NAME>\n<BODY>\nEOF",
    "cat > <NAME>.py <<'EOF'\n<BODY>\nEOF",
    "cat <<'EOF' | kubectl apply -f -\n<BODY>\nEOF",
    "mysql <NAME> <<'SQL'\n<BODY>\nSQL",
    "tee /etc/<NAME>.conf <<-EOF\n<BODY>\nEOF",
    "wc -l <<< '<TEXT>'",
    "ls -la /home/<NAME>/<NAME> # <LINE>",
    "cd /home/<NAME>/<NAME> && cargo build # <LINE>",
    "# <LINE>\ngit status",
    "export <NAME>_KEY=<SECRET>; npm test",
    "export TOKEN='<TEXT>' && npm test",
    "TOKEN=<SECRET> NAME=<VALUE> cargo test",
    "X=<SECRET>; frob --key $X",
    "X='<TEXT>'; frob --key \"$X\"",
    "env A=<SECRET> B=<VALUE> frob",
    "sbatch --account=<NAME> --mem=<NUMBER> -J <NAME> /scratch/<NAME>/<NAME>.sh",
    "sbatch -A<NAME> --comment=<VALUE> <NAME>.sh <NAME>",
    "srun -p <NAME> --pty frob <NAME>",
    "squeue -u <NAME>",
    "scancel <NUMBER>",
    "singularity exec -B /home/<NAME> <NAME>.sif frob <NAME>",
    "module load <NAME>/<NUMBER>",
    "samtools view -@ <NUMBER> -b /scratch/<NAME>/<NAME>.bam",
    "nextflow run <NAME>/<NAME> --input <NAME> -profile <NAME>",
    "kill -<NUMBER> <NUMBER>",
    "pkill -f <VALUE>",
    "chown <NAME>:<NAME> <NAME>",
    "chmod 600 /home/<NAME>/.ssh/<NAME>",
    "useradd -m <NAME> -p <VALUE>",
    "echo <NAME>:<SECRET> | chpasswd",
    "openssl enc -aes256 -k <NAME> -in <NAME>",
    "openssl passwd <NAME>",
    "openssl pkcs12 -passin pass:<SECRET> -in <NAME>.p12",
    "gpg --passphrase <SECRET> -d <NAME>.gpg",
    "zip -P<NAME> <NAME>.zip <NAME>",
    "unzip -P <NAME> <NAME>.zip",
    "7z x -p<SECRET> <NAME>.7z",
    "htpasswd -b <NAME> <NAME> <NAME>",
    "ansible all -i <HOST>, -m shell -u <NAME> -e <NAME>=<VALUE>",
    "ping <HOST>",
    "nmap -p <NUMBER> <HOST>",
    "/home/<NAME>/<NAME> --port=<NUMBER> --key <SECRET>",
    "./<NAME> <NAME>",
    "frob --<NAME>-frob=<VALUE> <NAME>",
    "frob --token <SECRET> --token=<SECRET>",
    "frob --token <VALUE>",
    "frobctl -f <NAME> <NAME>",
    "argocd -f <NAME> login",
    "tmux send-keys -t <NAME> '<TEXT>' Enter",
    "screen -S <NAME> -X stuff '<TEXT>'",
    "notify-send '<TEXT>' \"<SAFE>\"",
    "for f in <NAME> <NAME> <NAME>; do cat $f; done",
    "while read l; do echo \"$l <SAFE>\"; done < <NAME>",
    "if [ <NAME> = '<TEXT>' ]; then ls; fi",
    "[[ <NAME> == <NAME> ]] && ls",
    "case <NAME> in <NAME>) ls;; esac",
    "parallel gzip ::: <NAME> <NAME>",
    "sudo -u <NAME> frob <NAME>",
    "sudo frob '<TEXT>'",
    "time frob '<TEXT>'",
    "pass show <NAME>/<NAME>",
    "claude -p '<TEXT>'",
    "gcc -D<NAME>=<SECRET> -o <NAME> <NAME>.c",
    "java -D<NAME>=<SECRET> -jar <NAME>.jar <NAME>",
    "mvn -D<NAME>x=<VALUE> package",
    "dd if=<NAME> of=<NAME> bs=<NUMBER>",
    "tar czf <NAME>.tgz -C /home/<NAME> <NAME>",
    "cp /home/<NAME>/<NAME>.csv /scratch/<NAME>/<NAME>.csv",
    "mail -s '<TEXT>' <NAME>@<HOST> < <NAME>",
    "crontab -l | { cat; echo '<TEXT>'; } | crontab -",
    "timeout <NUMBER> frob <NAME> 2> /tmp/<NAME>",
    "sleep <NUMBER>",
    "head -n <NUMBER> <NAME>.csv",
    "tail -<NUMBER> <NAME>.log",
];

fn pairs() -> usize {
    match std::env::var("CS_THOROUGH").as_deref() {
        Ok("all") => 600,
        Ok(_) => 200,
        Err(_) => 20,
    }
}

fn payload(event: &str, tool: &str, input: Value, rest: Value) -> Vec<u8> {
    let mut payload = json!({"session_id": "s", "transcript_path": "/t", "cwd": "/p", "hook_event_name": event,
        "tool_name": tool, "tool_input": input, "duration_ms": 53});
    let fields = payload.as_object_mut().expect("an object");
    fields.extend(rest.as_object().expect("an object").clone());
    payload.to_string().into_bytes()
}

fn kept(bytes: &[u8]) -> Vec<u8> {
    let numbers = (Number(1), Number(2));
    let call = observe::observe(&event::parse(bytes, false), HostType::Server, 1_767_268_800, numbers);
    Item::Call(call.expect("a call")).encode()
}

fn of_command(command: &str) -> Vec<u8> {
    kept(&payload("PostToolUse", "Bash", json!({"command": command}), json!({})))
}

/// Compares many fillings of one frame; what differs is told with both.
fn compare(frames: &[&str], keep: impl Fn(&str) -> Vec<u8>) -> (usize, BTreeMap<String, String>) {
    let (mut count, mut unequal) = (0, BTreeMap::new());
    for (seed, frame) in frames.iter().enumerate() {
        let mut draw = Draw::new(seed as u64 + 1);
        for _ in 0..pairs() {
            let (one, other) = (fill(frame, &mut draw), fill(frame, &mut draw));
            count += 1;
            if keep(&one) != keep(&other) {
                let _ =
                    unequal.entry((*frame).to_owned()).or_insert_with(|| format!("{one:?}\n      {other:?}"));
            }
        }
    }
    (count, unequal)
}

#[track_caller]
fn assert_equal((count, unequal): (usize, BTreeMap<String, String>)) {
    println!("{count} pairs, {} unequal", unequal.len());
    let told: Vec<String> = unequal.iter().map(|(frame, pair)| format!("{frame:?}:\n      {pair}")).collect();
    assert!(unequal.is_empty(), "{} of the frames:\n    {}", told.len(), told.join("\n    "));
}

#[test]
fn commands_that_differ_in_what_is_private_are_kept_alike() {
    assert_equal(compare(FRAMES, of_command));
}

/// The same of commands that failed, whichever of them is to blame for it.
#[test]
fn failed_commands_that_differ_in_what_is_private_are_kept_alike() {
    for error in ["Exit code 1\nit went wrong", "Exit code 127\nbash: line 1: docker: command not found"] {
        assert_equal(compare(FRAMES, |command| {
            let input = json!({"command": command});
            kept(&payload(
                "PostToolUseFailure",
                "Bash",
                input,
                json!({"error": error, "is_interrupt": false}),
            ))
        }));
    }
}

/// What failed commands print.
const ERRORS: &[&str] = &[
    "Exit code 1\ncat: <NAME>: No such file or directory",
    "Exit code 1\ncat: /home/<NAME>/<NAME>.<NAME>: No such file or directory",
    "Exit code 1\ncat: <NAME>.txt: Permission denied",
    "Exit code 127\nbash: line 1: <NAME>: command not found",
    "Exit code 1\nModuleNotFoundError: No module named '<NAME>'",
    "Exit code 1\n<NAME>/<NAME>.py:<NUMBER>: ModuleNotFoundError: No module named '<NAME>.<NAME>'",
    "Exit code 1\nError: Cannot find module '/home/<NAME>/<NAME>.js'",
    "Exit code 2\nmake: *** No rule to make target '<NAME>'.  Stop.",
    "Exit code 128\nfatal: not a git repository: /home/<NAME>/<NAME>",
    "Exit code 1\nerror: pathspec '<NAME>' did not match any file(s) known to git",
    "Exit code 1\nerror: Your local changes would be overwritten by merge:\n\t<NAME>\n\tsrc/<NAME>.rs",
    "Exit code 6\ncurl: (6) Could not resolve host: <HOST>",
    "Exit code 7\ncurl: (7) Failed to connect to <HOST> port <NUMBER>: Connection refused",
    "Exit code 255\nssh: connect to host <HOST> port <NUMBER>: Connection timed out",
    "Exit code 1\nnpm error Missing script: \"<NAME>\"",
    "Exit code 1\nFAILED tests/test_<NAME>.py::test_<NAME> - AssertionError",
    "Exit code 101\ntest <NAME>::<NAME> ... FAILED",
    "Exit code 1\nrm: cannot remove '<NAME>': Is a directory",
    "Exit code 1\nmkdir: cannot create directory '<NAME>': File exists",
    "Exit code 1\nsbatch: error: Batch job submission failed: <NUMBER>",
    "Exit code 1\nERROR 1045 (28000): Access denied for user '<NAME>'@'<HOST>' (using password: YES)",
    // A status that means something by itself begins with another digit.
    "Exit code 9<NUMBER>\n",
    "Exit code 1\nrsync: [sender] link_stat \"/home/<NAME>/<NAME>\" failed: No such file or directory (2)",
    "Exit code 1\nfatal: unable to access 'https://<NAME>:<SECRET>@<HOST>/<NAME>.git/': Could not resolve host: <HOST>",
    "Exit code 1\nerror: unrecognized option '--<NAME>'",
];

#[test]
fn failures_that_differ_in_names_are_kept_alike() {
    assert_equal(compare(ERRORS, |error| {
        let input = json!({"command": "frob x"});
        kept(&payload("PostToolUseFailure", "Bash", input, json!({"error": error, "is_interrupt": false})))
    }));
}

/// Events of every tool, with everything private in them that the client sends.
#[test]
fn events_that_differ_in_what_is_private_are_kept_alike() {
    let frames = ["<NAME>|<SECRET>|<TEXT>|/home/<NAME>/<NAME>|<NUMBER>"];
    let tools =
        ["Bash", "Edit", "Write", "Read", "Glob", "Grep", "WebFetch", "mcp__<NAME>__<NAME>", "NotebookEdit"];
    for (index, tool) in tools.iter().enumerate() {
        assert_equal(compare(&frames, |text| {
            let mut draw = Draw::new(text.len() as u64 + index as u64);
            let input = json!({"command": "git status", "description": text, "file_path": format!("/home/{text}"),
                "content": text, "old_string": text, "new_string": text, "url": text, "pattern": text, "prompt": text});
            let rest = json!({"session_id": text, "transcript_path": text, "cwd": format!("/{text}"), "prompt_id": text,
                "tool_use_id": text, "agent_id": text, "permission_mode": text, "tool_response": {"stdout": text,
                "stderr": text, text: text}, "error": text, text: text});
            kept(&payload("PostToolUse", &fill(tool, &mut draw), input, rest))
        }));
    }
}

/// Commands from the world, with their quoted text, their numbers and a comment changed.
#[test]
fn commands_from_the_world_are_kept_alike() {
    let Some(cases) = cases() else { return };
    let text = std::fs::read_to_string(cases.join("commands.txt")).expect("commands");
    let (mut count, mut changed, mut unequal) = (0, 0, Vec::new());
    let mut draw = Draw::new(7);
    // What stands behind an open quotation or a backslash is no comment.
    let is_even = |line: &str, quote: char| line.matches(quote).count().is_multiple_of(2);
    let is_closed =
        |line: &str| !line.ends_with('\\') && ['\'', '"', '`'].iter().all(|quote| is_even(line, *quote));
    for line in text.lines().step_by(crate::scenarios::stride(5)) {
        let other = other_numbers(&other_quotes(line, &mut draw), &mut draw);
        let comment = fill("<LINE>", &mut draw);
        let pairs = [(line.to_owned(), other), (format!("{line} # a"), format!("{line} # {comment}"))];
        for (one, other) in pairs.into_iter().take(1 + usize::from(is_closed(line))) {
            count += 1;
            changed += usize::from(one != other);
            if of_command(&one) != of_command(&other) {
                unequal.push(format!("{one}\n      {other}"));
            }
        }
    }
    println!("{count} pairs, {changed} of them differ, {} unequal", unequal.len());
    assert!(changed * 2 > count, "{changed} of {count}");
    assert!(unequal.is_empty(), "{}:\n    {}", unequal.len(), unequal.join("\n    "));
}

/// Programs for which quoted text, or what stands on their input, is a command or part of one.
const RUN_TEXT: &[&str] = &[
    "sh",
    "bash",
    "zsh",
    "ssh",
    "su",
    "eval",
    "xargs",
    "parallel",
    "watch",
    "alias",
    "trap",
    "env",
    "crontab",
    "at",
    "git",
    "srun",
    "sbatch",
    "pdsh",
    "clush",
    "adb",
    "script",
    "flock",
    "tar",
    "vagrant",
    "gcloud",
    "nix-shell",
    "hyperfine",
    "entr",
    "kubectl",
    "docker",
    "su",
    "expect",
    "sudo",
    "ansible",
    "screen",
    "tmux",
    "find",
    "fish",
];

/// Other text between quotes, unless a program on the line may run it or take it apart.
fn other_quotes(line: &str, draw: &mut Draw) -> String {
    let is_run = line.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| RUN_TEXT.contains(&word));
    // Where a value or a name of a variable is put together of quoted and other parts, it is no text.
    if is_run
        || line.contains(['$', '`', '\\', '='])
        || line.matches('\'').count() % 2 == 1
        || line.contains('"')
    {
        return line.to_owned();
    }
    let parts: Vec<&str> = line.split('\'').collect();
    let text = |draw: &mut Draw| draw.letters(&TEXT.replace('\'', ""), 1, 40);
    let parts = parts.iter().enumerate().map(|(at, part)| match at % 2 {
        1 => format!("'{}'", text(draw)),
        _ => (*part).to_owned(),
    });
    parts.collect()
}

/// Other numbers in words that are nothing but a number and no flag's.
fn other_numbers(line: &str, draw: &mut Draw) -> String {
    let other = |word: &str, draw: &mut Draw| {
        let is_number = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { draw.letters("123456789", word.len(), word.len()) } else { word.to_owned() }
    };
    line.split(' ').map(|word| other(word, draw)).collect::<Vec<_>>().join(" ")
}
