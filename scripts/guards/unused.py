"""Every dependency is used: its name stands in the sources that may use it.

A search for the name, not a proof: it lets a few unused ones pass and stops no used one. Building a tool that
knows better takes longer than everything else here.
"""

import pathlib
import re
import tomllib

from tree import ROOT, crates

# Dependencies that no source names, and why they stay.
KEPT: dict[tuple[str, str], str] = {}


def check():
    taken = set()
    for crate in crates():
        root = pathlib.Path(crate["manifest_path"]).parent
        normal, all_targets = _text(root / "src"), _text(root)
        for dependency in crate["dependencies"]:
            called = dependency["rename"] or dependency["name"]
            taken.add(called)
            text = normal if dependency["kind"] is None else all_targets
            if (crate["name"], called) in KEPT:
                continue
            if not re.search(rf"\b{re.escape(called.replace('-', '_'))}\b", text):
                yield f"{crate['name']}: `{called}` is declared ({dependency['kind'] or 'normal'}) and never named"
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["dependencies"]
    for called in sorted(set(workspace) - taken):
        yield f"Cargo.toml: `{called}` stands in the workspace's table and no crate takes it"


def _text(folder: pathlib.Path) -> str:
    sources = (path for path in folder.rglob("*.rs") if "target" not in path.parts)
    return "\n".join(_without_comments(path.read_text(encoding="utf-8")) for path in sources)


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))
