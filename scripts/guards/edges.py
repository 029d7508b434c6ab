"""Who may depend on whom. The table is the picture in ARCHITECTURE.md; change both or neither."""

from tree import crates

SCRUB, API, CORE, STORE, CONNECT = "mandate-scrub", "mandate-api", "mandate-core", "mandate-store", "mandate-connect"
SERVER, AGENT, CLI, TESTKIT, BENCH = "mandate-server", "mandate-agent", "mandate", "mandate-testkit", "mandate-bench"
STANDIN = "mandate-standin"

EDGES = {
    SCRUB: set(),
    API: set(),
    CORE: {SCRUB},
    STORE: {CORE},
    CONNECT: {CORE},
    AGENT: {API, SCRUB},
    SERVER: {API, STORE, CONNECT, CORE, SCRUB},
    CLI: {SERVER, AGENT, API},
    STANDIN: set(),
    TESTKIT: {STANDIN, API, SCRUB, CORE, STORE, CONNECT, SERVER, AGENT},
    BENCH: {STANDIN, API, SCRUB, CORE, STORE, CONNECT, SERVER, AGENT, TESTKIT},
}
# The pure crates and the wire types are tested with nothing else of ours; the others' tests may take any crate.
TESTED_ALONE = {SCRUB, API, CORE}


def check():
    for crate in crates():
        name = crate["name"]
        if name not in EDGES:
            yield f"{name}: a crate that scripts/guards/edges.py does not know; draw it in ARCHITECTURE.md first"
            continue
        for dependency in crate["dependencies"]:
            other, kind = dependency["name"], dependency["kind"] or "normal"
            if other not in EDGES or other in EDGES[name]:
                continue
            if kind != "dev" or name in TESTED_ALONE:
                allowed = ", ".join(sorted(EDGES[name])) or "nothing of ours"
                yield f"{name} → {other} ({kind}): not an edge of the house; {name} may depend on {allowed}"
