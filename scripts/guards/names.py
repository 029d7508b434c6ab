"""A module is named for its concept; there is no drawer for the rest, and no `mod.rs`."""

import pathlib
import re

from tree import files, name

DRAWERS = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}


def check():
    for path in files(".rs", ".ts", ".tsx", ".js", ".py"):
        inside = pathlib.PurePosixPath(name(path))
        for part in (*inside.parent.parts, inside.stem):
            if part in DRAWERS:
                yield f"{name(path)}: `{part}` says nothing; name the concept"
        if path.name == "mod.rs":
            yield f"{name(path)}: write `concept.rs` beside `concept/`"
        if path.suffix != ".rs":
            continue
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(r"\bmod\s+(\w+)\s*\{|\bstruct\s+(\w*Manager|\w*Helper|\w*Util)\b", text):
            word = found.group(1) or found.group(2)
            if found.group(2) or word in DRAWERS:
                yield f"{name(path)}:{text.count(chr(10), 0, found.start()) + 1}: `{word}` says nothing; name the concept"
