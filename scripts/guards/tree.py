"""What every guard reads: the project's own files, and what cargo says about its crates."""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEFT_OUT = {".git", "target", ".tools", "node_modules", "__pycache__"}


def files(*suffixes: str) -> list[pathlib.Path]:
    """The project's own files, ignored ones left out, those with one of the suffixes when some are given."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listing.returncode == 0:
        found = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not LEFT_OUT & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if path.is_file() and (not suffixes or path.name.endswith(suffixes)))


def lines(path: pathlib.Path) -> list[str]:
    """The lines of a file; none of one that is not text."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


def name(path: pathlib.Path) -> str:
    """A file's path from the root of the checkout."""
    return path.relative_to(ROOT).as_posix()


def cargo(*arguments: str) -> str:
    """What cargo prints, without asking any network."""
    done = subprocess.run(["cargo", *arguments, "--offline", "--locked"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"cargo {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def crates() -> list[dict]:
    """Our own crates, as `cargo metadata` describes them."""
    return json.loads(cargo("metadata", "--format-version", "1", "--no-deps"))["packages"]
