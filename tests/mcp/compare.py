"""Runs the same session with the official Python client, direct and wrapped, and compares every answer.

    .tools/py/bin/python tests/mcp/compare.py --wrap "target/debug/mandate mcp wrap --"

Both eras of mcp-server-time (the opening message decides) and the reference filesystem server. The peers come from
.tools (scripts/tools.sh). Exit code 1 when an answer differs.
"""

import argparse
import asyncio
import contextlib
import os
import pathlib
import shlex
import shutil
import statistics
import sys
import tempfile
import time

from mcp import Client, StdioServerParameters

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIME = [str(ROOT / ".tools/py/bin/mcp-server-time"), "--local-timezone", "UTC"]
FILESYSTEM = str(ROOT / ".tools/node/node_modules/.bin/mcp-server-filesystem")


def sessions(files):
    convert = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Etc/GMT-5"}
    time_calls = [
        ("convert_time", {**convert, "time": "25:00"}),
        ("get_current_time", {"timezone": "Nowhere/Land"}),
        ("no_such_tool", {}),
    ]
    return [
        ("time, stateless", TIME, "auto", time_calls, ("convert_time", convert)),
        ("time, initialize first", TIME, "legacy", time_calls, ("convert_time", convert)),
        (
            "filesystem",
            [FILESYSTEM, str(files)],
            "legacy",
            [
                ("write_file", {"path": str(files / "a.txt"), "content": "one\ntwo\u2028\r\n"}),
                ("read_text_file", {"path": str(files / "a.txt")}),
                ("read_text_file", {"path": str(files / "missing.txt")}),
                ("list_directory", {"path": str(files)}),
            ],
            ("read_text_file", {"path": str(files / "a.txt")}),
        ),
    ]


async def session(client, calls):
    answers = [("server", repr(client.server_info), repr(client.protocol_version))]
    answers.append(("tools", (await client.list_tools()).model_dump_json()))
    for name, arguments in calls:
        try:
            answer = (await client.call_tool(name, arguments)).model_dump_json()
        except Exception as error:  # What a client raises is part of what is compared.
            answer = f"{type(error).__name__}: {error}"
        answers.append((name, answer))
    return answers


async def race(clients, timed, count):
    """Median times in µs, one call each in turns, so that the machine's load falls on both."""
    times = [[] for _ in clients]
    for _ in range(count):
        for client, some in zip(clients, times):
            begin = time.perf_counter()
            await client.call_tool(*timed)
            some.append((time.perf_counter() - begin) * 1e6)
    return [statistics.median(some) for some in times]


def peer(command, mode):
    server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    return Client(server, mode=mode)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wrap", required=True, help="a command that runs the rest of its line wrapped")
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    prefix = shlex.split(options.wrap)
    failed = False
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="mandate-compare-"))
    for name, command, mode, calls, timed in sessions(scratch / "files"):
        async with contextlib.AsyncExitStack() as stack:
            clients, found = [], []
            for one in (command, prefix + command):
                shutil.rmtree(scratch / "files", ignore_errors=True)
                (scratch / "files").mkdir()
                clients.append(await stack.enter_async_context(peer(one, mode)))
                found.append(await session(clients[-1], calls))
            direct, wrapped = found
            direct_median, wrapped_median = await race(clients, timed, options.calls)
        if direct != wrapped:
            failed = True
            for one, other in zip(direct, wrapped):
                if one != other:
                    print(f"python {name}: differs\n  direct  {one}\n  wrapped {other}", file=sys.stderr)
            continue
        print(
            f"python {name}: {len(direct)} answers equal; median call direct {direct_median:.0f} µs, "
            f"wrapped {wrapped_median:.0f} µs, added {wrapped_median - direct_median:.0f} µs"
        )
    shutil.rmtree(scratch)
    sys.exit(1 if failed else 0)


asyncio.run(main())
