#!/usr/bin/env python3
"""Checks the floors of src: a file includes only from its own folder or from below.

Folders of one floor never include each other. Tables (*.def) may be included from
anywhere: they hold no code. System headers are checked where a folder has a
privilege: only os knows libuv and hiredis, only codec knows simdjson. Prints one line
per breach and exits 1 when there is one.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"

# From the ground up; folders in one tuple share a floor.
FLOORS = [
    ("base",),
    ("def",),
    ("port",),
    ("codec",),
    ("alert",),
    ("market", "fleet", "trade", "memory", "audit", "accounts", "people"),
    ("rules",),
    ("ask",),
    ("picture", "bot"),
    ("os",),
    ("feed", "gate", "store", "sim", "agent", "archive", "serve", "telegram", "notify"),
    ("measure", "survey"),
    ("migrate",),
    ("daemon",),
    ("cli",),
    ("",),  # main.c
]
FLOOR = {folder: floor for floor, folders in enumerate(FLOORS) for folder in folders}

# System headers that only one folder may know.
PRIVATE = [
    (re.compile(r"^(uv|hiredis/|uv/|libwebsockets|lws|curl/|libpq)"), {"os"}),
    (re.compile(r"^simdjson"), {"codec"}),
    (re.compile(r"^duckdb"), {"archive"}),
    (re.compile(r"^cairo"), {"picture"}),
]
# Cores do no I/O and never ask the clock.
CORES = {"base", "def", "port", "codec", "market", "fleet", "trade", "memory", "audit", "ask", "alert", "accounts", "people", "rules", "picture", "bot"}
CALENDAR = ("src/base/log.c", "time.h")  # gmtime_r of a time it is given
NOT_IN_CORES = re.compile(r"^(unistd|fcntl|time|pthread|threads|signal|poll|netdb)\.h$|^sys/(?!types\.h)")

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def breaches_of(path, folder):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        where = f"{path.relative_to(ROOT)}:{number}"
        kind, name = match.groups()
        if kind == "<":
            for pattern, allowed in PRIVATE:
                if pattern.match(name) and folder not in allowed:
                    yield f"{where}: only {', '.join(sorted(allowed))} may include <{name}>"
            calendar = (str(path.relative_to(ROOT)), name) == CALENDAR
            if folder in CORES and NOT_IN_CORES.match(name) and not calendar:
                yield f"{where}: a core does no I/O and asks no clock: <{name}>"
            continue
        target = name.split("/")[0] if "/" in name else None
        if target not in FLOOR:
            yield f'{where}: "{name}" is not folder/file of src'
        elif not (SRC / name).exists():
            yield f'{where}: "{name}" does not exist'
        elif name.endswith(".def") or target == folder:
            continue
        elif FLOOR[target] >= FLOOR[folder]:
            yield f'{where}: {folder or "main"} includes "{name}", which is not below it'


def main():
    count = 0
    breaches = []
    for path in sorted(SRC.rglob("*")):
        if path.suffix not in {".c", ".h", ".cpp", ".def"}:
            continue
        parts = path.relative_to(SRC).parts
        folder = parts[0] if len(parts) > 1 else ""
        count += 1
        if folder not in FLOOR:
            breaches.append(f"{path.relative_to(ROOT)}: folder '{folder}' has no floor")
            continue
        breaches.extend(breaches_of(path, folder))
    print("\n".join(breaches + [f"layers: {count} files, {len(breaches)} breaches"]))
    return 1 if breaches or not count else 0


if __name__ == "__main__":
    sys.exit(main())
