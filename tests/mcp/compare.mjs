// Runs the same session with the official TypeScript client against the reference servers, direct and wrapped, and
// compares every answer. Prints the median time of a call both ways.
//
//   node tests/mcp/compare.mjs --wrap "target/debug/mandate mcp wrap --"
//
// The peers come from .tools/node (scripts/tools.sh). Exit code 1 when an answer differs.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const tools = join(root, ".tools/node");
const require = createRequire(join(tools, "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { Client } = await load("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = await load("@modelcontextprotocol/sdk/client/stdio.js");

const wrapAt = process.argv.indexOf("--wrap");
if (wrapAt < 0 || !process.argv[wrapAt + 1]) {
  console.error('usage: compare.mjs --wrap "<command that runs the rest of its line wrapped>" [--calls N]');
  process.exit(2);
}
const prefix = process.argv[wrapAt + 1].split(" ").filter(Boolean);
const callsAt = process.argv.indexOf("--calls");
const CALLS = callsAt < 0 ? 300 : Number(process.argv[callsAt + 1]);

const scratch = mkdtempSync(join(tmpdir(), "mandate-compare-"));
const files = join(scratch, "files");
const bin = (name) => join(tools, "node_modules/.bin", name);

const servers = [
  {
    name: "filesystem",
    command: [bin("mcp-server-filesystem"), files],
    prepare() {
      rmSync(files, { recursive: true, force: true });
      mkdirSync(join(files, "sub"), { recursive: true });
      writeFileSync(join(files, "a.txt"), "one\ntwo\n");
    },
    calls: [
      ["list_allowed_directories", {}],
      ["read_text_file", { path: join(files, "a.txt") }],
      ["write_file", { path: join(files, "b.txt"), content: "Grüße\r\n\u2028" }],
      ["edit_file", { path: join(files, "a.txt"), edits: [{ oldText: "two", newText: "three" }] }],
      ["list_directory", { path: files }],
      ["read_text_file", { path: join(files, "missing.txt") }],
      ["read_text_file", { path: "/etc/passwd" }],
      ["write_file", { path: join(files, "big.txt"), content: "x".repeat(2_000_000) }],
      ["read_text_file", { path: join(files, "big.txt") }],
      ["no_such_tool", {}],
    ],
    timed: ["read_text_file", { path: join(files, "b.txt") }],
  },
  {
    name: "memory",
    command: [bin("mcp-server-memory")],
    env: { MEMORY_FILE_PATH: join(scratch, "memory.jsonl") },
    prepare: () => rmSync(join(scratch, "memory.jsonl"), { force: true }),
    calls: [
      ["create_entities", { entities: [{ name: "shop", entityType: "service", observations: ["sells"] }] }],
      ["read_graph", {}],
      ["delete_entities", { entityNames: ["shop"] }],
      ["read_graph", {}],
    ],
    timed: ["read_graph", {}],
  },
  {
    name: "everything",
    command: [bin("mcp-server-everything"), "stdio"],
    prepare() {},
    calls: [
      ["echo", { message: "hello" }],
      ["get-sum", { a: 1, b: 2.5 }],
      ["get-sum", { a: "x" }],
      ["get-structured-content", { location: "New York" }],
      ["get-tiny-image", {}],
      ["trigger-long-running-operation", { duration: 0.2, steps: 4 }],
    ],
    timed: ["echo", { message: "hello" }],
  },
];

async function session(server, wrapped) {
  server.prepare();
  const [command, ...args] = wrapped ? [...prefix, ...server.command] : server.command;
  const transport = new StdioClientTransport({
    command,
    args,
    cwd: scratch,
    env: { ...process.env, ...server.env },
    stderr: process.env.COMPARE_STDERR ? "inherit" : "ignore",
  });
  const client = new Client({ name: "compare", version: "1.0.0" }, { capabilities: {} });
  const answers = [];
  const progress = [];
  await client.connect(transport);
  answers.push(["server", client.getServerVersion(), client.getServerCapabilities(), client.getInstructions()]);
  answers.push(["tools", await client.listTools()]);
  answers.push(["ping", await client.ping()]);
  for (const [name, given] of server.calls) {
    const onprogress = (update) => progress.push([name, update]);
    const asked = client.callTool({ name, arguments: given }, undefined, { onprogress });
    answers.push([name, await asked.catch((error) => ({ code: error.code, message: error.message }))]);
  }
  // The last update races with the answer inside the client; those before it do not.
  answers.push(["progress", progress.slice(0, 2)]);
  return { client, answers };
}

/// Median times of a call in µs, one call direct and one wrapped in turns, so that the machine's load falls on both.
async function race(server, clients) {
  const times = clients.map(() => []);
  for (let n = 0; n < CALLS; n += 1) {
    for (const [at, client] of clients.entries()) {
      const begin = process.hrtime.bigint();
      await client.callTool({ name: server.timed[0], arguments: server.timed[1] });
      times[at].push(Number(process.hrtime.bigint() - begin) / 1000);
    }
  }
  return times.map((some) => some.sort((one, other) => one - other)[Math.floor(some.length / 2)]);
}

let failed = false;
for (const server of servers) {
  try {
    const direct = await session(server, false);
    const wrapped = await session(server, true);
    assert.deepEqual(wrapped.answers, direct.answers);
    assert.equal(JSON.stringify(wrapped.answers), JSON.stringify(direct.answers), "the order of members differs");
    const [before, after] = await race(server, [direct.client, wrapped.client]);
    await Promise.all([direct.client.close(), wrapped.client.close()]);
    console.log(
      `typescript ${server.name}: ${direct.answers.length} answers equal; median call direct ${before.toFixed(0)} µs, ` +
        `wrapped ${after.toFixed(0)} µs, added ${(after - before).toFixed(0)} µs`,
    );
  } catch (error) {
    failed = true;
    console.error(`typescript ${server.name}: ${error.message}`);
  }
}
rmSync(scratch, { recursive: true, force: true });
process.exit(failed ? 1 : 0);
