#!/usr/bin/env python3
"""How long a verdict takes as a hostile text doubles, and what one costs over a list of commands.

    tests/bench/guard.py [--cs PATH] [--commands FILE] [--max BYTES]

User time of whole processes: with a doubling of the text it may not grow by more than about 2.2. Levels
go to 10,000, lengths to 1 MiB.
"""
import argparse
import os
import resource
import subprocess
import tempfile


def user_seconds(cs, lines):
    home = tempfile.mkdtemp(prefix="cs-bench-")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run = subprocess.run(
        [cs, "guard", "check", "--batch"], input=lines.encode(), cwd=home, env={"HOME": home}, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    os.rmdir(home)
    assert run.returncode == 0, run.stderr
    return after - before, run.stdout


# A text of about `n` bytes that ends in what must not pass.
TEXTS = {
    "words": lambda n: "a " * (n // 2),
    "quotes": lambda n: "'a' \"b\" " * (n // 8),
    "open quotes": lambda n: "'" + "\"" * n,
    "$(": lambda n: "echo " + "$(" * (n // 2),
    "$( )": lambda n: "echo " + "$(" * (n // 3) + ")" * (n // 3),
    "<<": lambda n: "<<" * (n // 2),
    "here-documents": lambda n: "cat <<E\nx\nE\n" * (n // 12),
    "here-documents on a line": lambda n: "cat " + "<<E " * (n // 4) + "\n",
    "{": lambda n: "{ " * (n // 2),
    "[[": lambda n: "[[ " * (n // 3),
    "$((": lambda n: "$((" * (n // 3),
    "&>(": lambda n: "&>(" * (n // 3),
    "a=": lambda n: "a=$a$a " * (n // 7),
    "a=; lines": lambda n: "a=b\n" * (n // 4),
    "pipes": lambda n: "a|" * (n // 2),
    "lists in braces": lambda n: "{a,b}" * (n // 5),
    "lists in lists": lambda n: "{a," * (n // 4) + "}" * (n // 4),
    "extended patterns": lambda n: "*(a)" * (n // 4),
    "backticks": lambda n: "`a` " * (n // 4),
    "case": lambda n: "case x in x) " * (n // 13),
    "functions": lambda n: "f() { f; }; " * (n // 12),
    "${": lambda n: "${x:-" * (n // 5),
    "aliases": lambda n: "alias a='a b'; a\n" * (n // 17),
    "find": lambda n: "find . -exec rm {} \\; " * (n // 22),
    "xargs": lambda n: "xargs " * (n // 6),
    "sudo": lambda n: "sudo " * (n // 5),
    "eval": lambda n: "eval " * (n // 5),
    "cd": lambda n: "cd a; " * (n // 6),
    "redirections": lambda n: "a " + ">b " * (n // 3),
    "wide blanks": lambda n: "a\u3000" * (n // 4),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cs", default="target/release/cs")
    parser.add_argument("--commands")
    parser.add_argument("--max", type=int, default=1 << 20)
    args = parser.parse_args()
    args.cs = os.path.abspath(args.cs)
    base = min(user_seconds(args.cs, "ls\n")[0] for _ in range(3))
    for name, text in TEXTS.items():
        times, n = [], max(args.max >> 4, 1 << 10)
        while n <= args.max:
            line = text(n).replace("\\", "\\\\").replace("\n", "\\n") + "\n"
            times.append(max(min(user_seconds(args.cs, line)[0] for _ in range(2)) - base, 1e-4))
            n *= 2
        growth = " ".join(f"{b / a:4.1f}" for a, b in zip(times, times[1:]))
        print(f"{name:26} {times[-1] * 1000:9.1f} ms at {args.max:8}   x {growth}", flush=True)
    if args.commands:
        lines = open(args.commands, errors="replace").read()
        once, twice = (min(user_seconds(args.cs, lines * k)[0] for _ in range(3)) for k in (1, 6))
        print(f"{(twice - once) / 5 / lines.count(chr(10)) * 1e6:.1f} us for each of {lines.count(chr(10))} commands")


main()
