#!/usr/bin/env python3
"""How long the slow work takes on a full store: thirty days of 1,556 events each.

    cargo build --release && python3 tests/bench/store.py CS [--home HOME] [--runs N]

CS is the release executable. The store is made by a test that is skipped otherwise
(`make_a_full_store` in tests/it/store.rs; CS_STORE_DAYS, CS_STORE_EVENTS and CS_STORE_KINDS change
its size). With --home it is made in HOME/.claude and left there, to measure other things with:
HOME=HOME CS ...; a HOME that is there already is used as it is. Every run is one whole process on a
fresh copy. Nothing of the real home is touched.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

WORK = {
    "cs keys rotate": ["keys", "rotate"],
    "cs hook upkeep": ["hook", "upkeep"],
    "cs audit": ["audit"],
}


def surroundings(home):
    return {"HOME": str(home), "PATH": os.environ["PATH"]}


def make(home, cs):
    home.mkdir(parents=True)
    apply = [cs, "apply", "--yes", "--profile", "builtin:learning"]
    subprocess.run(apply, env=surroundings(home), cwd=home, check=True, stdout=subprocess.DEVNULL)
    run_test("make_a_full_store", home)


def lay_out_hints(home, count):
    """Has hooks know so many patterns, in a home whose store is full."""
    run_test("lay_out_many_hints", home, CS_STORE_HINTS=str(count))


def run_test(name, home, **settings):
    project = pathlib.Path(__file__).resolve().parents[2]
    test = ["cargo", "test", "--quiet", "--test", "it", name, "--", "--ignored"]
    env = dict(os.environ, CS_STORE=str(home / ".claude"), **settings)
    subprocess.run(test, env=env, cwd=project, check=True, stdout=subprocess.DEVNULL)


def size(home):
    learning = home / ".claude" / "learning"
    return sum(path.stat().st_size for path in learning.rglob("*") if path.is_file())


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("cs")
    arguments.add_argument("--home", type=pathlib.Path)
    arguments.add_argument("--runs", type=int, default=11)
    options = arguments.parse_args()
    cs = os.path.abspath(options.cs)
    top = pathlib.Path(tempfile.mkdtemp(prefix="cs-store-"))
    try:
        home = (options.home or top / "home").absolute()
        if not home.exists():
            make(home, cs)
        print(f"{size(home):,} bytes learned")
        for name, args in WORK.items():
            times = []
            for _ in range(options.runs):
                copy = top / "copy"
                subprocess.run(["cp", "-a", home, copy], check=True)
                start = time.perf_counter()
                subprocess.run([cs, *args], env=surroundings(copy), cwd=copy, check=True, stdout=subprocess.DEVNULL)
                times.append((time.perf_counter() - start) * 1000)
                after = size(copy)
                shutil.rmtree(copy)
            print(f"{name:<16} median {statistics.median(times):7.1f} ms   most {max(times):7.1f} ms   "
                  f"leaves {after:,} bytes")
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
