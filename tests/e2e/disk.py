"""What a server does when its disk is full, when there is room again, and when the disk fails."""

import json
import os
import sys
import time

from served import SCRATCH, Served

WAIT_SECONDS = 20
FILLER = 12 << 20


def event(number: int, text: int) -> dict:
    return {
        "actor": {"type": "agent", "id": "writer"},
        "action": {"type": "deploy", "idempotency_key": f"k{number}"},
        "scope": {"resources": [{"type": "service", "id": "shop"}]},
        "metadata": {"attributes": {"text": "lorem ipsum " * (text // 12)}},
    }


def until(what: str, look):
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {WAIT_SECONDS} s"
        time.sleep(0.05)
    return found


def send(server: Served, number: int, text: int = 40_000) -> tuple[int, dict]:
    status, body = server.call("POST", "/v1/events", server.admin, event(number, text))
    return status, json.loads(body)


def check_kept(server: Served, receipts: list[dict]) -> None:
    """Everything acknowledged is there once, in both chains' words."""
    lines = server.run("export", "events").splitlines()
    stored = [json.loads(line)["integrity"]["hash"] for line in lines]
    assert len(stored) == len(set(stored))
    for receipt in receipts:
        assert stored.count(receipt["hash"]) == 1, receipt
    server.run("verify")


def full() -> None:
    disk = SCRATCH / "disk"
    filler = disk / "filler"
    filler.write_bytes(b"x" * FILLER)
    with Served(f"sqlite:{disk / 'mandate.db'}") as server:
        ballast = disk / "mandate.db.ballast"
        assert ballast.exists(), "room is kept from the start"
        receipts = []
        while True:
            status, body = send(server, len(receipts))
            if status != 202:
                break
            receipts += body["results"]
            assert len(receipts) < 5_000, "the disk never fills"
        assert status == 503 and body["type"].endswith("unavailable"), body
        until("`/readyz` saying no", lambda: server.call("GET", "/readyz", "")[0] == 503)
        assert not ballast.exists(), "the room that was kept is given away"

        # Agents try again and again: none of it may use up the room that people need.
        for number in range(300):
            assert send(server, len(receipts) + number % 7)[0] == 503
        for number in range(50):
            status, body = server.call("POST", f"/v1/agents/a{number}/pause", server.admin, {"reason": "full"})
            assert status == 200, body
        assert json.loads(server.call("GET", "/v1/agents/a7/control?once=1", server.admin)[1])["state"] == "paused"
        for path in ["/healthz", "/v1/events", "/v1/status", "/v1/export/audit"]:
            assert server.call("GET", path, server.admin)[0] == 200, path

        filler.unlink()
        until("room again", lambda: server.call("GET", "/readyz", "")[0] == 200)
        assert ballast.stat().st_size == 16 << 20, "room is kept again"
        status, body = send(server, len(receipts))
        assert status == 202, body
        receipts += body["results"]
        check_kept(server, receipts)
    print(f"full: {len(receipts)} events kept, 50 pauses taken while there was no room")


def failing() -> None:
    mark = SCRATCH / "sync-fails"
    store = f"sqlite:{SCRATCH / 'failing.db'}"
    os.environ |= {"LD_PRELOAD": str(SCRATCH / "fail_sync.so"), "FAIL_SYNC": str(mark)}
    server = Served(store)
    server.__enter__()
    receipts = []
    for number in range(20):
        status, body = send(server, number, 100)
        assert status == 202, body
        receipts += body["results"]
    mark.touch()
    status, body = send(server, 20, 100)
    assert status == 503, body
    code = server.process.wait(timeout=WAIT_SECONDS)
    said = (SCRATCH / "serve.log").read_text()
    assert code != 0 and "a sync must not be retried" in said, f"{code}: {said}"
    mark.unlink()
    for name in ["LD_PRELOAD", "FAIL_SYNC"]:
        del os.environ[name]
    with Served(store) as server:
        # Whether the one that failed is there nobody can know; it was not acknowledged, so it is sent again.
        status, body = send(server, 20, 100)
        assert status == 202, body
        check_kept(server, receipts + body["results"])
    print(f"failing: stopped at the first sync that failed, {len(receipts)} events kept")


{"full": full, "failing": failing}[sys.argv[1]]()
