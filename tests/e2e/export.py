"""What was accepted is in the export, as a verifier in another language sees it; a forged line is found."""

import json
import pathlib
import subprocess
import sys

from served import SCRATCH, Served, run

VERIFIER = pathlib.Path(__file__).resolve().parents[2] / "tools" / "verify" / "mandate_verify.py"
STORE = f"sqlite:{SCRATCH / 'mandate.db'}"


def event(number: int) -> dict:
    return {
        "actor": {"type": "agent", "id": "deployer"},
        "action": {"type": "deploy", "description": f"Deploy {number} \u20ac \U0001f600 \u2028", "idempotency_key": f"deploy-{number}"},
        "scope": {"resources": [{"type": "service", "id": "payments-service", "tags": ["production"]}]},
        "metadata": {"reversible": False, "attributes": {"load": number * 0.1, "tiny": 1e-7, "small": 5e-324, "\U0001f600": 1, "\ufb33": [None]}},
        "unforeseen": {"member": True},
    }


def verifier(*arguments: str) -> tuple[int, dict]:
    done = subprocess.run([sys.executable, VERIFIER, "--json", *arguments], cwd=SCRATCH, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


with Served(STORE) as server:
    key = json.loads(server.run("keys", "create", "--scope", "ingest", "--agent", "deployer", "--json"))["key"]
    receipts = []
    for batch in ([event(0)], [event(number) for number in range(1, 40)], [event(7)]):
        status, body = server.call("POST", "/v1/events", key, {"events": batch})
        assert status == 202, (status, body)
        receipts += json.loads(body)["results"]
    assert [receipt["status"] for receipt in receipts] == ["accepted"] * 40 + ["duplicate"], receipts
    assert [receipt["seq"] for receipt in receipts] == [*range(1, 41), 8], receipts
    for log in ("events", "audit"):
        status, body = server.call("GET", f"/v1/export/{log}", server.admin)
        assert status == 200, (status, body)
        (SCRATCH / f"{log}.jsonl").write_bytes(body)

lines = [json.dumps({"seq": receipt["seq"], "hash": receipt["hash"]}) + "\n" for receipt in receipts]
(SCRATCH / "receipts.jsonl").write_text("".join(lines))
code, found = verifier("events.jsonl", "--audit", "audit.jsonl", "--receipts", "receipts.jsonl")
assert code == 0 and found["events"] == 40 and found["audit_entries"] > 0, found

# Not `splitlines`: a description holds U+2028, which ends no line of JSON Lines.
exported = [line + "\n" for line in (SCRATCH / "events.jsonl").read_text().removesuffix("\n").split("\n")]
forgeries = {
    "changed": [line.replace("payments-service", "payments-servicf") if number == 9 else line for number, line in enumerate(exported)],
    "removed": exported[:9] + exported[10:],
    "swapped": exported[:9] + [exported[10], exported[9]] + exported[11:],
    "content": [line.replace("Deploy 9 ", "Deploy 8 ") if number == 9 else line for number, line in enumerate(exported)],
}
for kind, forged in forgeries.items():
    (SCRATCH / "forged.jsonl").write_text("".join(forged))
    code, found = verifier("forged.jsonl")
    assert code == 1, (kind, found)
    assert (found["findings"][0]["kind"], found["findings"][0]["line"]) == (kind, 10), (kind, found)
(SCRATCH / "forged.jsonl").write_text("".join(exported[:-1]))
code, found = verifier("forged.jsonl", "--receipts", "receipts.jsonl")
assert code == 1 and found["findings"][0]["kind"] == "lost", found

run("verify", "--store", STORE)
print("40 events, exported and verified in another language; five forgeries found")
