#!/usr/bin/env python3
"""Checks that the tables of src/def and the code say the same.

Every row is used by code outside the tables: a setting that nothing reads, a flag
that nothing asks for, a metric that nothing counts, a question that nothing answers
and a key that nothing writes are promises not kept. And no code spells a key's prefix
by itself. Prints one line per fault and exits 1 when there is one.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


def read(path):
    return path.read_text(encoding="utf-8")


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def rows(table, macro):
    """First arguments of macro(...) in a table."""
    text = strip_comments(read(SRC / "def" / table))
    return re.findall(r"^\s*%s\((\w+)[,)]" % macro, text, flags=re.M)


def config_rows():
    """Segments share their rows, and venues theirs: code reads them through the first."""
    text = strip_comments(read(SRC / "def" / "config.def"))
    for name in re.findall(r"^\s*CONFIG\((\w+)(##name##\w+)?,", text, flags=re.M):
        first = "binance_spot" if name[0] == "venue_" else "rts"
        yield (name[0] + name[1]).replace("##name##", first)


def main():
    code = {}
    for path in SRC.rglob("*"):
        if path.suffix in {".c", ".h", ".cpp"}:
            code[path] = strip_comments(read(path))
    outside = "\n".join(text for path, text in code.items() if path.parent.name != "def")
    inside = "\n".join(text for path, text in code.items() if path.parent.name == "def")
    words = set(re.findall(r"\w+", outside))
    anywhere = words | set(re.findall(r"\w+", inside))
    faults = []

    def need(kind, name, word, known=words):
        if word not in known:
            faults.append(f"{kind} {name}: nothing in src uses {word}")

    for name in config_rows():
        need("setting", name, f"CONFIG_{name}")
    for name in rows("flags.def", "FLAG"):
        need("flag", name, f"FLAG_{name}")
    for table, macro in (("metrics.def", "METRIC"), ("metrics_design.def", "METRIC_DESIGN"),
                         ("metrics_design.def", "METRIC_ID")):
        for name in rows(table, macro):
            need("metric", name, f"METRIC_{name}")
    for name in rows("keys.def", "KEY"):
        need("key", name, f"key_{name}")
    for name in rows("keys.def", "KEY_ALONE"):
        need("key", name, f"key_{name}")
    for name in rows("alerts.def", "ALERT"):
        need("alert", name, f"ALERT_{name}")
    for name in rows("rest.def", "REST"):
        need("endpoint", name, f"REST_{name}")
    for name in rows("status.def", "STATUS"):
        if name.startswith("REDIS_"):
            continue  # found by their names in error replies
        need("status", name, f"STATUS_{name}", anywhere)

    keys = strip_comments(read(SRC / "def" / "keys.def"))
    for prefix in re.findall(r'^\s*KEY\(\w+, \w+, "([^"]+)"', keys, flags=re.M):
        for path, text in code.items():
            if f'"{prefix}:' in text:
                faults.append(f"{path.relative_to(ROOT)}: spells the key {prefix}: by itself")

    print("\n".join(faults + [f"tables: {len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
