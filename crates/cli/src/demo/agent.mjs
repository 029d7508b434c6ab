// The demo's agent: the official MCP client, over stdio, through `mandate mcp wrap`, to the npm filesystem server.
// It reads one JSON call a line, `{"tool", "arguments"}`, and answers one JSON line each.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [tools, mandate, repository] = process.argv.slice(2);
const require = createRequire(`${tools}/package.json`);
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");

const server = `${tools}/node_modules/.bin/mcp-server-filesystem`;
const transport = new StdioClientTransport({
  command: mandate,
  args: ["mcp", "wrap", "--", server, repository],
  cwd: repository,
  env: { ...process.env },
  stderr: "ignore",
});
const client = new Client({ name: "demo-agent", version: "1.0.0" });
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

await client.connect(transport);
const { tools: offered } = await client.listTools();
say({ ready: true, tools: offered.length });

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { tool, arguments: given } = JSON.parse(line);
    const result = await client.callTool({ name: tool, arguments: given });
    const text = (result.content ?? []).map((part) => part.text ?? "").join("\n");
    say({ refused: result.isError === true, text });
  } catch (error) {
    say({ refused: true, text: String(error) });
  }
}
await client.close();
