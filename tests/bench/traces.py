#!/usr/bin/env python3
"""Makes traces of shell calls, and scores the hints on them.

    traces.py bots|hpc [--seed N]          prints a trace, a JSON object a line
    traces.py --score CS [TRACE...]        what `cs learn replay` says of the two made traces, or of files; of each
                                           also of its halves, cut by a hash of the session's name

A trace is made of a world and of agents in it. The world has facts: a program is missing, an option is refused, a test
can't run before something is installed; some end one day, because somebody mends them. Each session is an agent without
memory: for a task it tries a first choice, mostly the same, and where that fails another. Beside the world's facts a
command fails by chance, as tests do that tell of the code. It is a model of what is to be shown, so its figures say that
the hints do as they are meant where the world is like that, and nothing of how often it is.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile

GONE = "Exit code 127\n/bin/bash: line 1: {}: command not found"

# A task: (how often it comes up in a session, [(command, weight), ...], fails by chance).
BOT_TASKS = [
    (6, [("git status", 5), ("git diff", 3), ("git log --oneline -5", 2)], 0.0),
    (5, [("ls", 3), ("cat README.md", 2), ("rg -n main src", 2), ("grep -rn start src", 2)], 0.05),
    (2, [("pytest -x", 7), ("python -m pytest", 3)], 0.3),
    (2, [("npm ci", 6), ("npm install", 4)], 0.02),
    (2, [("npm test", 8), ("npx vitest run", 2)], 0.25),
    (1, [("docker build -t app .", 6), ("podman build -t app .", 2)], 0.1),
    (2, [("ruff check .", 5), ("flake8 src", 3)], 0.3),
    (1, [("mypy src", 1)], 0.3),
    (1, [("gh pr create --fill", 3), ("gh pr view", 3)], 0.05),
    (1, [("pip install -r requirements.txt", 6), ("uv pip install -r requirements.txt", 3)], 0.05),
    (1, [("tree -L 2", 3), ("find . -name '*.py'", 5)], 0.0),
    (1, [("jq .version package.json", 1)], 0.0),
    (2, [("cargo build", 1), ("cargo test", 1)], 0.2),
    (1, [("psql -c 'select 1'", 1)], 0.02),
    (1, [("make build", 1)], 0.2),
    (1, [("git push origin HEAD", 1)], 0.05),
]

# A fact: (how a command begins, what it prints, from which session of a hundred it is so, until which).
BOT_FACTS = [
    ("docker", GONE.format("docker"), 0, 101),
    ("gh ", GONE.format("gh"), 0, 60),
    ("tree", GONE.format("tree"), 0, 101),
    ("python -m pytest", "Exit code 1\n/usr/bin/python: No module named pytest", 0, 101),
    ("pytest", GONE.format("pytest"), 0, 101),
    ("npm ci", "Exit code 1\nnpm error code EUSAGE\nnpm error The `npm ci` command can only install with an existing "
     "package-lock.json", 10, 101),
    ("mypy", GONE.format("mypy"), 30, 80),
    ("flake8", GONE.format("flake8"), 0, 101),
    ("pip install", "Exit code 1\nerror: externally-managed-environment", 0, 101),
    ("psql", "Exit code 2\npsql: error: connection to server failed: Connection refused", 20, 70),
    ("git push", "Exit code 128\nfatal: could not read Username for 'https://github.com'", 0, 50),
]

HPC_TASKS = [
    (6, [("squeue -u me", 5), ("sacct -j 1", 2), ("sinfo", 1)], 0.02),
    (3, [("sbatch --gres=gpu:1 run.sh", 6), ("sbatch --partition=long run.sh", 3)], 0.05),
    (2, [("module load cuda/12", 5), ("module load gcc", 3)], 0.05),
    (4, [("ls", 3), ("cat slurm-1.out", 4), ("tail -n 50 slurm-1.out", 3)], 0.05),
    (2, [("srun --pty bash -c hostname", 4)], 0.1),
    (2, [("singularity exec img.sif python train.py", 5), ("apptainer exec img.sif python train.py", 4)], 0.15),
    (1, [("docker run --rm img ls", 1)], 0.0),
    (2, [("conda activate work", 4), ("mamba env list", 2)], 0.02),
    (1, [("samtools index a.bam", 3), ("bwa mem ref.fa a.fq", 3)], 0.1),
    (1, [("blastn -query a.fa -db nt", 1)], 0.1),
    (1, [("nvidia-smi", 1)], 0.0),
    (2, [("git status", 3), ("git pull", 2)], 0.03),
    (1, [("rsync -a data/ scratch/", 1)], 0.05),
    (1, [("scancel 1", 1)], 0.02),
]

HPC_FACTS = [
    ("docker", GONE.format("docker"), 0, 101),
    ("singularity", GONE.format("singularity"), 0, 101),
    ("nvidia-smi", GONE.format("nvidia-smi"), 0, 101),
    ("mamba", GONE.format("mamba"), 0, 101),
    ("sbatch --gres", "Exit code 1\nsbatch: error: Invalid generic resource (gres) specification", 20, 75),
    ("srun --pty", "Exit code 1\nsrun: error: Unable to allocate resources: Requested time limit is invalid", 40, 60),
    ("samtools", GONE.format("samtools"), 0, 50),
    ("conda activate", "Exit code 1\nCondaError: Run 'conda init' before 'conda activate'", 0, 101),
]

WORLDS = {"bots": (BOT_TASKS, BOT_FACTS, 100, (15, 40)), "hpc": (HPC_TASKS, HPC_FACTS, 60, (20, 60))}


def fact(facts, command, percent):
    for start, text, first, last in facts:
        if command.startswith(start) and first <= percent < last:
            return text
    return None


def trace(name, seed):
    tasks, facts, sessions, (least, most) = WORLDS[name]
    draw = random.Random(f"{name} {seed}")
    for number in range(sessions):
        session = f"{name}-{seed}-{number}"
        percent = 100 * number // sessions
        calls, length = 0, draw.randint(least, most)
        while calls < length:
            _, choices, chance = draw.choices(tasks, [task[0] for task in tasks])[0]
            left = list(choices)
            while left:
                command, weight = draw.choices(left, [weight for _, weight in left])[0]
                left.remove((command, weight))
                text = fact(facts, command, percent)
                if text is None and draw.random() < chance:
                    text = "Exit code 1\nFAILED: 2 of 40"
                calls += 1
                yield {"session": session, "seq": calls, "tool": "Bash", "command": command, "ok": text is None,
                       "exit_code": None, "duration_ms": None, "error_head": text}
                # One who was told no tries another way, mostly; and one whose code is wrong mends it.
                if text is None or draw.random() < 0.2:
                    break


def half(session):
    return hashlib.sha256(session.encode()).digest()[0] % 2


def score(cs, name, calls):
    for part, chosen in [("all", calls)] + [
        (f"half {n}", [call for call in calls if half(call.get("session", "")) == n]) for n in (0, 1)
    ]:
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.writelines(json.dumps(call) + "\n" for call in chosen)
            file.flush()
            told = subprocess.run([cs, "learn", "replay", file.name, "--json", "--shadow"], check=True, capture_output=True)
        told = json.loads(told.stdout)
        for kind, own in told["kinds"].items():
            figures = " ".join(f"{key} {own[key] if own[key] is not None else '-':.5}" if isinstance(own[key], float)
                               else f"{key} {own[key]}" for key in
                               ("shown", "right", "precision", "recall", "per_100_calls", "oracle"))
            print(f"{name:<14} {part:<7} {told['calls']:>6} calls  {kind:<11} {figures}")


def main():
    parser = argparse.ArgumentParser(description="makes traces, and scores hints on them")
    parser.add_argument("what", nargs="*")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--score", metavar="CS")
    given = parser.parse_args()
    if not given.score:
        for call in trace(given.what[0], given.seed):
            print(json.dumps(call))
        return
    for name in given.what:
        with open(name, encoding="utf-8") as file:
            score(given.score, name.rsplit("/", 1)[-1][:14], [json.loads(line) for line in file if line.strip()])
    for name in WORLDS if not given.what else []:
        for seed in (1, 2, 3):
            score(given.score, f"{name} {seed}", list(trace(name, seed)))


if __name__ == "__main__":
    sys.exit(main())
