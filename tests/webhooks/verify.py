"""Judges signed webhook messages with the official Standard Webhooks library for Python.

Reads JSON Lines from the files named, or from standard input: {"headers", "body", "secret", "valid"}. `secret`
may be left out when `--secret` is given; `valid: false`, or a reason under `rejected`, marks a message that has to
be rejected. So it reads what `mandate-standin webhook` prints, whose other lines are passed over. The library
rejects what is older than five minutes.

    pip install standardwebhooks
    cargo test -p mandate-connect --test messages
    python tests/webhooks/verify.py target/tmp/webhook-messages.jsonl
"""

import argparse
import fileinput
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def verdict(message: dict, secret: str) -> str:
    try:
        Webhook(secret).verify(message["body"].encode(), message["headers"])
        return "valid"
    except (WebhookVerificationError, ValueError) as error:
        return f"rejected ({error})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--secret")
    options = parser.parse_args()
    judged = wrong = 0
    for line in fileinput.input(options.files or "-", encoding="utf-8"):
        message = json.loads(line)
        if "headers" not in message:
            continue
        judged += 1
        found = verdict(message, message.get("secret") or options.secret)
        if (found == "valid") != message.get("valid", message.get("rejected") is None):
            wrong += 1
            print(f"line {fileinput.filelineno()}: {found}: {message['headers'].get('webhook-id')}", file=sys.stderr)
    print(f"python: {judged} messages judged, {wrong} not as expected")
    return 1 if wrong or not judged else 0


sys.exit(main())
