#!/usr/bin/env python3
"""Runs the guards: every other file here with a `check`, or those named. Exit 1 when one finds something.

A guard is a module whose `check()` yields one line for each thing that is wrong, with the file and the line.
"""

import importlib
import pathlib
import sys
import time

here = pathlib.Path(__file__).parent
names = sys.argv[1:] or sorted(path.stem for path in here.glob("*.py") if path.stem not in ("run", "tree"))
wrong = 0
for name in names:
    began = time.monotonic()
    findings = list(importlib.import_module(name).check())
    wrong += len(findings)
    for finding in findings:
        print(f"{name}: {finding}", file=sys.stderr)
    print(f"   guard {name}: {len(findings) or 'nothing'} found, {time.monotonic() - began:.1f} s")
sys.exit(1 if wrong else 0)
