//! What is outside: repositories whose keepers put programs into them, git and ssh as their users configured them, and
//! programs that hold on to a pipe or say far too much.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::mesh::{Hosts, index_of};
use crate::notes::{after, fold};
use crate::sandbox::{Ran, Sandbox, ran};

/// `cs mesh sync` where programs of the host's own, in `tools`, come first.
fn sync_in(host: &Sandbox, env: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = host.command(&[&["mesh", "sync"], args].concat());
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", host.path("tools").display()));
    ran(command.envs(env.iter().copied()).output().expect("cs runs"))
}

fn sync(host: &Sandbox, url: &str) -> Ran {
    sync_in(host, &[], &["--git", url])
}

fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    let output = command.args(args).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").output();
    let output = output.expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn learns(host: &Sandbox, line: &str) {
    after(host, line, None, ("x", "n"));
    fold(host);
}

fn reference(host: &Sandbox) -> String {
    format!("refs/cs/hosts/{}", index_of(host))
}

/// Puts into a repository whatever makes git run something: each notes its name in the file that is given back.
fn arm(host: &Sandbox, repository: &Path) -> PathBuf {
    let mark = host.path("ran");
    let note = |name: &str| format!("echo {name} >>'{}'", mark.display());
    let folder = PathBuf::from(git(repository, &["rev-parse", "--absolute-git-dir"]));
    for name in
        ["pre-receive", "update", "reference-transaction", "post-receive", "post-update", "pre-auto-gc"]
    {
        let hook = folder.join("hooks").join(name);
        let hook = hook.strip_prefix(host.home()).expect("in the home").to_str().expect("text");
        host.script(hook, &format!("#!/bin/sh\n{}\ncat >/dev/null\n", note(name)));
    }
    let lent = host.path("lent.git");
    if !lent.exists() {
        fs::create_dir(&lent).expect("a folder");
        git(&lent, &["init", "-q", "--bare"]);
    }
    fs::write(folder.join("objects/info/alternates"), format!("{}/objects\n", lent.display()))
        .expect("written");
    fs::write(folder.join("info/attributes"), "* filter=x\n").expect("written");
    for (setting, name) in [
        ("core.alternateRefsCommand", "alternates"),
        ("core.fsmonitor", "monitor"),
        ("core.sshCommand", "ssh"),
        ("gc.recentObjectsHook", "recent"),
        ("filter.x.smudge", "filter"),
        ("filter.x.clean", "filter"),
    ] {
        git(repository, &["config", setting, &format!("{}; true", note(name))]);
    }
    git(repository, &["config", "gc.auto", "1"]);
    mark
}

#[test]
fn a_repository_on_this_machine_runs_none_of_its_programs() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let url = hosts.repository();
    let repository = ant.path("shared.git");
    let mark = arm(ant, &repository);
    sync(ant, &url).ok();
    let path = repository.to_str().expect("text");
    let told = sync(bee, path).ok();
    assert!(told.out.contains("1 bundle taken, 1 sent"), "{told}");
    assert!(sync(ant, path).ok().out.contains("1 bundle taken"));
    assert_eq!(fs::read_to_string(&mark).ok(), None, "nothing of it ran");
    // One that is checked out where it lies, at the very ref that is written.
    let tree = ant.path("tree");
    fs::create_dir(&tree).expect("a folder");
    git(&tree, &["init", "-q"]);
    let mark = arm(ant, &tree);
    git(&tree, &["symbolic-ref", "HEAD", &reference(ant)]);
    git(&tree, &["config", "receive.denyCurrentBranch", "updateInstead"]);
    let told = sync(ant, tree.to_str().expect("text")).code(1);
    assert!(told.err.contains("could not be left there") && told.err.contains("checked out"), "{told}");
    assert_eq!(fs::read_to_string(&mark).ok(), None, "nothing of it ran");
}

/// A profile comes from such a repository in the same way.
#[test]
fn a_profile_s_repository_on_this_machine_runs_none_of_its_programs() {
    let sandbox = Sandbox::new();
    sandbox.write("team/claude-sync.toml", "format = 1\n");
    let folder = sandbox.path("team");
    for args in [
        &["init", "-q"][..],
        &["add", "."],
        &["-c", "user.name=x", "-c", "user.email=x@invalid", "commit", "-q", "-m", "x"],
    ] {
        git(&folder, args);
    }
    let mark = arm(&sandbox, &folder);
    for address in [format!("git+file://{}", folder.display()), format!("git+{}", folder.display())] {
        sandbox.profile(&format!("extends = [\"{address}\"]\n"));
        sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).ok();
    }
    assert_eq!(fs::read_to_string(&mark).ok(), None, "nothing of it ran");
}

#[test]
fn what_the_user_configured_for_pushes_is_not_done_here() {
    let hosts = Hosts::new();
    let [ant, ..] = &hosts.0;
    let url = hosts.repository();
    let repository = ant.path("shared.git");
    // It asks for signed pushes.
    git(&repository, &["config", "receive.certNonceSeed", "seed"]);
    let mark = ant.path("signed");
    ant.script("tools/sign", &format!("#!/bin/sh\necho x >>'{}'\nexit 1\n", mark.display()));
    let packets = ant.path("packets");
    let lines = ["cargo doc", "git fetch", "git pull", "git log", "cargo test", "make check", "npm test"];
    let settings = [
        "[push]\n gpgSign = if-asked\n",
        "[push]\n gpgSign = true\n",
        "[push]\n recurseSubmodules = only\n",
        "[push]\n pushOption = secret\n",
        "[push]\n followTags = true\n[push]\n recurseSubmodules = on-demand\n",
        "[i18n]\n commitEncoding = ISO-8859-1\n logOutputEncoding = ISO-8859-1\n",
        "[transfer]\n advertiseSID = true\n[commit]\n gpgSign = true\n",
    ];
    for (line, settings) in lines.iter().zip(settings) {
        ant.write(
            ".gitconfig",
            format!("[gpg]\n program = {}\n{settings}", ant.path("tools/sign").display()),
        );
        learns(ant, line);
        let before = git(&repository, &["for-each-ref"]);
        let env = [("GIT_TRACE_PACKET", packets.to_str().expect("text"))];
        let told = sync_in(ant, &env, &["--git", &url]).ok();
        assert!(told.out.contains("0 bundles taken, 1 sent") && told.err.is_empty(), "{settings}: {told}");
        assert_ne!(git(&repository, &["for-each-ref"]), before, "{settings}: it is there");
        let commit = git(&repository, &["cat-file", "commit", &reference(ant)]);
        let begins: Vec<&str> = commit.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(begins, ["tree", "author", "committer", "", "bundle"], "{settings}: {commit}");
    }
    assert!(!mark.exists(), "nothing was signed");
    let packets = fs::read_to_string(packets).expect("they were written");
    let said: Vec<&str> =
        packets.lines().filter(|line| line.contains("push>") || line.contains("fetch>")).collect();
    assert!(!said.is_empty(), "{packets}");
    for word in ["push-cert\0", "push-cert ", "session-id=", "push-options", "secret"] {
        assert!(!said.iter().any(|line| line.contains(word)), "{word}: {said:#?}");
    }
}

#[test]
fn repositories_name_their_objects_as_they_like() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    for (number, format) in ["sha256", "sha1"].into_iter().enumerate() {
        let folder = ant.path(format);
        fs::create_dir(&folder).expect("a folder");
        git(&folder, &["init", "-q", "--bare", &format!("--object-format={format}")]);
        let url = format!("file://{}", folder.display());
        for hash in ["sha1", "sha256"] {
            for host in [ant, bee] {
                host.write(".gitconfig", format!("[init]\n defaultObjectFormat = {hash}\n"));
                learns(
                    host,
                    ["cargo doc", "git fetch", "git pull", "git log"]
                        [2 * number + usize::from(hash == "sha1")],
                );
            }
            let env = [("GIT_DEFAULT_HASH", hash)];
            let first = sync_in(ant, &env, &["--git", &url]).ok();
            assert!(first.out.contains("1 sent") && first.err.is_empty(), "{format} {hash}: {first}");
            let told = sync_in(bee, &env, &["--git", &url]).ok();
            assert!(told.out.contains("1 bundle taken, 1 sent"), "{format} {hash}: {told}");
            let told = sync_in(ant, &env, &["--git", &url]).ok();
            assert!(told.out.contains("1 bundle taken, 0 sent"), "{format} {hash}: {told}");
            assert!(sync_in(ant, &env, &["--git", &url]).ok().out.contains("nothing new"), "{format} {hash}");
        }
    }
}

#[test]
fn what_is_configured_for_logins_is_not_done_for_an_exchange() {
    let hosts = Hosts::new();
    let ant = &hosts.0[0];
    let file = ant.path("args");
    ant.script("tools/ssh", &format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >'{}'\nexit 255\n", file.display()));
    sync_in(ant, &[], &["--ssh", "bee"]).code(1);
    let args = fs::read_to_string(file).expect("it was called");
    let (options, rest) = args.split_once("\n--\nbee\n").expect("the host comes after the options");
    assert!(rest.trim_end().ends_with("cs mesh serve --stdio"), "{rest}");
    // As ssh itself understands them.
    ant.write(
        "ssh-config",
        "Host *\n  RemoteCommand tmux\n  RequestTTY force\n  ForwardAgent yes\n  ForwardX11 yes\n  \
         PermitLocalCommand yes\n  LocalCommand touch /x\n  RemoteForward 8000 localhost:80\n",
    );
    let mut ssh = Command::new("ssh");
    ssh.arg("-G").args(options.lines()).arg("-F").arg(ant.path("ssh-config")).arg("bee");
    let Ok(meant) = ssh.output() else { return crate::sandbox::missing("ssh") };
    assert!(meant.status.success(), "{}", String::from_utf8_lossy(&meant.stderr));
    let meant = String::from_utf8_lossy(&meant.stdout).into_owned();
    let says = |line: &str| meant.lines().any(|own| own == line);
    for line in ["batchmode yes", "clearallforwardings yes", "permitlocalcommand no", "requesttty false"] {
        assert!(says(line), "{line}: {meant}");
    }
    for line in ["forwardagent no", "forwardx11 no"] {
        assert!(says(line), "{line}: {meant}");
    }
    assert!(!meant.contains("remotecommand tmux"), "{meant}");
}

#[test]
fn nobody_is_waited_for_who_was_left_behind_with_a_pipe() {
    let hosts = Hosts::new();
    let ant = &hosts.0[0];
    let behind = |program: &str, code: u8| {
        let file = ant.path(&format!("left-{program}"));
        let script = format!(
            "#!/bin/sh\necho gone >&2\nsetsid sleep 600 &\necho $! >'{}'\nexit {code}\n",
            file.display()
        );
        ant.script(&format!("tools/{program}"), &script);
    };
    // Whom it leaves behind is there still when cs has ended.
    let is_there = |program: &str| {
        let pid = ant.read(&format!("left-{program}"));
        Command::new("kill").args(["-9", pid.trim()]).status().expect("kill runs").success()
    };
    ["ssh", "git"].into_iter().for_each(|program| behind(program, 1));
    let told = sync_in(ant, &[], &["--ssh", "bee", "--git", "https://h.invalid/x"]).code(1);
    assert!(
        told.err.contains("bee: gone") && told.err.contains("https://h.invalid/x: git init failed: gone"),
        "{told}"
    );
    assert!(is_there("ssh") && is_there("git"));
    ant.profile("extends = [\"builtin:learning\"]\n[mesh]\ntailscale = true\n");
    ant.apply();
    behind("tailscale", 0);
    let mut peers = ant.command(&["mesh", "peers"]);
    peers.env("PATH", format!("{}:/usr/bin:/bin", ant.path("tools").display()));
    let told = ran(peers.output().expect("cs runs")).ok();
    assert!(told.err.contains("tailscale: gone"), "{told}");
    assert!(is_there("tailscale"));
}

#[test]
fn of_a_long_complaint_the_beginning_and_the_end_are_shown() {
    let hosts = Hosts::new();
    let ant = &hosts.0[0];
    hosts.repository();
    // Somebody else's machine: there the repository's programs run, with rights of its own.
    ant.script("tools/ssh", "#!/bin/sh\nfor last; do :; done\nexec sh -c \"$last\"\n");
    ant.script(
        "shared.git/hooks/pre-receive",
        "#!/bin/sh\necho the first line\nhead -c 3000000 /dev/zero | tr '\\0' '\\033'\nexit 1\n",
    );
    let told = sync(ant, &format!("ssh://store{}", ant.path("shared.git").display())).code(1);
    assert!(told.err.contains("the first line") && told.err.contains("pre-receive hook declined"), "{told}");
    assert!(told.err.len() < 16 << 10 && !told.err.contains('\u{1b}'), "{}", told.err.len());
}

#[test]
fn what_is_said_says_what_it_is_and_moves_no_cursor() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let hint = "is something printed there at every login";
    for banner in
        ["\\033[1mWelcome\\033[0m\\n", "\\302\\241Hola!\\n", "\\r\\n** Welcome **\\n", "\\007Ding, dong\\n"]
    {
        ant.script("tools/ssh", &format!("#!/bin/sh\nprintf '{banner}'\ncat >/dev/null\n"));
        let told = sync_in(ant, &[], &["--ssh", "bee"]).code(1);
        assert!(told.err.contains(hint), "{banner}: {told}");
    }
    // Who is asked is told as much of a caller who is none.
    let mut serve = bee.command(&["mesh", "serve", "--stdio"]);
    serve.stdin(std::process::Stdio::from(fs::File::open(ant.path("tools/ssh")).expect("a text")));
    assert!(ran(serve.output().expect("cs runs")).code(1).err.contains("a text"));
    let told = ant.cs(&["mesh", "sync", "--git", "http://[::1]:1/x"]).code(1);
    assert!(!told.err.contains("run a program") && told.err.contains("Failed to connect"), "{told}");
    let told = ant.cs(&["mesh", "sync", "--git", "ext::http://[::1]/x"]).code(1);
    assert!(told.err.contains("--git: git would run a program to reach it"), "{told}");
    let told = ant.cs(&["trust", "add", &crate::mesh::fingerprint(bee), "a\u{202e}b\u{1b}c"]).code(1);
    assert!(told.err.contains("`a\u{fffd}b\u{fffd}c` is no name"), "{told:?}");
    let trusted = ant.read(".claude/learning/trusted");
    for (day, shown) in
        [("\u{1b}]0;x\u{7}", "`\u{fffd}]0;x\u{fffd}` is no day"), ("2026\u{2066}", "`2026\u{fffd}`")]
    {
        let (first, _) = trusted.rsplit_once(' ').expect("a day");
        ant.write(".claude/learning/trusted", format!("{first} {day}\n"));
        let told = ant.cs(&["trust", "list"]).code(1);
        assert!(told.err.contains(shown) && !told.err.contains(day), "{told:?}");
    }
    ant.write(".claude/learning/trusted", trusted);
    assert_ne!(ant.cs(&["mesh", "status", "--json"]).ok().json()["digest"], Value::Null);
}
