"""Twenty times in a row the server is killed under load; what it acknowledged is there once, and was told.

Threads post singles and batches under idempotency keys and send what was not acknowledged again, as real senders
do. A sink counts what arrives. After the last start everything settles, and the promises are checked from outside:
on the export with the verifier in another language, and on what the sink saw. `KILL9_STORE` names another store,
such as an empty Postgres database.
"""

import collections
import http.client
import http.server
import itertools
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import threading
import time
import zlib

from served import BIN, SCRATCH, run

KILLS = 20
SENDERS = 4
PACE = 0.01
ALIVE_SECONDS = (0.15, 0.9)
START_SECONDS = 15
SETTLE_SECONDS = 60
# One message in so many gets no answer the first time.
LOST_ANSWERS = 50
VERIFIER = pathlib.Path(__file__).resolve().parents[2] / "tools" / "verify" / "mandate_verify.py"
STORE = os.environ.get("KILL9_STORE", f"sqlite:{SCRATCH / 'mandate.db'}")
CONFIG = SCRATCH / "config"
SECRET = "whsec_a2lsbGVkLWFuZC1zdGFydGVkLWFnYWlu"


class Sink(http.server.ThreadingHTTPServer):
    """Counts messages by their id; the answer to some of them is lost the first time."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.arrived = collections.Counter()
        self.seqs = {}
        self.unanswered = set()
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A sender that was killed in the middle of a message is what this is about."""


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message, sink, id = json.loads(body), self.server, self.headers["webhook-id"]
        with sink.lock:
            sink.arrived[id] += 1
            sink.seqs[id] = message["data"]["event"]["seq"]
            loses = zlib.crc32(id.encode()) % LOST_ANSWERS == 0 and id not in sink.unanswered
            if loses:
                sink.unanswered.add(id)
        if loses:
            self.close_connection = True
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Nothing: the summary says what came."""


def configure(sink: Sink) -> None:
    (CONFIG / "rules").mkdir(parents=True)
    url = f"http://127.0.0.1:{sink.server_address[1]}/hook"
    (CONFIG / "mandate.yaml").write_text(
        f'channels: [{{name: ops-hook, kind: webhook, url: "{url}", secret: {SECRET}, allow_private: true}}]\n'
        "fallback: {alternate: [ops-hook]}\n"
        "storm: {enabled: false}\n"
    )
    (CONFIG / "ownership.yaml").write_text(
        'people:\n  - {handle: "@alice", contacts: [{channel: ops-hook}]}\nowners:\n  - {resource: "service:*", primary: "@alice"}\n'
    )
    (CONFIG / "rules" / "load.yaml").write_text(
        "rules:\n  - {name: deploys, match: {action_type: deploy}, decision: monitored_execute, notify: [resource.owners]}\n"
        "  - {name: looks, match: {action_type: look}, decision: auto_execute}\n"
    )


class Server:
    """The server's process, killed and started again on one store and one port."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.key_file = SCRATCH / "admin.key"
        address = f"127.0.0.1:{self.port}"
        self.command = [BIN, "serve", "--config", CONFIG, "--store", STORE, "--listen", address, "--key-file", self.key_file]
        self.log = open(SCRATCH / "serve.log", "ab")
        self.ready_after = []

    def start(self) -> None:
        began = time.monotonic()
        self.process = subprocess.Popen(self.command, cwd=SCRATCH, stdout=self.log, stderr=self.log)
        while call(self.port, "GET", "/readyz")[0] != 200:
            assert self.process.poll() is None, "the server did not start:\n" + (SCRATCH / "serve.log").read_text()[-4000:]
            assert time.monotonic() - began < START_SECONDS, "the server was not ready in time"
            time.sleep(0.01)
        self.ready_after.append(time.monotonic() - began)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        code = self.process.wait(timeout=30)
        assert code == 0, f"the server ended with {code}"


def call(port: int, method: str, path: str, key: str = "", body: bytes | None = None) -> tuple[int, bytes]:
    """One request on a connection of its own; status 0 when no whole answer came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


class Sender(threading.Thread):
    """Posts its own numbered events, and the same again until they are acknowledged."""

    def __init__(self, number: int, port: int, key: str, stop: threading.Event):
        super().__init__(name=f"agent-{number}", daemon=True)
        self.port, self.key, self.stop = port, key, stop
        self.chance = random.Random(number)
        self.receipts: dict[str, dict] = {}
        self.again = 0
        self.failure: str | None = None

    def event(self, number: int) -> dict:
        kind = "look" if number % 3 == 0 else "deploy"
        return {
            "actor": {"type": "agent", "id": self.name},
            "action": {"type": kind, "description": f"{kind} {number}", "idempotency_key": f"{self.name}:{number}"},
            "scope": {"resources": [{"type": "service", "id": "payments"}]},
        }

    def run(self) -> None:
        try:
            self.send()
        except Exception as error:  # what a thread raises would otherwise only be printed
            self.failure = repr(error)

    def send(self) -> None:
        numbers = itertools.count()
        while not self.stop.is_set():
            batch = [self.event(number) for number in itertools.islice(numbers, self.chance.choice([1, 1, 1, 5, 30]))]
            body = json.dumps(batch[0] if len(batch) == 1 else {"events": batch}).encode()
            while (answer := call(self.port, "POST", "/v1/events", self.key, body))[0] != 202:
                assert answer[0] in (0, 429, 503), f"{answer[0]} {answer[1][:500]!r}"
                self.again += 1
                time.sleep(0.02)
            results = json.loads(answer[1])["results"]
            assert len(results) == len(batch), "one answer an item"
            for event, result in zip(batch, results):
                assert result["status"] in ("accepted", "duplicate"), result
                self.receipts[event["action"]["idempotency_key"]] = result
            time.sleep(PACE)


def notifications(server: Server, admin: str) -> list[dict]:
    found, cursor = [], ""
    while True:
        status, body = call(server.port, "GET", f"/v1/notifications?limit=1000{cursor}", admin)
        assert status == 200, (status, body)
        page = json.loads(body)
        found += page["items"]
        if "next_cursor" not in page or page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def settle(server: Server, admin: str) -> list[dict]:
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        notices = notifications(server, admin)
        queued = [notice for notice in notices if notice["state"] == "queued"]
        if not queued:
            return notices
        assert time.monotonic() < deadline, f"{len(queued)} notices are still queued, such as {queued[0]}"
        time.sleep(0.25)


def export(server: Server, admin: str, log: str) -> list[dict]:
    status, body = call(server.port, "GET", f"/v1/export/{log}", admin)
    assert status == 200, (status, body[:500])
    (SCRATCH / f"{log}.jsonl").write_bytes(body)
    return [json.loads(line) for line in body.split(b"\n") if line]


def check(senders: list[Sender], events: list[dict], notices: list[dict], sink: Sink) -> dict:
    stored = collections.Counter(event["action"]["idempotency_key"] for event in events)
    twice = [key for key, count in stored.items() if count > 1]
    assert not twice, f"{len(twice)} events are stored twice, such as {twice[:3]}"
    by_key = {event["action"]["idempotency_key"]: event["integrity"] for event in events}
    receipts = {key: receipt for sender in senders for key, receipt in sender.receipts.items()}
    for key, receipt in receipts.items():
        at = by_key.get(key)
        assert at is not None, f"`{key}` was acknowledged as {receipt} and is gone"
        assert (at["seq"], at["hash"]) == (receipt["seq"], receipt["hash"]), (key, at, receipt)
    lines = [json.dumps({"seq": receipt["seq"], "hash": receipt["hash"]}) + "\n" for receipt in receipts.values()]
    (SCRATCH / "receipts.jsonl").write_text("".join(lines))
    command = [sys.executable, VERIFIER, "--json", "events.jsonl", "--audit", "audit.jsonl", "--receipts", "receipts.jsonl"]
    done = subprocess.run(command, cwd=SCRATCH, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

    told = collections.Counter(notice["event_seq"] for notice in notices)
    for event in events:
        wanted = event["routing"]["notifications_planned"]
        seq = event["integrity"]["seq"]
        assert told[seq] == wanted, f"event {seq} planned {wanted} notices, the store has {told[seq]}"
    undelivered = [notice for notice in notices if notice["state"] != "delivered"]
    assert not undelivered, f"{len(undelivered)} notices were not delivered, such as {undelivered[0]}"
    ids = {notice["id"]: notice["event_seq"] for notice in notices}
    missed = ids.keys() - sink.arrived.keys()
    assert not missed, f"{len(missed)} notices never reached the sink, such as {next(iter(missed))}"
    once = {id for id in sink.unanswered if sink.arrived[id] < 2}
    assert sink.unanswered and not once, f"{len(once)} of {len(sink.unanswered)} messages without an answer were not sent again"
    groundless = sink.arrived.keys() - ids.keys()
    assert not groundless, f"{len(groundless)} messages have no notice behind them, such as {next(iter(groundless))}"
    assert all(ids[one] == seq for one, seq in sink.seqs.items()), "a message speaks of another event than its notice"
    return receipts


def main() -> None:
    began = time.monotonic()
    chance = random.Random(9)
    sink = Sink()
    configure(sink)
    server = Server()
    server.start()
    admin = server.key_file.read_text().strip()
    stop = threading.Event()
    senders = [Sender(number, server.port, admin, stop) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(*ALIVE_SECONDS))
        server.kill()
        server.start()
    stop.set()
    for sender in senders:
        sender.join(timeout=30)
        assert not sender.is_alive() and sender.failure is None, f"{sender.name}: {sender.failure}"
    loaded = time.monotonic() - began
    notices = settle(server, admin)
    events, _ = export(server, admin, "events"), export(server, admin, "audit")
    server.stop()
    receipts = check(senders, events, notices, sink)
    run("verify", "--store", STORE)
    copies = sum(sink.arrived.values()) - len(sink.arrived)
    again = sum(sender.again for sender in senders)
    slowest = max(server.ready_after)
    print(
        f"killed {KILLS} times: {len(receipts)} events acknowledged, {len(events)} stored, each once; {len(notices)} notices delivered"
        f" ({copies} copies, {len(sink.unanswered)} answers lost); {again} requests sent again; slowest start {slowest:.2f} s; {loaded:.0f} s of load,"
        f" {time.monotonic() - began:.0f} s in all"
    )


main()
