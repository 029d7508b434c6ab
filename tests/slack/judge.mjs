// Judges the Slack stand-in with Slack's own code for JavaScript: the web client as caller, Bolt as the app whose
// verifier takes the callbacks, the Socket Mode client at the other end of the socket.
//
//     node tests/slack/judge.mjs target/debug/mandate-standin
//
// The packages come from .tools/node (scripts/tools.sh). Exit code 1 when something is not as Slack's code expects.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(join(root, ".tools/node/package.json"));
const { App, LogLevel, isValidSlackRequest } = require("@slack/bolt");
const { SocketModeClient } = require("@slack/socket-mode");
const { WebClient, ErrorCode } = require("@slack/web-api");

const binary = process.argv[2];
if (!binary) {
  console.error("usage: judge.mjs MANDATE_STANDIN");
  process.exit(2);
}
const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, getLevel: () => LogLevel.ERROR, setName() {} };

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

const port = await freePort();
const interactivity = `http://127.0.0.1:${port}/slack/events`;
const standin = spawn(binary, ["slack", "--interactivity-url", interactivity], { stdio: ["ignore", "pipe", "inherit"] });
const [line] = await once(createInterface({ input: standin.stdout }), "line");
const slack = JSON.parse(line);
const api = { slackApiUrl: slack.api, logger: quiet };
const web = new WebClient(slack.bot_token, api);

const act = async (what) => {
  const headers = { "content-type": "application/json", "x-standin-page": "1" };
  const answer = await fetch(`${slack.listening}page/act`, { method: "POST", headers, body: JSON.stringify(what) });
  return answer.json();
};
const plain = (text) => ({ type: "plain_text", text });
const asks = {
  channel: "C0OPS",
  text: "deployer asks",
  blocks: [
    { type: "header", text: plain("deployer asks") },
    { type: "actions", block_id: "row", elements: [{ type: "button", action_id: "ack", value: "n-1", text: plain("Ack") }] },
  ],
  metadata: { event_type: "mandate_notice", event_payload: { notification_id: "n-1" } },
};
const question = {
  type: "modal",
  callback_id: "reason",
  title: plain("Why?"),
  submit: plain("Send"),
  blocks: [{ type: "input", block_id: "why", label: plain("Reason"), element: { type: "plain_text_input", action_id: "text" } }],
};

const checks = {
  async "the web client posts, changes, finds people and makes channels"() {
    assert.equal((await web.auth.test()).team_id, "T0STANDIN");
    const posted = await web.chat.postMessage(asks);
    assert.equal(posted.message.blocks[0].text.text, "deployer asks");
    const changed = await web.chat.update({ channel: posted.channel, ts: posted.ts, text: "done" });
    assert.equal(changed.text, "done");
    assert.equal((await web.users.lookupByEmail({ email: "bob@example.com" })).user.id, "U0BOB");
    assert.equal((await web.users.info({ user: "U0BOB" })).user.profile.email, "bob@example.com");
    const made = await web.conversations.create({ name: "inc-node" });
    await web.conversations.invite({ channel: made.channel.id, users: "U0BOB" });
    await web.conversations.archive({ channel: made.channel.id });
    await web.chat.postEphemeral({ channel: "C0OPS", user: "U0BOB", text: "only you" });
    assert.equal((await web.conversations.open({ users: "U0BOB" })).channel.id, "D0BOB");
  },

  async "refusals are errors of the platform with the messages"() {
    const long = { ...asks, blocks: [{ type: "header", text: plain("x".repeat(151)) }] };
    const refused = await web.chat.postMessage(long).catch((error) => error);
    assert.equal(refused.code, ErrorCode.PlatformError);
    assert.equal(refused.data.error, "invalid_blocks");
    assert.match(refused.data.response_metadata.messages[0], /must be less than 151 characters/);
    const unknown = await web.chat.update({ channel: "C0OPS", ts: "1.000000", text: "x" }).catch((error) => error);
    assert.equal(unknown.data.error, "message_not_found");
  },

  async "too many messages are a rate limit that says when to come back"() {
    const hasty = new WebClient(slack.bot_token, { ...api, rejectRateLimitedCalls: true });
    const burst = Array.from({ length: 8 }, () => hasty.chat.postMessage({ channel: "C0PAYMENTS", text: "x" }));
    const late = (await Promise.allSettled(burst)).filter(({ status }) => status === "rejected");
    assert.equal(late.length, 4);
    assert.ok(late.every(({ reason }) => reason.code === ErrorCode.RateLimitedError && reason.retryAfter === 1));
    // Left alone, the client waits as it was told, and gets through.
    assert.ok((await web.chat.postMessage({ channel: "C0PAYMENTS", text: "after the wait" })).ok);
  },

  async "Bolt takes presses, views and commands, and opens a view with the trigger"() {
    const app = new App({ token: slack.bot_token, signingSecret: slack.signing_secret, clientOptions: api, logger: quiet });
    const seen = [];
    app.action("ack", async ({ ack, body, client, respond }) => {
      await ack();
      seen.push(["press", body.user.id, body.actions[0].value]);
      const opened = await client.views.open({ trigger_id: body.trigger_id, view: question });
      seen.push(["view", opened.view.id]);
      await respond({ text: "asked", response_type: "ephemeral", replace_original: false });
      seen.push(["responded"]);
    });
    app.view("reason", async ({ ack, view }) => {
      await ack({ response_action: "errors", errors: { why: "too short" } });
      seen.push(["submitted", view.state.values.why.text.value]);
    });
    app.command("/mandate", async ({ ack, command }) => {
      await ack("2 agents");
      seen.push(["command", command.text, command.channel_name]);
    });
    await app.start({ port, host: "127.0.0.1" });
    const { ts } = await web.chat.postMessage(asks);
    assert.ok((await act({ do: "press", user: "U0ALICE", ts, action_id: "ack", choice: null })).acknowledged);
    for (let n = 0; n < 1000 && !seen.some(([what]) => what === "responded"); n += 1) await new Promise((next) => setTimeout(next, 5));
    const [, view] = seen.find(([what]) => what === "view");
    assert.ok((await act({ do: "submit", user: "U0ALICE", view, values: [["why", "x"]] })).acknowledged);
    assert.ok((await act({ do: "command", user: "U0BOB", channel: "C0OPS", line: "/mandate status" })).acknowledged);
    assert.deepEqual(
      seen.filter(([what]) => what !== "view" && what !== "responded"),
      [["press", "U0ALICE", "n-1"], ["submitted", "x"], ["command", "status", "ops"]],
    );
    await app.stop();
    const headers = { "x-slack-signature": "v0=00", "x-slack-request-timestamp": Math.floor(Date.now() / 1000) };
    assert.ok(!isValidSlackRequest({ signingSecret: slack.signing_secret, body: "", headers }));
  },

  async "the Socket Mode client says hello, takes an envelope and acknowledges it"() {
    const socket = new SocketModeClient({ appToken: slack.app_token, clientOptions: { slackApiUrl: slack.api }, logger: quiet });
    const commands = [];
    socket.on("slash_commands", async ({ ack, body }) => {
      commands.push(body.text);
      await ack({ text: "heard" });
    });
    socket.on("interactive", ({ ack }) => ack());
    await socket.start();
    assert.ok((await act({ do: "command", user: "U0BOB", channel: "C0OPS", line: "/mandate pause deployer" })).acknowledged);
    const { ts } = await web.chat.postMessage(asks);
    assert.ok((await act({ do: "press", user: "U0ALICE", ts, action_id: "ack", choice: null })).acknowledged);
    assert.deepEqual(commands, ["pause deployer"]);
    await socket.disconnect();
  },
};

let wrong = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (error) {
    wrong += 1;
    console.error(`javascript: ${name}: ${error.stack}`);
  }
}
standin.kill("SIGINT");
console.log(`javascript: ${Object.keys(checks).length} checks with Slack's code, ${wrong} not as expected`);
process.exit(wrong ? 1 : 0);
