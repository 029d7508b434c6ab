"""The pure crates stay pure: by what they link, and by what their sources name."""

import re

from tree import ROOT, cargo, files, lines, name

PURE = {"mandate-core": "core", "mandate-scrub": "scrub"}
BANNED = {"tokio", "async-std", "smol", "sqlx", "axum", "hyper", "reqwest", "rand", "rand_core", "getrandom", "mio", "socket2"}
IMPURE = re.compile(
    r"\bstd::(fs|env|process|thread|io|os)\b|\b(TcpStream|TcpListener|UdpSocket|ToSocketAddrs)\b|\b(SystemTime|Instant)\b|\basync\s+(fn|move|\{)|\.await\b"
    r"|\bthread_rng\b|\bRandomState\b|\bprintln!|\beprintln!"
)


def check():
    for crate, folder in PURE.items():
        tree = cargo("tree", "-p", crate, "-e", "normal", "--target", "all", "--prefix", "none", "--format", "{p}")
        for found in sorted({line.split()[0] for line in tree.splitlines() if line} & BANNED):
            yield f"{crate} links {found}; find who brings it: cargo tree -p {crate} -e normal --target all -i {found}"
        for path in files(".rs"):
            if not path.is_relative_to(ROOT / "crates" / folder / "src") or path.stem == "tests":
                continue
            for number, line in enumerate(lines(path), 1):
                if line.startswith("#[cfg(test)]"):
                    break
                if not line.lstrip().startswith("//") and (found := IMPURE.search(line)):
                    yield f"{name(path)}:{number}: `{found.group()}` in a pure crate"
