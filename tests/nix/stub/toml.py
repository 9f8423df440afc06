#!/usr/bin/env python3
"""Writes the JSON on its input as TOML: every table under its own header, keys sorted as Nix hands them over."""

import json
import sys


def value(item):
    if isinstance(item, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {value(inner)}" for key, inner in item.items()) + " }"
    if isinstance(item, list):
        return "[" + ", ".join(map(value, item)) + "]"
    # JSON's strings, numbers and truth values are TOML's.
    return json.dumps(item, ensure_ascii=False)


def table(path, items):
    if path:
        print("\n[" + ".".join(json.dumps(name, ensure_ascii=False) for name in path) + "]")
    for key, item in items.items():
        if not isinstance(item, dict):
            print(f"{json.dumps(key, ensure_ascii=False)} = {value(item)}")
    for key, item in items.items():
        if isinstance(item, dict):
            table([*path, key], item)


table([], json.load(sys.stdin))
