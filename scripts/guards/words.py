"""The product's own words: it routes, notifies, coordinates, surfaces, suggests.

Read: every document, the generated interface descriptions, the dashboard, the string literals of the Rust
sources, since those become messages, and the doc comments of the crates whose comments become help texts and
interface descriptions. Tests are left out. `words.allow` names what may stand where, each line with its reason.
"""

import fnmatch
import re

from tree import ROOT, files, lines, name

AVOIDED = re.compile(
    r"\b(approv(?:e|es|ed|al|als|er|ers|ing)|block(?:s|ed|er|ers|ing)?|prevent(?:s|ed|ing|ion|ive)?"
    r"|enforc(?:e|es|ed|er|ing|ement|eable)|govern(?:s|ed|ing|ance|or)?|control[ -]planes?|faults?|faulty"
    r"|blam(?:e|es|ed|ing)|culprits?)\b",
    re.IGNORECASE,
)
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
TESTS = {"tests", "benches", "testkit", "sim"}
SHOWN_COMMENTS = ("crates/api/", "crates/cli/")
ALLOW = ROOT / "scripts" / "guards" / "words.allow"


def check():
    allowed = list(_allowed())
    used = set()
    for path in files(".md", ".html", ".ts", ".tsx", ".js", ".rs", ".yaml", ".json"):
        where = name(path)
        if where.startswith(("tools/node/", "scripts/guards/")) or TESTS & {*path.relative_to(ROOT).parts, path.stem}:
            continue
        for number, line in enumerate(lines(path), 1):
            if path.suffix == ".rs" and line.startswith("#[cfg(test)]"):
                break
            for text in _spoken(where, line):
                for index, (glob, phrase) in enumerate(allowed):
                    if fnmatch.fnmatchcase(where, glob) and phrase in text:
                        used.add(index)
                        text = text.replace(phrase, "")
                for found in AVOIDED.finditer(text):
                    yield f"{where}:{number}: `{found.group()}`; say route, notify, coordinate, surface, suggest, intervene"
    for index, (glob, phrase) in enumerate(allowed):
        if index not in used:
            yield f"scripts/guards/words.allow: `{phrase}` no longer stands in {glob}; take the line out"


def _spoken(where: str, line: str) -> list[str]:
    if not where.endswith(".rs"):
        return [line]
    if line.lstrip().startswith("//"):
        return [line] if where.startswith(SHOWN_COMMENTS) else []
    return LITERAL.findall(line)


def _allowed():
    for line in lines(ALLOW):
        if line.strip() and not line.startswith("#"):
            glob, phrase, _reason = (part.strip() for part in line.split("|"))
            yield glob, phrase
