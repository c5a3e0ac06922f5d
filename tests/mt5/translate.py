#!/usr/bin/env python3
"""translate.py SOURCE TARGET: the expert's MQL5 as C++ that mql5.h can carry.

MQL5 is near enough to C++ that only arrays need other words: `uchar bytes[];` is a vector,
`uchar &bytes[]` a reference to one, `long times[32];` an array that checks its bounds as the
terminal does. Everything else is left as it is, so that the compiler judges the source.
"""
import pathlib
import re
import sys

RULES = [
    (re.compile(r"^#property"), "//#property"),
    (re.compile(r"\b(\w+)\s*&\s*(\w+)\[\]"), r"mql_array<\1> &\2"),
    (re.compile(r"^(\s*)(\w+)(\s+)(\w+)\[\];"), r"\1mql_array<\2>\3\4;"),
    (re.compile(r"^(\s*)(\w+)(\s+)(\w+)\[(\w+)\];"), r"\1mql_fixed<\2, \5>\3\4;"),
]


def translate(text):
    lines = []
    for line in text.split("\n"):
        for pattern, replacement in RULES:
            line = pattern.sub(replacement, line)
        lines.append(line)
    return "\n".join(lines)


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.mq[5h]")):
        text = translate(path.read_text(encoding="utf-8"))
        (target / path.name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
