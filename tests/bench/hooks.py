#!/usr/bin/env python3
"""What the bundled hooks cost, as whole processes, beside the least a process can cost.

    cargo build --release && cargo build --profile counted
    python3 tests/bench/hooks.py RELEASED --counted COUNTED [--uv UV] [--runs N]

RELEASED and COUNTED are the two builds of `cs` (`target/TRIPLE/release/cs`, `target/TRIPLE/counted/cs`); the
second has a clock that can be set, which brings the next day and lets a profiler be slow. The full store is
that of `store.py`; `--only lookups` lays out a thousand to a hundred thousand patterns in it. UV is the
program `uv`; without it the scripts run under `python3` alone. Everything is run in turn, A B C A B C …,
and what counts is the ratio within a round: machines are noisy, a time alone says little.

The empty program is `fn main() {}`, compiled here with `rustc -O` and linked statically as ours is. The
script does what the collector does, the way such hooks are written: it reads JSON, seals a
record with `cryptography`, and appends it to a file.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import store

COMMANDS = [
    "cargo test --workspace 2>&1 | tail -20", "git status --short", "ls -la src", "cd build && make -j4",
    "rg -n 'fn main' src | head", "git commit -qm 'Say why'", "python3 -m pytest tests/unit -x -q",
    "npm run lint", "sbatch --array=1-40 run.sh", "for f in *.fa; do samtools faidx \"$f\"; done",
    "rm -rf build/tmp", "curl -fsSL https://example.org/data.json -o data.json", "docker ps -a",
    "sed -n '10,40p' README.md", "find . -name '*.rs' -newer Cargo.toml -print0 | xargs -0 wc -l",
]
SCRIPT = '''# /// script
# dependencies = ["cryptography"]
# ///
import json, os, sys
from cryptography.fernet import Fernet
event = json.load(sys.stdin)
here = os.path.dirname(os.path.abspath(__file__))
key = open(os.path.join(here, "key"), "rb").read()
words = event["tool_input"]["command"].split()
record = json.dumps({"tool": event["tool_name"], "program": words[0], "words": len(words), "ok": True})
with open(os.path.join(here, "records"), "ab") as out:
    out.write(Fernet(key).encrypt(record.encode()) + b"\\n")
'''


class Case:
    """A hook and the event it is called for."""

    def __init__(self, hook, event, budget_ms, **fields):
        self.hook, self.event, self.budget_ms, self.fields = hook, event, budget_ms, fields

    def payload(self, cwd, command):
        event = {"session_id": "9f1c2d3e-0000-4000-8000-123456789abc", "cwd": cwd, "hook_event_name": self.event,
                 "transcript_path": "/home/ann/.claude/projects/-home-ann-project/s.jsonl", "permission_mode": "default", **self.fields}
        if "tool_name" in event:
            event["tool_input"] = {"command": command, "description": "what it is for"}
        return json.dumps(event).encode()


CASES = [
    Case("intelligent-optimizer", "PreToolUse", 10, tool_name="Bash"),
    Case("learning-collector", "PostToolUse", 50, tool_name="Bash", duration_ms=1530,
         tool_response={"stdout": "12 passed\n" * 40, "stderr": "", "interrupted": False}),
    Case("learning-collector", "PostToolUseFailure", 50, tool_name="Bash", duration_ms=90,
         error="Exit code 1\nerror: no such file or directory", is_interrupt=False),
    Case("context-enhancer", "UserPromptSubmit", 20, prompt="run the tests again, please, and mend what fails"),
    Case("context-enhancer", "SessionStart", 20, source="startup", model="m"),
]


def once(command, env, stdin=b""):
    """Runs a program to its end: (milliseconds, page faults without a disk)."""
    read, write = os.pipe()
    os.write(write, stdin)
    os.close(write)
    actions = [(os.POSIX_SPAWN_DUP2, read, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, env, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    took = (time.perf_counter() - start) * 1000
    os.close(read)
    if status != 0:
        sys.exit(f"{command}: ended with {status}")
    return took, usage.ru_minflt


def turns(runners, runs, warmup=3):
    """Each in turn, over and over; by name the list of its runs. A slow one may sit out rounds."""
    taken = {name: [] for name in runners}
    for run in range(-warmup, runs):
        for name, (runner, every) in runners.items():
            if run < 0 or run % every == 0:
                result = runner(run)
                if run >= 0:
                    taken[name].append(result)
            else:
                taken[name].append(None)
    return taken


def rank(values, percent):
    values = sorted(values)
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def ratios(taken, name, base):
    pairs = [(a[0], b[0]) for a, b in zip(taken[name], taken[base]) if a and b]
    return [a / b for a, b in pairs]


def peak_kib(command, env, stdin):
    """The peak of resident memory, by GNU time: what Python would tell is partly its own."""
    out = subprocess.run(["/usr/bin/time", "-f", "%M", *command], env=env, input=stdin, capture_output=True, check=True)
    return int(out.stderr.split()[-1])


def instructions(command, env, stdin):
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    out = subprocess.run([*tool, *command], env=env, input=stdin, capture_output=True, check=True)
    return int(re.search(rb"Collected : (\d+)", out.stderr)[1])


class Home:
    """A home folder with the bundled hooks, of one build."""

    def __init__(self, folder, cs):
        self.folder, self.cs = folder, cs
        (folder / "project").mkdir(parents=True)
        self.env = {"HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin"}
        self.run("apply", "--yes", "--profile", "builtin:learning")

    def run(self, *args, now=None):
        env = {**self.env, "CS_NOW": str(now)} if now else self.env
        subprocess.run([self.cs, *args], env=env, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def hook(self, case):
        return [str(self.folder / ".claude" / "hooks" / case.hook)]

    def payload(self, case, number):
        return case.payload(str(self.folder / "project"), COMMANDS[number % len(COMMANDS)])

    def records(self):
        return sum(file.stat().st_size for file in self.folder.glob(".claude/learning/cs-*/patterns_*.enc"))


def empty_program(top):
    source = top / "empty.rs"
    source.write_text("fn main() {}\n")
    flags = ["-C", "target-feature=+crt-static"] if sys.platform == "linux" else []
    subprocess.run(["rustc", "-O", *flags, "-o", str(top / "empty"), str(source)], check=True)
    return str(top / "empty")


def script(top):
    key = subprocess.run([sys.executable, "-c", "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"],
                         capture_output=True, check=True).stdout
    (top / "key").write_bytes(key.strip())
    (top / "hook.py").write_text(SCRIPT)
    return str(top / "hook.py")


def whole_processes(options, top, empty_home, full_home):
    nothing = empty_program(top)
    hook = script(top)
    python = os.path.realpath(sys.executable)  # no shim before it
    env = {**empty_home.env, "PATH": os.environ["PATH"]}
    home_env = {**os.environ}
    for case in CASES:
        leaves_work = case.event == "SessionStart"

        def own(home):
            def run_once(run):
                took = once(home.hook(case), home.env, home.payload(case, run))
                if leaves_work:
                    time.sleep(0.2)  # what it leaves behind would count as others' time
                return took
            return run_once, 5 if leaves_work else 1

        event = lambda run: CASES[1].payload(str(top), COMMANDS[run % len(COMMANDS)])
        runners = {
            "/bin/true": (lambda run: once(["/bin/true"], env), 1),
            "an empty Rust program": (lambda run: once([nothing], env), 1),
            f"{case.event}, empty store": own(empty_home),
            f"{case.event}, full store": own(full_home),
            "the script, python3": (lambda run: once([python, hook], home_env, event(run)), 8),
        }
        if options.uv:
            uv = [os.path.abspath(options.uv), "run", "--quiet", "--script", hook]
            subprocess.run(uv, input=event(0), check=True)  # its cache is warm from here on
            runners["the script, uv run"] = (lambda run: once(uv, home_env, event(run)), 8)
        taken = turns(runners, options.runs)
        print(f"\n{case.hook}, {case.event}: budget {case.budget_ms} ms")
        print(f"  {'':<32} {'p50 ms':>8} {'p95 ms':>8} {'/true':>7} {'p95':>7} {'/empty':>7} {'p95':>7} {'faults':>7}")
        for name in runners:
            times = [run[0] for run in taken[name] if run]
            of_true, of_empty = ratios(taken, name, "/bin/true"), ratios(taken, name, "an empty Rust program")
            faults = statistics.median(run[1] for run in taken[name] if run)
            print(f"  {name:<32} {statistics.median(times):8.2f} {rank(times, 95):8.2f} {statistics.median(of_true):7.2f} "
                  f"{rank(of_true, 95):7.2f} {statistics.median(of_empty):7.2f} {rank(of_empty, 95):7.2f} {faults:7.0f}")
        ours = f"{case.event}, empty store"
        for name in list(runners)[4:]:
            faster = ratios(taken, name, ours)
            print(f"  faster than {name}: {statistics.median(faster):.0f} × ({min(faster):.0f} to {max(faster):.0f})")
        peaks = [peak_kib(home.hook(case), home.env, home.payload(case, 0)) for home in (empty_home, full_home)]
        print(f"  peak memory: {peaks[0]} KiB with the empty store, {peaks[1]} KiB with the full one")


def counts(empty_home, full_home, now):
    print("\nInstructions (callgrind)                 empty store   full store   more   the next day's first")
    for case in CASES:
        row = []
        for home, at in [(empty_home, now), (full_home, now), (full_home, now + 86_400)]:
            env = {**home.env, "CS_NOW": str(at)}
            once(home.hook(case), env, home.payload(case, 0))  # whatever a session is told once
            before = home.records()
            row.append(statistics.median(instructions(home.hook(case), env, home.payload(case, number)) for number in range(5)))
            written = home.records() > before
            if written != case.event.startswith("PostToolUse"):
                sys.exit(f"{case.event}: a record was {'' if written else 'not '}written")
            if case.event == "SessionStart":
                time.sleep(2)
        print(f"{case.event:<38} {row[0]:13,.0f} {row[1]:12,.0f} {row[1] / row[0] - 1:6.1%} {row[2]:22,.0f}")


def upkeep(home, now):
    """What a session's start leaves to another process, with a full store."""
    env = lambda day: {**home.env, "CS_NOW": str(now + day * 86_400)}
    command = [home.cs, "hook", "upkeep"]
    first = [once(command, env(1 + day))[0] for day in range(5)]
    again = [once(command, env(5))[0] for _ in range(5)]
    print(f"\nupkeep: a day's first {statistics.median(first):.1f} ms (with the rotation), again {statistics.median(again):.1f} ms")


def lookups(options, top, learned, now):
    """What it costs to ask what is known of a command, by how much is known in all."""
    case = CASES[0]
    print("\nLook-up                     file, bytes   instructions   ms more than without (median, of pairs)")
    for count in [1_000, 10_000, 100_000]:
        homes = {}
        for name, cs in [("released", options.cs), ("counted", options.counted)]:
            home = Home(top / f"{name}-{count}", os.path.abspath(cs))
            shutil.rmtree(home.folder / ".claude/learning")
            shutil.copytree(learned, home.folder / ".claude/learning")
            store.lay_out_hints(home.folder, count)
            homes[name] = home
        file, = homes["counted"].folder.glob(".claude/learning/cs-*/hints.enc")
        size = file.stat().st_size
        env = {**homes["counted"].env, "CS_NOW": str(now)}

        def cost(numbers=range(10)):
            home = homes["counted"]
            return statistics.mean(instructions(home.hook(case), env, home.payload(case, number)) for number in numbers)

        with_hints = cost()
        file.unlink()
        more = with_hints - cost()
        home = homes["released"]
        file, = home.folder.glob(".claude/learning/cs-*/hints.enc")
        aside = file.with_suffix(".aside")

        def run(number, from_, to):
            if from_.exists():
                from_.rename(to)
            return once(home.hook(case), home.env, home.payload(case, number))

        runners = {"with": (lambda number: run(number, aside, file), 1), "without": (lambda number: run(number, file, aside), 1)}
        taken = turns(runners, options.runs)
        pairs = [a[0] - b[0] for a, b in zip(taken["with"], taken["without"])]
        print(f"{count:>9,} patterns {size:>20,} {more:>14,.0f} {statistics.median(pairs):>10.3f}")


def busy(home, table):
    """With every processor taken, nothing that the guard stops may become silent."""
    rows = [line.split("\t") for line in pathlib.Path(table).read_text().splitlines()]
    commands = [row[0] for row in rows if row[1] == "block"]
    case = CASES[0]

    def answer(command):
        start = time.perf_counter()
        out = subprocess.run(home.hook(case), env=home.env, input=case.payload(str(home.folder), command), capture_output=True, check=True)
        return out.stdout, (time.perf_counter() - start) * 1000

    stopped = [command for command in commands if answer(command)[0]]
    print(f"\n{len(stopped)} of {len(commands)} dangerous commands are stopped")
    for loops, at_once in [(0, 1), (2, 1), (4, 1), (4, 8)]:
        children = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(loops)]
        try:
            with ThreadPoolExecutor(at_once) as pool:
                answers = list(pool.map(answer, stopped * 3))
        finally:
            for child in children:
                child.kill()
                child.wait()
        times = [took for _, took in answers]
        silent = sum(not said for said, _ in answers)
        undecided = sum(b"guard/undecided" in said for said, _ in answers)
        print(f"  {loops} busy loops, {at_once} at a time: {len(answers)} runs, {silent} silent, {undecided} undecided; p50 {statistics.median(times):.1f} ms, "
              f"p95 {rank(times, 95):.1f} ms, at most {max(times):.1f} ms")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("cs", metavar="RELEASED")
    arguments.add_argument("--counted", metavar="COUNTED", required=True)
    arguments.add_argument("--uv", metavar="UV")
    arguments.add_argument("--store", metavar="HOME", help="a home with a full store, rather than one made here")
    arguments.add_argument("--dangerous", metavar="TABLE", help="lines of a command, a tab, and `block`")
    arguments.add_argument("--runs", type=int, default=200)
    arguments.add_argument("--only", choices=["times", "counts", "lookups"], action="append")
    options = arguments.parse_args()
    cs, counted = os.path.abspath(options.cs), os.path.abspath(options.counted)
    only = options.only or ["times", "counts", "lookups"]
    now = int(time.time())
    top = pathlib.Path(tempfile.mkdtemp(prefix="cs-bench-"))
    try:
        counted_empty, counted_full = Home(top / "counted-empty", counted), Home(top / "counted-full", counted)
        start = time.perf_counter()
        learning = pathlib.Path(".claude") / "learning"
        filled = pathlib.Path(options.store) if options.store else top / "filled"
        if not options.store:
            store.make(filled, cs)
        shutil.rmtree(counted_full.folder / learning)
        shutil.copytree(filled / learning, counted_full.folder / learning)
        shutil.rmtree(counted_full.folder / learning / "durations", ignore_errors=True)
        counted_full.run("hook", "upkeep")
        print(f"a full store in {time.perf_counter() - start:.0f} s: "
              f"{sum(file.stat().st_size for file in counted_full.folder.glob('.claude/learning/**/*') if file.is_file()):,} bytes")
        if "times" in only:
            empty_home, full_home = Home(top / "empty-store", cs), Home(top / "full-store", cs)
            shutil.rmtree(full_home.folder / learning)
            shutil.copytree(counted_full.folder / learning, full_home.folder / learning)
            whole_processes(options, top, empty_home, full_home)
            if options.dangerous:
                busy(empty_home, options.dangerous)
        if "counts" in only:
            counts(counted_empty, counted_full, now)
        if "lookups" in only:
            lookups(options, top, counted_full.folder / learning, now)
        upkeep(counted_full, now)
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
