#!/usr/bin/env python3
"""`weir sim tree` and `weir audit --source`: what is planted in a tree of sources is found.

Precision and recall over ten seeds, by file and line; the same seed gives the same tree; a
folder with something in it is left alone.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

SEEDS = range(1, 11)


def run(weir, *arguments):
    return subprocess.run([weir, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def lines(path):
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row["rule"], row["severity"], row["file"], row["line"]) for row in rows}


def grow(weir, root, seed):
    tree, truth = root / f"tree{seed}", root / f"truth{seed}"
    grown = run(weir, "sim", "tree", tree, "--seed", seed, "--truth", truth)
    assert grown.returncode == 0, grown.stderr
    return tree, lines(truth)


def check_findings(weir, root):
    planted = found = right = 0
    for seed in SEEDS:
        tree, truth = grow(weir, root, seed)
        hits = root / f"hits{seed}"
        audit = run(weir, "audit", "--source", tree, "--findings", hits, "--json")
        assert audit.returncode == 0, audit.stderr
        seen = lines(hits)
        for row in sorted(truth ^ seen):
            print("missed" if row in truth else "wrong", seed, *row)
        planted, found, right = planted + len(truth), found + len(seen), right + len(truth & seen)
        report = json.loads(audit.stdout)
        assert report["code"]["files"] > 90 and report["code"]["constructors"] > 20
        assert sum(report["code"]["calls"].values()) > 500
    print(f"{planted} planted, {found} found, {right} right")
    assert right == planted, "recall"
    assert right >= 0.98 * found, "precision"


def check_tree(weir, root):
    tree, _ = grow(weir, root, 77)
    again = root / "again"
    assert run(weir, "sim", "tree", again, "--seed", 77).returncode == 0
    names = sorted(p.relative_to(tree) for p in tree.rglob("*") if p.is_file())
    assert len(names) == 100
    assert names == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert all((tree / name).read_bytes() == (again / name).read_bytes() for name in names)
    refused = run(weir, "sim", "tree", tree)
    assert refused.returncode != 0 and "not empty" in refused.stderr


def main():
    weir = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        check_tree(weir, root)
        check_findings(weir, root)


if __name__ == "__main__":
    main()
