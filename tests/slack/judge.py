"""Judges the Slack stand-in with Slack's own code for Python: the web client with its retry handler as caller, the
signature verifier at the callbacks, the Socket Mode client at the other end of the socket.

    .tools/py/bin/python tests/slack/judge.py target/debug/mandate-standin

The package comes from .tools/py (scripts/tools.sh). Exit code 1 when something is not as Slack's code expects.
"""

import http.server
import json
import signal
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse
import urllib.request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook import WebhookClient


class App(http.server.BaseHTTPRequestHandler):
    """Keeps what comes, and answers 200."""

    seen: list[tuple[bytes, dict]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((body, dict(self.headers)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Later(Clock):
    def __init__(self, seconds: int):
        self.seconds = seconds

    def now(self) -> float:
        return time.time() + self.seconds


def plain(text: str) -> dict:
    return {"type": "plain_text", "text": text}


ASKS = {
    "channel": "C0OPS",
    "text": "deployer asks",
    "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*deployer* asks"}},
        {"type": "actions", "elements": [{"type": "button", "action_id": "ack", "value": "n-1", "text": plain("Ack")}]},
    ],
}
VIEW = {
    "type": "modal",
    "title": plain("Why?"),
    "submit": plain("Send"),
    "blocks": [
        {"type": "input", "block_id": "why", "label": plain("Reason"), "element": {"type": "plain_text_input", "action_id": "text"}}
    ],
}


class Judge:
    def __init__(self, slack: dict):
        self.slack = slack
        self.web = WebClient(slack["bot_token"], base_url=slack["api"])

    def act(self, **what) -> dict:
        headers = {"content-type": "application/json", "x-standin-page": "1"}
        request = urllib.request.Request(self.slack["listening"] + "page/act", json.dumps(what).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def check_calls(self):
        """The web client posts, changes, finds people and makes channels."""
        web = self.web
        assert web.auth_test()["team_id"] == "T0STANDIN"
        posted = web.chat_postMessage(**ASKS)
        assert posted["message"]["blocks"][0]["text"]["text"] == "*deployer* asks"
        assert web.chat_update(channel=posted["channel"], ts=posted["ts"], text="done")["text"] == "done"
        assert web.users_lookupByEmail(email="bob@example.com")["user"]["id"] == "U0BOB"
        assert web.users_info(user="U0BOB")["user"]["profile"]["email"] == "bob@example.com"
        made = web.conversations_create(name="inc-python", is_private=True)["channel"]["id"]
        web.conversations_invite(channel=made, users=["U0ALICE", "U0BOB"])
        web.conversations_archive(channel=made)
        web.chat_postEphemeral(channel="C0OPS", user="U0BOB", text="only you")
        assert web.conversations_open(users=["U0BOB"])["channel"]["id"] == "D0BOB"

    def check_refusals(self):
        """A refusal is an error with the messages."""
        try:
            self.web.chat_postMessage(channel="C0OPS", text="x", blocks=[{"type": "header", "text": plain("x" * 151)}])
            raise AssertionError("a header of 151 characters was taken")
        except SlackApiError as error:
            assert error.response["error"] == "invalid_blocks", error
            assert "less than 151" in error.response["response_metadata"]["messages"][0], error

    def check_pacing(self):
        """Too many messages are a 429, and the retry handler waits as it was told."""
        limited = 0
        for _ in range(8):
            try:
                self.web.chat_postMessage(channel="C0PAYMENTS", text="x")
            except SlackApiError as error:
                limited += error.response.status_code == 429 and error.response.headers["Retry-After"] == "1"
        assert limited >= 3, limited
        patient = WebClient(self.slack["bot_token"], base_url=self.slack["api"])
        patient.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=3))
        for _ in range(2):
            assert patient.chat_postMessage(channel="C0PAYMENTS", text="after the wait")["ok"]

    def check_signatures(self):
        """The verifier takes a callback, and turns away an altered, a stale and a foreign one."""
        ts = self.web.chat_postMessage(**ASKS)["ts"]
        assert self.act(do="press", user="U0ALICE", ts=ts, action_id="ack", choice=None)["acknowledged"]
        assert self.act(do="command", user="U0BOB", channel="C0OPS", line="/mandate status")["acknowledged"]
        secret = self.slack["signing_secret"]
        for body, headers in App.seen[-2:]:
            assert SignatureVerifier(secret).is_valid_request(body, headers)
            assert not SignatureVerifier(secret).is_valid_request(body + b"&x=1", headers)
            assert not SignatureVerifier(secret, clock=Later(400)).is_valid_request(body, headers)
            assert not SignatureVerifier("another").is_valid_request(body, headers)
        payload = json.loads(urllib.parse.parse_qs(App.seen[-2][0].decode())["payload"][0])
        assert self.web.views_open(trigger_id=payload["trigger_id"], view=VIEW)["view"]["id"]
        respond = WebhookClient(payload["response_url"])
        codes = [respond.send(text="heard", replace_original=False).status_code for _ in range(6)]
        assert codes == [200] * 5 + [404], codes

    def check_socket(self):
        """The Socket Mode client takes an envelope and acknowledges it."""
        client = SocketModeClient(self.slack["app_token"], web_client=WebClient(base_url=self.slack["api"]))
        taken = []

        def take(client, request):
            taken.append((request.type, request.payload["command"], request.payload["text"]))
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id, {"text": "heard"}))

        client.socket_mode_request_listeners.append(take)
        client.connect()
        try:
            told = self.act(do="command", user="U0BOB", channel="C0OPS", line="/mandate pause deployer")
            assert told["acknowledged"], told
            assert taken == [("slash_commands", "/mandate", "pause deployer")], taken
        finally:
            client.close()


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: judge.py MANDATE_STANDIN", file=sys.stderr)
        return 2
    app = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{app.server_port}/slack"
    command = [sys.argv[1], "slack", "--interactivity-url", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as standin:
        judge, wrong = Judge(json.loads(standin.stdout.readline())), 0
        checks = [getattr(judge, name) for name in dir(judge) if name.startswith("check_")]
        for check in checks:
            try:
                check()
            except Exception:
                wrong += 1
                print(f"python: {check.__doc__}", file=sys.stderr)
                traceback.print_exc()
        standin.send_signal(signal.SIGINT)
    print(f"python: {len(checks)} checks with Slack's code, {wrong} not as expected")
    return 1 if wrong else 0


sys.exit(main())
