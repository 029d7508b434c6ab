// Judges signed webhook messages with the official Standard Webhooks library for JavaScript.
//
// The same input and the same answers as verify.py; `npm install standardwebhooks` somewhere above, or name the
// folder that has it in `--modules DIR`.
//
//     node tests/webhooks/verify.mjs target/tmp/webhook-messages.jsonl

import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { secret: { type: "string" }, modules: { type: "string" } },
});
const load = createRequire(values.modules ? resolve(values.modules, "node_modules", "-") : import.meta.url);
const { Webhook } = load("standardwebhooks");

function verdict(message, secret) {
  try {
    new Webhook(secret).verify(message.body, message.headers);
    return "valid";
  } catch (error) {
    return `rejected (${error.message})`;
  }
}

let judged = 0;
let wrong = 0;
for (const input of positionals.length ? positionals.map((file) => createReadStream(file)) : [process.stdin]) {
  for await (const line of createInterface({ input })) {
    const message = JSON.parse(line);
    if (!message.headers) continue;
    judged += 1;
    const found = verdict(message, message.secret ?? values.secret);
    if ((found === "valid") !== (message.valid ?? !message.rejected)) {
      wrong += 1;
      console.error(`message ${judged}: ${found}: ${message.headers["webhook-id"]}`);
    }
  }
}
console.log(`javascript: ${judged} messages judged, ${wrong} not as expected`);
process.exit(wrong || !judged ? 1 : 0);
