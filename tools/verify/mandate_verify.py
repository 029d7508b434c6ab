#!/usr/bin/env python3
"""Checks an export of Mandate's event chain without Mandate.

    python3 tools/verify/mandate_verify.py EXPORT.jsonl [--audit AUDIT.jsonl] [--receipts FILE] [--json]

EXPORT is what `GET /v1/export/events` answers, one stored event a line in chain order; AUDIT is what
`GET /v1/export/audit` answers; the receipts file holds `{"seq": …, "hash": …}` lines that senders kept.

Exit code: 0 all true, 1 something is wrong (its first line is named), 2 wrong usage or unreadable file.
Written from the published contract alone; Python 3.11 standard library only. Ed25519 signatures are not
checked here, since the standard library has none.
"""

import argparse
import copy
import hashlib
import json
import sys
from dataclasses import dataclass, field
from typing import Callable

from canonical import Malformed, canonical, read

GENESIS = "sha256:" + "0" * 64


@dataclass
class Finding:
    """One thing that is wrong: in which file, on which line (from 1), of which kind, in words."""

    file: str
    line: int | None
    kind: str
    detail: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.kind}: {self.detail}"


@dataclass
class Chain:
    """What was read of one chain, up to and excluding its first wrong line."""

    records: list[dict] = field(default_factory=list)
    hashes: dict[int, str] = field(default_factory=dict)
    erased: int = 0
    finding: Finding | None = None

    @property
    def head(self) -> str:
        return self.hashes.get(len(self.records), GENESIS)


@dataclass(frozen=True)
class Form:
    """Where a kind of record keeps its links, its sealed part and its erasable content."""

    links: Callable[[dict], dict]
    sealed: Callable[[dict], dict]
    content: Callable[[dict], dict]
    allowed_once_erased: frozenset[str] = frozenset()


def _event_links(event: dict) -> dict:
    return _object(event, "integrity")


def _event_sealed(event: dict) -> dict:
    sealed = copy.deepcopy(event)
    sealed.pop("erased", None)
    for name in ("hash", "salt", "nonce"):
        _object(sealed, "integrity").pop(name, None)
    _object(sealed, "action").pop("description", None)
    _object(sealed, "metadata").pop("attributes", None)
    return sealed


def _event_content(event: dict) -> dict:
    integrity, action, metadata = (_object(event, name) for name in ("integrity", "action", "metadata"))
    return _present(integrity, "salt", "nonce") | _present(action, "description") | _present(metadata, "attributes")


def _audit_sealed(entry: dict) -> dict:
    return {name: value for name, value in entry.items() if name not in ("hash", "salt", "content", "erased")}


EVENT = Form(_event_links, _event_sealed, _event_content)
AUDIT = Form(lambda entry: entry, _audit_sealed, lambda entry: _present(entry, "salt", "content"))


def digest(value: object) -> str:
    """The name of a JSON value: SHA-256 of its canonical form."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def check_chain(name: str, lines: list[bytes], form: Form) -> Chain:
    """Walks a chain and stops at its first wrong line."""
    chain = Chain()
    for index, line in enumerate(lines):
        problem = _check_line(chain, lines, index, form)
        if isinstance(problem, tuple):
            chain.finding = Finding(name, index + 1, *problem)
            return chain
        chain.records.append(problem)
        links = form.links(problem)
        chain.hashes[links["seq"]] = links["hash"]
        chain.erased += "erased" in problem
    return chain


def _check_line(chain: Chain, lines: list[bytes], index: int, form: Form) -> dict | tuple[str, str]:
    """The record on a line, or what is wrong with it as (kind, detail)."""
    try:
        record = read(lines[index])
        if not isinstance(record, dict):
            return "changed", "not a JSON object"
        links = form.links(record)
        seq, computed = links.get("seq"), digest(form.sealed(record))
    except Malformed as error:
        return "changed", str(error)
    if type(seq) is not int:
        return "changed", "no `seq`"
    if computed != links.get("hash"):
        return "changed", f"seq {seq} says its hash is {links.get('hash')}, its bytes give {computed}"
    expected = len(chain.records) + 1
    if seq != expected:
        return _misplaced(chain, lines, index, seq, expected, form)
    if links.get("prev_hash") != chain.head:
        return (
            "rewritten",
            f"seq {seq} follows {links.get('prev_hash')}, but what stands before it is {chain.head}: "
            + ("the chain does not begin here" if index == 0 else f"line {index} or this one was replaced"),
        )
    if chain.records and record.get("tenant_id") != chain.records[0].get("tenant_id"):
        return "inserted", f"seq {seq} belongs to tenant `{record.get('tenant_id')}`, the lines before it do not"
    return _check_content(record, links, form) or record


def _misplaced(
    chain: Chain, lines: list[bytes], index: int, seq: int, expected: int, form: Form
) -> tuple[str, str]:
    if seq < expected:
        return "inserted", f"seq {seq} stands twice, on line {seq} and here: one of the two was inserted"
    for later in range(index + 1, len(lines)):
        try:
            record = read(lines[later])
            found = form.links(record).get("seq") if isinstance(record, dict) else None
        except Malformed:
            continue
        if found == expected:
            return "swapped", f"seq {seq} stands where {expected} belongs, which is on line {later + 1}"
    missing = f"seq {expected} is" if seq == expected + 1 else f"seq {expected} to {seq - 1} are"
    return "removed", f"{missing} missing before seq {seq}"


def _check_content(record: dict, links: dict, form: Form) -> tuple[str, str] | None:
    seq, content, committed = links["seq"], form.content(record), links.get("content_hash")
    if "erased" in record:
        mark = record["erased"]
        if content:
            return "content", f"seq {seq} is marked erased but still has {_names(content)}"
        if not (isinstance(mark, dict) and type(mark.get("at")) is int and isinstance(mark.get("reason"), str)):
            return "content", f"seq {seq} is marked erased without a time and a reason"
        if committed is None:
            return "content", f"seq {seq} is marked erased but never had content"
        return None
    if committed is None:
        return ("content", f"seq {seq} has {_names(content)} without a `content_hash`") if content else None
    if "salt" not in content:
        return "content", f"seq {seq} lost its content without being marked erased"
    try:
        computed = digest(content)
    except Malformed as error:
        return "content", f"seq {seq}: {error}"
    if computed != committed:
        return "content", f"seq {seq} commits to content {committed}, what stands there is {computed}"
    return None


def match_erasures(name: str, events: Chain, audit: Chain) -> Finding | None:
    """Each erased event has its record in the audit chain, and nothing recorded as erased is still there."""
    recorded = {target for entry in audit.records if (target := _erasure_of(entry)) is not None}
    for index, event in enumerate(events.records):
        identity, erased = event.get("id"), "erased" in event
        if erased and identity not in recorded:
            return Finding(name, index + 1, "content", f"event {identity} is erased, but the audit chain has no record of it")
        if not erased and identity in recorded:
            return Finding(name, index + 1, "content", f"the audit chain says event {identity} was erased, but its content is here")
    return None


def _erasure_of(entry: dict) -> str | None:
    """The id of the event an audit entry erases; none when it is about something else or was refused."""
    action, resource = entry.get("action"), entry.get("resource")
    if not isinstance(action, str) or "erase" not in action.replace("_", ".").split("."):
        return None
    if entry.get("result") in ("denied", "refused", "failed", "error"):
        return None
    if isinstance(resource, dict):
        resource = resource.get("id")
    return resource.rpartition(":")[2] if isinstance(resource, str) else None


def check_receipts(name: str, lines: list[bytes], events: Chain) -> Finding | None:
    """Everything that a sender holds a receipt for is in the chain, as it was."""
    for index, line in enumerate(lines):
        try:
            receipt = read(line)
        except Malformed as error:
            return Finding(name, index + 1, "receipt", str(error))
        seq = receipt.get("seq") if isinstance(receipt, dict) else None
        if type(seq) is not int or not isinstance(receipt.get("hash"), str):
            return Finding(name, index + 1, "receipt", "not a receipt: `seq` and `hash` are needed")
        known = events.hashes.get(seq)
        if known is None:
            return Finding(name, index + 1, "lost", f"a receipt names seq {seq}, the chain ends at {len(events.records)}")
        if known != receipt["hash"]:
            return Finding(name, index + 1, "rewritten", f"a receipt names {receipt['hash']} for seq {seq}, the chain has {known}")
    return None


def verify(export: str, audit: str | None = None, receipts: str | None = None) -> tuple[dict, list[Finding]]:
    """Checks the files; gives the figures and what is wrong, the first of each file."""
    events = check_chain(export, _lines(export), EVENT)
    figures = {"events": len(events.records), "head": events.head, "erased": events.erased}
    findings = [events.finding]
    if audit is not None:
        entries = check_chain(audit, _lines(audit), AUDIT)
        figures |= {"audit_entries": len(entries.records), "audit_head": entries.head}
        findings.append(entries.finding)
        if not any(findings):
            findings.append(match_erasures(export, events, entries))
    if receipts is not None and events.finding is None:
        lines = _lines(receipts)
        figures["receipts"] = len(lines)
        findings.append(check_receipts(receipts, lines, events))
    return figures, [finding for finding in findings if finding is not None]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="mandate_verify.py", description="Checks an export of Mandate's event chain.")
    parser.add_argument("export", metavar="EXPORT.jsonl")
    parser.add_argument("--audit", metavar="AUDIT.jsonl", help="the audit export: its own chain, and a record for each erasure")
    parser.add_argument("--receipts", metavar="FILE", help="receipts that senders kept, one `{seq, hash}` a line")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        figures, findings = verify(options.export, options.audit, options.receipts)
    except OSError as error:
        print(f"cannot read `{error.filename}`: {error.strerror}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(figures | {"ok": not findings, "findings": [vars(finding) for finding in findings]}))
    else:
        for finding in findings:
            print(finding)
        word = "wrong" if findings else "ok"
        print(f"{word}: " + ", ".join(f"{name} {value}" for name, value in figures.items()))
    return 1 if findings else 0


def _lines(path: str) -> list[bytes]:
    with open(path, "rb") as file:
        text = file.read()
    return text.removesuffix(b"\n").split(b"\n") if text else []


def _object(parent: dict, name: str) -> dict:
    """A member that is an object; an empty one, outside `parent`, when it is not there."""
    found = parent.get(name, {})
    if not isinstance(found, dict):
        raise Malformed(f"`{name}` is not an object")
    return found


def _present(parent: dict, *names: str) -> dict:
    return {name: parent[name] for name in names if name in parent}


def _names(content: dict) -> str:
    return ", ".join(f"`{name}`" for name in content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
