"""Every relative link in the documents leads somewhere, down to the heading."""

import re
from urllib.parse import unquote

from tree import ROOT, files, lines, name

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def check():
    documents = files(".md")
    for path in documents:
        for number, line in _prose(path):
            for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, anchor = target.partition("#")
                found = (path.parent / unquote(file)).resolve() if file else path
                if not found.exists() or not found.is_relative_to(ROOT):
                    yield f"{name(path)}:{number}: `{target}` leads nowhere"
                elif anchor and found.suffix == ".md" and anchor not in _anchors(found):
                    yield f"{name(path)}:{number}: no heading `#{anchor}` in {name(found)}"
    for path in documents:
        where = name(path)
        if where.startswith("docs/") and where != "docs/README.md" and not _linked(path):
            yield f"{where}: docs/README.md does not lead to it"


def _linked(path) -> bool:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    return f"({path.relative_to(ROOT / 'docs').as_posix()})" in index


def _prose(path):
    fenced = False
    for number, line in enumerate(lines(path), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def _anchors(path) -> set[str]:
    headings = (line.lstrip("#").strip() for _, line in _prose(path) if line.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
