"""Tests of the checker, on chains it makes itself. Run: python3 -m unittest discover -s tools/verify"""

import contextlib
import copy
import io
import json
import os
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))

from canonical import Malformed, canonical, number, read  # noqa: E402
from mandate_verify import AUDIT, EVENT, GENESIS, digest, main  # noqa: E402

TENANT = "01970000-0000-7000-8000-000000000000"


def identity(seq: int) -> str:
    return f"01970000-0000-7000-8000-{seq:012x}"


def seal(form, record: dict) -> dict:
    content = form.content(record)
    links = form.links(record)
    if content:
        links["content_hash"] = digest(content)
    links["hash"] = digest(form.sealed(record))
    return record


def make_event(seq: int, prev: str) -> dict:
    event = {
        "schema_version": "1.0",
        "id": identity(seq),
        "tenant_id": TENANT,
        "timestamp": 1767225600000 + seq,
        "actor": {"type": "agent", "id": "deployer"},
        "action": {"type": "deploy", "description": f"Deploy v{seq} \u20ac \U0001f600"},
        "scope": {"resources": [{"type": "file", "repo": "acme/shop", "id": "src/pay.rs"}]},
        "metadata": {"reversible": False, "attributes": {"load": 0.1 * seq, "\U0001f600": 1, "\ufb33": 1e-7}},
        "flags": [],
        "routing": {"decision": "monitored", "rule_matched": "default", "notifications_planned": 1},
        "integrity": {"key_id": identity(999), "seq": seq, "prev_hash": prev, "salt": f"{seq:032x}"},
    }
    if seq == 3:
        event["action"] = {"description": "nothing but words"}
        event["integrity"]["nonce"] = "ab" * 16
    if seq == 4:
        del event["metadata"], event["action"]["description"]
    return seal(EVENT, event)


def make_entry(seq: int, prev: str) -> dict:
    entry = {
        "tenant_id": TENANT,
        "seq": seq,
        "at": 1767225600000 + seq,
        "actor": "person:" + identity(7),
        "action": "event.erase" if seq == 2 else "agent.pause",
        "resource": f"event:{identity(3)}" if seq == 2 else "agent:deployer",
        "result": "ok",
        "prev_hash": prev,
        "salt": f"{seq:032x}",
        "content": {"ip": "192.0.2.7", "reason": "asked for"},
    }
    return seal(AUDIT, entry)


def chain(make, form, count: int) -> list[dict]:
    records, prev = [], GENESIS
    for seq in range(1, count + 1):
        records.append(make(seq, prev))
        prev = form.links(records[-1])["hash"]
    return records


def erase(event: dict) -> None:
    for parent, name in (("integrity", "salt"), ("integrity", "nonce"), ("action", "description"), ("metadata", "attributes")):
        event.get(parent, {}).pop(name, None)
    event["erased"] = {"at": 1767225700000, "reason": "asked for"}


class Checker(unittest.TestCase):
    def setUp(self):
        self.events = chain(make_event, EVENT, 6)
        erase(self.events[2])
        self.audit = chain(make_entry, AUDIT, 3)
        self.receipts = [{"seq": seq, "hash": self.events[seq - 1]["integrity"]["hash"]} for seq in (2, 6)]
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name

    def write(self, name: str, records: list) -> str:
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        return path

    def check(self, code: int, expect: str):
        arguments = [
            self.write("events.jsonl", self.events),
            "--audit", self.write("audit.jsonl", self.audit),
            "--receipts", self.write("receipts.jsonl", self.receipts),
        ]
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            got = main(arguments)
        self.assertEqual(got, code, out.getvalue())
        self.assertIn(expect, out.getvalue())

    def test_a_true_chain_with_an_erased_event(self):
        self.check(0, "ok: events 6, head " + self.events[-1]["integrity"]["hash"] + ", erased 1, audit_entries 3")

    def test_an_empty_export(self):
        self.events, self.audit, self.receipts = [], [], []
        self.check(0, "ok: events 0, head " + GENESIS)

    def test_a_changed_sealed_member(self):
        self.events[4]["timestamp"] += 1
        self.check(1, "events.jsonl:5: changed: seq 5")

    def test_a_member_added_to_the_seal(self):
        self.events[4]["routing"]["extra"] = None
        self.check(1, "events.jsonl:5: changed: seq 5")

    def test_changed_content(self):
        self.events[4]["metadata"]["attributes"]["load"] = 0.51
        self.check(1, "events.jsonl:5: content: seq 5 commits to")

    def test_content_gone_without_a_mark(self):
        erase(self.events[4])
        del self.events[4]["erased"]
        self.check(1, "events.jsonl:5: content: seq 5 lost its content")

    def test_an_erasure_that_left_something(self):
        self.events[2]["action"]["description"] = "back"
        self.check(1, "events.jsonl:3: content: seq 3 is marked erased but still has `description`")

    def test_an_erasure_that_nobody_recorded(self):
        erase(self.events[4])
        self.check(1, "events.jsonl:5: content: event " + identity(5) + " is erased, but the audit chain")

    def test_an_erasure_that_came_back(self):
        self.events[2] = make_event(3, self.events[1]["integrity"]["hash"])
        self.check(1, "events.jsonl:3: content: the audit chain says")

    def test_a_removed_line(self):
        del self.events[3]
        self.check(1, "events.jsonl:4: removed: seq 4 is missing before seq 5")

    def test_a_removed_beginning(self):
        del self.events[:2]
        self.check(1, "events.jsonl:1: removed: seq 1 to 2 are missing before seq 3")

    def test_an_inserted_line(self):
        forged = make_event(5, self.events[3]["integrity"]["hash"])
        forged["action"]["type"] = "forged"
        self.events.insert(4, seal(EVENT, forged))
        self.check(1, "events.jsonl:6: inserted: seq 5 stands twice, on line 5 and here")

    def test_swapped_lines(self):
        self.events[3], self.events[4] = self.events[4], self.events[3]
        self.check(1, "events.jsonl:4: swapped: seq 5 stands where 4 belongs, which is on line 5")

    def test_a_line_replaced_with_its_hash(self):
        self.events[3]["action"]["type"] = "forged"
        seal(EVENT, self.events[3])
        self.check(1, "events.jsonl:5: rewritten: seq 5 follows")

    def test_a_chain_that_begins_elsewhere(self):
        self.events[0]["integrity"]["prev_hash"] = "sha256:" + "1" * 64
        seal(EVENT, self.events[0])
        self.check(1, "events.jsonl:1: rewritten: seq 1 follows")

    def test_a_lost_tail(self):
        del self.events[5]
        self.check(1, "receipts.jsonl:2: lost: a receipt names seq 6, the chain ends at 5")

    def test_a_chain_rewritten_from_the_start(self):
        self.receipts[0]["hash"] = "sha256:" + "2" * 64
        self.check(1, "receipts.jsonl:1: rewritten: a receipt names")

    def test_a_changed_audit_entry(self):
        self.audit[1]["actor"] = "person:" + identity(8)
        self.check(1, "audit.jsonl:2: changed: seq 2")

    def test_changed_audit_content(self):
        self.audit[1]["content"]["ip"] = "192.0.2.8"
        self.check(1, "audit.jsonl:2: content: seq 2 commits to")

    def test_another_tenants_line(self):
        other = copy.deepcopy(self.events[5])
        other["tenant_id"] = identity(1)
        self.events[5] = seal(EVENT, other)
        self.check(1, "events.jsonl:6: inserted: seq 6 belongs to tenant")

    def test_a_line_that_is_not_json(self):
        path = self.write("broken.jsonl", self.events[:1])
        with open(path, "ab") as file:
            file.write(b'{"a":1,"a":2}\n')
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(main([path]), 1)
        self.assertIn("broken.jsonl:2: changed: the member `a` stands twice", out.getvalue())

    def test_a_file_that_is_not_there(self):
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(main([os.path.join(self.directory, "missing.jsonl")]), 2)


class Canonical(unittest.TestCase):
    def test_numbers_of_the_standard(self):
        # RFC 8785, appendix B: IEEE 754 bits and what they are written as.
        table = [
            ("0000000000000000", "0"), ("8000000000000000", "0"), ("0000000000000001", "5e-324"),
            ("8000000000000001", "-5e-324"), ("7fefffffffffffff", "1.7976931348623157e+308"),
            ("4340000000000000", "9007199254740992"), ("4430000000000000", "295147905179352830000"),
            ("44b52d02c7e14af5", "9.999999999999997e+22"), ("44b52d02c7e14af6", "1e+23"),
            ("44b52d02c7e14af7", "1.0000000000000001e+23"), ("444b1ae4d6e2ef4e", "999999999999999700000"),
            ("444b1ae4d6e2ef50", "1e+21"), ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
            ("3eb0c6f7a0b5ed8d", "0.000001"), ("41b3de4355555553", "333333333.3333332"),
            ("41b3de4355555555", "333333333.3333333"), ("becbf647612f3696", "-0.0000033333333333333333"),
        ]
        for bits, expect in table:
            self.assertEqual(number(struct.unpack(">d", bytes.fromhex(bits))[0]), expect, bits)
        self.assertEqual(number(1767225600000), "1767225600000")

    def test_strings_and_key_order(self):
        # Keys are ordered by UTF-16 units: U+1F600 (D83D DE00) comes before U+FB33.
        value = read('{"\\ufb33":3,"\\ud83d\\ude00":2,"\\u20ac":1,"\\r":0,"a":"\\u000f\\n\\"\\\\/\\u2028<"}'.encode())
        expect = '{"\\r":0,"a":"\\u000f\\n\\"\\\\/\u2028<","\u20ac":1,"\U0001f600":2,"\ufb33":3}'
        self.assertEqual(canonical(value).decode(), expect)
        self.assertEqual(canonical(read(b"[true,false,null,{},[]]")), b"[true,false,null,{},[]]")

    def test_what_has_no_canonical_form(self):
        for text in (b"[NaN]", b"[1e400]", b'["\\ud800"]', b'{"\\udc00":1}', b'{"a":1,"a":1}', b"[1", b"\xff"):
            with self.assertRaises(Malformed, msg=text):
                canonical(read(text))


if __name__ == "__main__":
    unittest.main()
