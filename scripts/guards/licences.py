"""What we link is licensed as deny.toml allows, comes from where it allows, and is not what it bans.

cargo-deny reads the same file and looks deeper; this runs where nobody has built it.
"""

import json
import re
import tomllib

from tree import ROOT, cargo

RULES = tomllib.loads((ROOT / "deny.toml").read_text())


def check():
    allowed = set(RULES["licenses"]["allow"])
    banned = {entry["crate"]: entry["reason"] for entry in RULES["bans"]["deny"]}
    packages = json.loads(cargo("metadata", "--format-version", "1"))["packages"]
    # cargo-deny allows the default registry alone; so all crates come from one registry, and none from git.
    sources = {package["source"] for package in packages if package["source"] is not None}
    if len(sources) != 1:
        yield f"the crates come from {len(sources)} places: {', '.join(sorted(sources))}"
    for package in packages:
        called = f"{package['name']} {package['version']}"
        if not _satisfied(package["license"] or "", allowed):
            yield f"{called}: licence `{package['license']}` is not one that deny.toml allows"
        if package["source"] is not None and not package["source"].startswith("registry+"):
            yield f"{called}: comes from {package['source']}"
        if package["name"] in banned:
            yield f"{called}: banned, {banned[package['name']]}"


def _satisfied(expression: str, allowed: set[str]) -> bool:
    """Whether a licence expression (SPDX, or the old form with `/`) can be met with allowed licences."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    if not tokens:
        return False
    met, rest = _either(tokens, allowed)
    return met and not rest


def _either(tokens: list[str], allowed: set[str]) -> tuple[bool, list[str]]:
    met, rest = _both(tokens, allowed)
    while rest[:1] == ["OR"]:
        other, rest = _both(rest[1:], allowed)
        met = met or other
    return met, rest


def _both(tokens: list[str], allowed: set[str]) -> tuple[bool, list[str]]:
    met, rest = _one(tokens, allowed)
    while rest[:1] == ["AND"]:
        other, rest = _one(rest[1:], allowed)
        met = met and other
    return met, rest


def _one(tokens: list[str], allowed: set[str]) -> tuple[bool, list[str]]:
    if not tokens:
        return False, []
    if tokens[0] == "(":
        met, rest = _either(tokens[1:], allowed)
        return met, rest[1:]
    licence, rest = tokens[0], tokens[1:]
    if rest[:1] == ["WITH"]:
        licence, rest = f"{licence} WITH {rest[1]}", rest[2:]
    return licence in allowed, rest
