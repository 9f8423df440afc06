"""Who is asked, and the world each is asked in: a home, a repository of dotfiles, and its origin."""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# What somebody had before: four spaces, a list on one line, no newline at the end.
MINE = '{\n    "permissions": { "allow": ["Bash(ls:*)"] },\n    "cleanupPeriodDays": 30\n}'
THEIRS = "Bash(git status:*)"  # what Claude Code is told to allow, later
ALLOW = "Bash(cargo test:*)"  # what the declaration wants
AGENT = "---\nname: reviewer\ndescription: Reviews\n---\nBe kind.\n"
HOOK = "#!/bin/sh\nexit 0\n"


verbose = False


class World:
    """A home, a repository of dotfiles in it, and its origin."""

    def __init__(self, programs):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="compare-"))
        self.home = self.folder / "home"
        self.dot = self.home / "dotfiles"
        self.root = self.home / ".claude"
        self.settings = self.root / "settings.json"
        self.root.mkdir(parents=True)
        self.programs = programs

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *args, cwd=None, env=None, text=None):
        args = [str(arg) for arg in args]
        paths = [str(pathlib.Path(program).parent) for program in self.programs.values()]
        sealed = {
            "HOME": str(self.home),
            "PATH": ":".join([*paths, "/usr/local/bin:/usr/bin:/bin"]),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            **{f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            **(env or {}),
        }
        ran = subprocess.run(
            args, cwd=cwd or self.home, env=sealed, input=text, stdin=None if text else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=120, check=False,
        )
        ran.said = re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout + ran.stderr)
        if verbose:
            line = " ".join(args).replace(str(self.folder), "…")
            print(f"    $ {line}\n      exit {ran.returncode}", file=sys.stderr)
            for said in ran.said.replace(str(self.folder), "…").splitlines()[:12]:
                print(f"      | {said}", file=sys.stderr)
        return ran

    def git(self, *args, cwd=None):
        return self.run("git", *args, cwd=cwd or self.dot)

    def write(self, path, text, mode=0o644):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def commit(self, what, cwd=None):
        self.git("add", "-A", cwd=cwd)
        self.git("commit", "-q", "--allow-empty", "-m", what, cwd=cwd)

    def live(self):
        """settings.json as Claude Code would read it; nothing where it could not."""
        try:
            return json.loads(self.settings.read_text())
        except (OSError, ValueError):
            return {}

    def allowed(self):
        return self.live().get("permissions", {}).get("allow", [])

    def hooks(self):
        """The files that hooks in settings.json name."""
        groups = [group for groups in self.live().get("hooks", {}).values() for group in groups]
        commands = [hook.get("command", "") for group in groups for hook in group.get("hooks", [])]
        return [pathlib.Path(command.replace("~", str(self.home), 1)) for command in commands]

    def tree(self):
        """What is in .claude, as a reader sees it: names, content, modes; not what cs keeps for itself."""
        seen = {}
        for folder, folders, files in os.walk(self.root, followlinks=True):
            folders[:] = [name for name in folders if name not in ("claude-sync", "learning")]
            for name in files:
                path = pathlib.Path(folder) / name
                seen[str(path.relative_to(self.root))] = path.read_bytes() if path.exists() else None
        return seen

    def times(self):
        """Every file and link in the home with its inode and time of change."""
        seen = {}
        for folder, folders, files in os.walk(self.home):
            for name in folders + files:
                path = os.path.join(folder, name)
                found = os.lstat(path)
                seen[path] = (found.st_ino, found.st_mtime_ns, stat.S_IFMT(found.st_mode))
        return seen

    def client_writes(self, change):
        """Claude Code changes its settings."""
        real = self.programs.get("client")
        if real and change == "marketplace":
            market = self.folder / "market"
            self.write(market / ".claude-plugin/marketplace.json",
                       json.dumps({"name": "mine", "owner": {"name": "x"}, "plugins": []}))
            return self.client("plugin", "marketplace", "add", market)
        target = self.settings
        if target.is_symlink():
            target = target.parent / os.readlink(target)
        value = json.loads(target.read_text()) if target.exists() else {}
        if change == "marketplace":
            value["extraKnownMarketplaces"] = {"mine": {}}
        elif change == "model":
            value["model"] = "haiku"
        else:
            value.setdefault("permissions", {}).setdefault("allow", []).append(change)
        new = target.with_name("new")
        new.write_text(json.dumps(value, indent=2) + "\n")
        new.replace(target)
        return None

    def client(self, *args):
        project = self.folder / "project"
        project.mkdir(exist_ok=True)
        return self.run(HERE.parent / "client/run", self.programs["client"], self.home, project, *args)


def settings(allow=(ALLOW,), model="opus", hook=True, agent=True):
    """The whole file that a peer would put in place."""
    value = {"model": model, "permissions": {"allow": list(allow)}}
    if hook:
        run = {"type": "command", "command": "~/.claude/hooks/format"}
        value["hooks"] = {"PostToolUse": [{"matcher": "Edit", "hooks": [run]}]}
    return json.dumps(value, indent=2) + "\n"


class Peer:
    """How something is declared and applied; each peer by its own documented way."""

    name = program = None
    where = "."  # the folder in the repository that mirrors ~/.claude's parent
    can_plan = False

    def version(self, w):
        return w.run(w.programs[self.program], "--version").said.split("\n")[0].strip()

    def declare(self, w, folder=None, shebang="#!/bin/sh\n", **want):
        base = (folder or w.dot) / self.where / ".claude"
        w.write(base / "settings.json", settings(**want))
        w.write(base / "hooks/format", HOOK.replace("#!/bin/sh\n", shebang), 0o755)
        w.write(base / "agents/reviewer.md", AGENT)

    def start(self, w, **want):
        """A repository with an origin, cloned; nothing applied yet."""
        origin = w.folder / "origin.git"
        w.git("init", "-q", "--bare", "-b", "main", str(origin), cwd=w.home)
        w.dot.mkdir()
        w.git("init", "-q", "-b", "main")
        w.git("remote", "add", "origin", str(origin))
        self.declare(w, **want)
        w.commit("one")
        w.git("push", "-q", "-u", "origin", "main")

    def elsewhere(self, w, **want):
        """Another machine pushes a new declaration."""
        other = w.folder / "other"
        w.git("clone", "-q", str(w.folder / "origin.git"), str(other), cwd=w.home)
        self.declare(w, folder=other, **want)
        w.commit("two", cwd=other)
        w.git("push", "-q", cwd=other)

    def git(self, w, *args):
        """Git on what is declared."""
        return w.git(*args)

    def pull(self, w):
        """As it comes; else as somebody careful does: what changed is committed first."""
        pulled = self.git(w, "pull", "-q", "--ff-only")
        if pulled.returncode:
            self.git(w, "commit", "-q", "-a", "-m", "what Claude Code wrote")
            pulled = self.git(w, "pull", "-q", "--rebase")
            if pulled.returncode:
                self.git(w, "rebase", "--abort")
        return pulled

    def apply(self, w):
        raise NotImplementedError

    def over_mine(self, w):
        """Applies where a settings.json is in the way, by the option there is for that."""
        return self.apply(w)

    def plan(self, w):
        return None

    def drift(self, w):
        return self.git(w, "diff")

    def keep(self, w):
        return self.git(w, "commit", "-q", "-a", "-m", "kept")

    def back(self, w):
        """The last declaration is taken back; what was written since is kept, where git can."""
        self.git(w, "commit", "-q", "-a", "-m", "what Claude Code wrote")
        reverted = self.git(w, "revert", "--no-edit", "HEAD~1")
        if reverted.returncode:
            self.git(w, "revert", "--abort")
        self.apply(w)
        return reverted

    def remove(self, w):
        return None

    def cwd(self, w):
        return w.dot

    removing = applying = None  # as one process, to be killed


class Cs(Peer):
    name, program = "cs", "cs"

    def cs(self, w, *args, **more):
        return w.run(w.programs["cs"], *args, "--yes", **more)

    def profile(self, w, text, folder=None):
        w.write((folder or w.dot) / "claude-sync.toml", f"format = 1\n{text}")

    def declare(self, w, folder=None, shebang="#!/bin/sh\n", allow=(ALLOW,), model="opus", hook=True, agent=True):
        base = folder or w.dot
        text = f'[settings]\nmodel = "{model}"\npermissions.allow = {json.dumps(list(allow))}\n'
        if hook:
            text += '[hooks.format]\nevent = "PostToolUse"\nmatcher = "Edit"\nsource = "format"\n'
        if agent:
            text += '[agents.reviewer]\nsource = "reviewer.md"\n'
        self.profile(w, text, base)
        w.write(base / "format", HOOK.replace("#!/bin/sh\n", shebang), 0o755)
        w.write(base / "reviewer.md", AGENT)

    def apply(self, w, **more):
        return self.cs(w, "apply", "--profile", w.dot / "claude-sync.toml", **more)

    def plan(self, w):
        return self.cs(w, "plan", "--profile", w.dot / "claude-sync.toml")

    def pull(self, w):
        return w.git("pull", "-q", "--ff-only")

    def drift(self, w):
        return self.cs(w, "plan")

    def keep(self, w):
        return self.cs(w, "capture", "--all")

    def back(self, w):
        return self.cs(w, "rollback")

    def remove(self, w):
        return self.cs(w, "uninstall")

    def applying(self, w):
        return [w.programs["cs"], "apply", "--yes", "--profile", w.dot / "claude-sync.toml"]

    def removing(self, w):
        return [w.programs["cs"], "uninstall", "--yes"]


class Links(Peer):
    """What people do without a tool: a script of `ln -s`. `cp -rs` makes the same links in one process."""

    name, program = "plain links", "cp"

    def version(self, w):
        return w.run("cp", "--version").said.split("\n")[0]

    def applying(self, w):
        return ["cp", "-rs", f"{w.dot}/.claude", w.home]

    def apply(self, w):
        return w.run(*self.applying(w))

    def over_mine(self, w):
        return w.run("cp", "-rs", "--remove-destination", f"{w.dot}/.claude", w.home)

    def removing(self, w):
        return ["find", w.root, "-type", "l", "-delete"]

    def remove(self, w):
        return w.run(*self.removing(w))


class Stow(Peer):
    name, program, where = "stow", "stow", "claude"

    def stow(self, w, *args):
        return w.run(*self.line(w), *args, "claude", cwd=w.dot)

    def line(self, w):
        return [w.programs["stow"], "--no-folding", "-d", w.dot, "-t", w.home]

    def applying(self, w):
        return [*self.line(w), "claude"]

    def removing(self, w):
        return [*self.line(w), "-D", "claude"]

    def apply(self, w):
        return self.stow(w, "-R")

    def over_mine(self, w):
        return self.stow(w, "--adopt")

    def plan(self, w):
        return self.stow(w, "-n", "-v")

    def remove(self, w):
        return self.stow(w, "-D")


class Dotter(Peer):
    name, program = "dotter", "dotter"

    def declare(self, w, folder=None, **want):
        super().declare(w, folder, **want)
        base = folder or w.dot
        names = ["settings.json", "hooks/format", "agents/reviewer.md"]
        files = "".join(f'".claude/{name}" = "~/.claude/{name}"\n' for name in names)
        w.write(base / ".dotter/global.toml", f"[claude.files]\n{files}")
        w.write(base / ".dotter/local.toml", 'packages = ["claude"]\n')
        w.write(base / ".gitignore", ".dotter/cache*\n")

    def dotter(self, w, *args, **more):
        return w.run(w.programs["dotter"], *args, "-y", cwd=w.dot, **more)

    def applying(self, w):
        return [w.programs["dotter"], "deploy", "-y"]

    def removing(self, w):
        return [w.programs["dotter"], "undeploy", "-y"]

    def apply(self, w, **more):
        return self.dotter(w, "deploy", **more)

    def over_mine(self, w):
        return self.dotter(w, "deploy", "--force")

    def plan(self, w):
        return self.dotter(w, "deploy", "--dry-run", "-v")

    def remove(self, w):
        return self.dotter(w, "undeploy")


class Yadm(Peer):
    """Its repository's work tree is the home itself: what is declared is what is committed."""

    name, program = "yadm", "yadm"

    def version(self, w):
        return w.run(w.programs["yadm"], "version").said.strip().split("\n")[-1]

    def git(self, w, *args):
        return w.run(w.programs["yadm"], *args)

    def cwd(self, w):
        return w.home

    def applying(self, w):
        return [w.programs["yadm"], "clone", "--no-bootstrap", w.folder / "origin.git"]

    def apply(self, w):
        """The first time; after that, what is pulled is applied."""
        if (w.home / ".local/share/yadm/repo.git").exists():
            return self.git(w, "status")
        return w.run(*self.applying(w))

    def over_mine(self, w):
        self.apply(w)
        return self.git(w, "checkout", "-f")

    def plan(self, w):
        self.git(w, "fetch", "-q")
        return self.git(w, "diff", "HEAD...origin/main")


class StoreLinks(Peer):
    """The links that Home Manager's programs.claude-code lays: from the home into its files, and on to the settings.
    The store has to be somebody else's: to who owns a folder, that it is closed means little. The links are ours,
    so this answers one question only."""

    program = "store"

    @staticmethod
    def lay(store):
        """As root."""
        for name in ("settings", "files/.claude"):
            (store / name).mkdir(parents=True)
        (store / "settings/settings.json").write_text(settings())
        (store / "files/.claude/settings.json").symlink_to(store / "settings/settings.json")

    def start(self, w, **want):
        pass

    def apply(self, w):
        w.settings.symlink_to(pathlib.Path(w.programs["store"]) / "files/.claude/settings.json")


class Plugins(Peer):
    """Claude Code's own: a folder with agents and hooks, listed in a marketplace."""

    name, program = "plugins", "client"

    def version(self, w):
        return w.client("--version").said.strip().split("\n")[-1]

    def declare(self, w, folder=None, shebang="#!/bin/sh\n", **want):
        base = folder or w.dot
        listed = {"name": "demo", "source": "./demo", "description": "d"}
        w.write(base / ".claude-plugin/marketplace.json",
                json.dumps({"name": "dot", "owner": {"name": "x"}, "plugins": [listed]}))
        plugin = base / "demo"
        w.write(plugin / ".claude-plugin/plugin.json", '{"name": "demo", "version": "1.0.0", "description": "d"}')
        run = {"type": "command", "command": "${CLAUDE_PLUGIN_ROOT}/hooks/format"}
        w.write(plugin / "hooks/hooks.json",
                json.dumps({"hooks": {"PostToolUse": [{"matcher": "Edit", "hooks": [run]}]}}))
        w.write(plugin / "hooks/format", HOOK.replace("#!/bin/sh\n", shebang), 0o755)
        w.write(plugin / "agents/reviewer.md", AGENT)
        # As if a plugin could bring settings.
        w.write(plugin / "settings.json", settings(hook=False))

    def apply(self, w):
        w.client("plugin", "marketplace", "add", w.dot)
        return w.client("plugin", "install", "demo@dot")

    def remove(self, w):
        w.client("plugin", "uninstall", "demo@dot")
        return w.client("plugin", "marketplace", "remove", "dot")
