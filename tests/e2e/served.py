"""A `mandate serve` of the built binary for one end-to-end test: its own store, port and keys, gone afterwards."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

BIN = os.environ["MANDATE_BIN"]
SCRATCH = pathlib.Path(os.environ["SCRATCH"])
START_SECONDS = 15


class Served:
    """Runs the server inside a `with`; leaving it sends SIGTERM and expects a clean exit."""

    def __init__(self, store: str, *arguments: str):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{address}"
        self.key_file = SCRATCH / "admin.key"
        self.command = [BIN, "serve", "--store", store, "--listen", address, "--key-file", str(self.key_file), *arguments]

    def __enter__(self):
        self.log = open(SCRATCH / "serve.log", "ab")
        self.process = subprocess.Popen(self.command, cwd=SCRATCH, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError("the server did not start:\n" + (SCRATCH / "serve.log").read_text())
            time.sleep(0.02)
        self.admin = self.key_file.read_text().strip()
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.log.close()
        if kind is None:
            assert code == 0, f"the server ended with {code}:\n" + (SCRATCH / "serve.log").read_text()

    def _ready(self) -> bool:
        try:
            return urllib.request.urlopen(self.url + "/readyz", timeout=1).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def call(self, method: str, path: str, key: str, body: object = None) -> tuple[int, bytes]:
        """One request; gives its status and body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def run(self, *arguments: str) -> str:
        """A command of the binary against this server, with the admin key; gives its standard output."""
        environment = os.environ | {"MANDATE_URL": self.url, "MANDATE_KEY": self.admin}
        return run(*arguments, environment=environment)


def run(*arguments: str, environment: dict | None = None, expect: int = 0) -> str:
    """A command of the binary; gives its standard output and insists on its exit code."""
    done = subprocess.run([BIN, *arguments], cwd=SCRATCH, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == expect, f"mandate {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
