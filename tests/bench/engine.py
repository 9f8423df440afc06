#!/usr/bin/env python3
"""How fast the engine is, as ratios within one run.

    cargo build --release && python3 tests/bench/engine.py CS [--against DOTTER] [--runs N]

CS is the release executable; DOTTER a `dotter` 0.13 (`cargo install dotter`). Commands are run
in turn, A B A B …, each as a whole process in a fresh folder of its own, and the median of the
pairwise ratios is what counts: machines are noisy, a time alone says little.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time


def once(command, env, cwd):
    start = time.perf_counter()
    subprocess.run(command, env=env, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def paired(name, a, b, runs):
    """Runs the two in turn; each is a function from the run's number to (command, env, cwd)."""
    times = []
    for run in range(-1, runs):
        pair = (once(*a(run)), once(*b(run)))
        if run >= 0:
            times.append(pair)
    ratio = statistics.median(x / y for x, y in times)
    left, right = (statistics.median(column) * 1000 for column in zip(*times))
    print(f"{name:<34} {left:8.2f} ms  {right:8.2f} ms   ratio {ratio:5.2f}")


def slow(top):
    """Says so where the file system is busy with its past: ext4 without a journal looks for a free
    inode past every one deleted in the last minutes, and whoever makes twice as many waits twice."""
    folder = top / "slow"
    folder.mkdir()
    start = time.perf_counter()
    for number in range(100):
        os.symlink("x", folder / str(number))
    each = (time.perf_counter() - start) / 100 * 1e6
    note = "   much was deleted here lately: take another --dir, or wait" if each > 60 else ""
    print(f"a symbolic link costs {each:.0f} us{note}")


def profile(folder, files):
    (folder / "src").mkdir(parents=True)
    lines = ["format = 1"]
    for number in range(files):
        (folder / "src" / f"f{number}").write_text(f"the content of file {number}\n")
        lines += [f'[files."f{number}"]', f'source = "src/f{number}"']
    (folder / "profile.toml").write_text("\n".join(lines) + "\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("cs")
    arguments.add_argument("--against", metavar="DOTTER")
    arguments.add_argument("--runs", type=int, default=21)
    arguments.add_argument("--dir", metavar="DIR", help="where to work, instead of the folder for temporary files")
    options = arguments.parse_args()
    cs = os.path.abspath(options.cs)
    top = pathlib.Path(tempfile.mkdtemp(prefix="cs-bench-", dir=options.dir))
    slow(top)
    env = {"HOME": str(top), "PATH": os.environ["PATH"]}
    try:
        if options.against:
            against(top, env, cs, os.path.abspath(options.against), options.runs)
        sizes(top, env, cs, options.runs)
        settings(top, env, cs, options.runs)
    finally:
        shutil.rmtree(top)


def against(top, env, cs, dotter, runs, files=120):
    ours, theirs = top / "ours", top / "theirs"
    profile(ours, files)
    (theirs / ".dotter").mkdir(parents=True)
    table = ["[default.files]"]
    for number in range(files):
        (theirs / f"f{number}").write_text(f"the content of file {number}\n")
        table.append(f'f{number} = {{ target = "~/f{number}", type = "symbolic" }}')
    (theirs / ".dotter" / "global.toml").write_text("\n".join(table) + "\n")
    (theirs / ".dotter" / "local.toml").write_text('packages = ["default"]\n')

    def apply(*extra):
        def command(run):
            root = top / "roots" / f"{'-'.join(extra)}{run}"
            root.mkdir(parents=True, exist_ok=True)
            return [cs, "apply", "-q", "--yes", *extra, "--profile", str(ours / "profile.toml"), "--root", str(root)], env, top
        return command

    def deploy(tag):
        def command(run):
            home = top / "homes" / f"{tag}{run}"
            home.mkdir(parents=True, exist_ok=True)
            cache = [f"--cache-file={home}/.cache.toml", f"--cache-directory={home}/.cache"]
            return [dotter, "-q", *cache, "deploy"], {**env, "HOME": str(home)}, theirs
        return command

    print(f"{files} small files                              cs        dotter")
    paired("first apply, --durability none", apply("--durability", "none"), deploy("a"), runs)
    paired("first apply", apply(), deploy("b"), runs)
    again = deploy("a")
    none = ["--durability", "none"]
    root = str(top / "roots" / "--durability-none0")
    paired("no-op apply, --durability none", lambda _: ([cs, "apply", "-q", "--yes", *none, "--root", root], env, top), lambda _: again(0), runs)
    paired("no-op apply", lambda _: ([cs, "apply", "-q", "--yes", "--root", root], env, top), lambda _: again(0), runs)
    paired("no-op plan", lambda _: ([cs, "plan", "-q", "--root", root], env, top), lambda _: again(0), runs)


def sizes(top, env, cs, runs):
    print("\nno-op plan                        N files      10 files")
    def plan(files):
        folder = top / f"n{files}"
        profile(folder, files)
        root = str(folder / "root")
        once([cs, "apply", "-q", "--yes", "--durability", "none", "--profile", str(folder / "profile.toml"), "--root", root], env, top)
        return lambda _: ([cs, "plan", "-q", "--root", root], env, top)
    ten = plan(10)
    for files in (100, 1_000, 10_000):
        paired(f"{files} files", plan(files), ten, min(runs, 9))


def settings(top, env, cs, runs):
    print("\nplan over N permissions           893              10")
    text = 'format = 1\n[settings]\npermissions.allow = ["a", "b"]\nmodel = "opus"\n[hooks.h]\nevent = "Stop"\ncommand = "true"\n'
    (top / "p.toml").write_text(text)
    def plan(rules):
        root = top / f"p{rules}"
        root.mkdir()
        allow = [f"Bash(tool-{number} sub:*)" for number in range(rules)]
        (root / "settings.json").write_text(json.dumps({"model": "mine", "permissions": {"allow": allow}}, indent=2))
        return lambda _: ([cs, "plan", "-q", "--profile", str(top / "p.toml"), "--root", str(root)], env, top)
    paired("a real change", plan(893), plan(10), runs)


if __name__ == "__main__":
    main()
