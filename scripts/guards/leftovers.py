"""Nothing is left half done, and nothing names the machine it was written on."""

import re

from tree import files, lines, name

# Written in pieces, so that this file does not find itself.
HALF_DONE = re.compile("TO" + r"DO\b|FIX" + r"ME\b|\btodo" + r"!|\bunimplemented" + r"!|#\[\s*ignore\b")
MACHINE = re.compile("(?<![\\w.])/(?:wo" + "rk|ro" + "ot|ho" + "me/\\w+|Use" + "rs/\\w+|opt/whe" + "els|tmp/bash_" + "jobs)(?:/|\\b)")
CARRIED = {"LICENSE", "Cargo.lock", "tools/node/package-lock.json"}


def check():
    for path in files():
        if name(path) in CARRIED:
            continue
        for number, line in enumerate(lines(path), 1):
            for what, pattern in (("left half done", HALF_DONE), ("a path of somebody's machine", MACHINE)):
                if found := pattern.search(line):
                    yield f"{name(path)}:{number}: `{found.group()}`: {what}"
