// Follows a subscription with graphql-ws or graphql-sse, and prints a line for each thing that happens.
// It obeys lines on standard input: {"token": …} is what it signs in with from then on.
import { createInterface } from "node:readline";
import { createClient as createSse } from "graphql-sse";
import { createClient as createSocket } from "graphql-ws";
import WebSocket from "ws";

const [way, url, token, query, variables = "{}"] = process.argv.slice(2);
const say = (what, more = {}) => console.log(JSON.stringify({ what, ...more }));
const pause = () => new Promise((done) => setTimeout(done, 100));
const Authorization = { toString: () => `Bearer ${authorization}` };
let authorization = token;

const patience = { retryAttempts: 100 };
const client =
  way === "ws"
    ? createSocket({
        ...patience,
        url: url.replace("http", "ws"),
        webSocketImpl: WebSocket,
        connectionParams: () => ({ Authorization: String(Authorization) }),
        retryWait: pause,
        shouldRetry: () => true,
        on: {
          connected: () => say("connected"),
          closed: ({ code, reason }) => say("closed", { code, reason }),
          ping: (received) => received && say("ping"),
        },
      })
    : createSse({
        ...patience,
        url,
        headers: () => ({ Authorization: String(Authorization) }),
        retry: pause,
        on: { connected: () => say("connected") },
      });

const asked = JSON.parse(variables);
const follow = () =>
  new Promise((done) =>
    client.subscribe(
      { query, variables: asked },
      {
        next: (value) => {
          say("next", value);
          // What is asked again after a lost connection goes on from here.
          asked.after = value.data?.agentEvents?.cursor ?? asked.after;
        },
        error: (error) => (say("error", { error: Array.isArray(error) ? error : String(error) }), done()),
        complete: () => (say("complete"), done()),
      },
    ),
  );

createInterface({ input: process.stdin }).on("line", (line) => (authorization = JSON.parse(line).token));
while (true) {
  await follow();
  await pause();
}
