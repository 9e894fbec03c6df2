/** The promises of the SDK, with a socket whose other end is the test and time that stands still. */

import assert from "node:assert/strict";
import { beforeEach, afterEach, mock, test } from "node:test";
import { backoffMs, Emostream, EmostreamError, retryAfterMs } from "../../frontend/sdk/emostream.js";
import { connected, frame, held, hello } from "./fake_crowd.js";
import { FakeSocket } from "./fake_socket.js";

/** The widest jitter there is. */
const ALMOST_ONE = 1 - Number.EPSILON;
const BASE_MS = 500;
const CAP_MS = 30_000;

beforeEach(() => {
  FakeSocket.opened = [];
  mock.timers.enable({ apis: ["setTimeout"] });
});

afterEach(() => mock.timers.reset());

test("an origin leads to the WebSocket route, a full address is kept", () => {
  const { socket } = connected({ stream: "final", cluster: 2, clientId: "me" });
  assert.equal(socket.url.href, "wss://live.example/ws?stream=final&cluster=2&client_id=me");
  assert.equal(socket.protocol, "emostream.v1.json");

  new Emostream().connect("ws://127.0.0.1:5001/behind/proxy", { WebSocket: /** @type {any} */ (FakeSocket) });
  assert.equal(FakeSocket.last.url.href, "ws://127.0.0.1:5001/behind/proxy?stream=main&cluster=auto");
});

test("totals are the hello's plus every frame's", () => {
  const { client, socket, events } = connected();
  socket.receive(hello());
  socket.receive(frame(101, [["🔥", 5], ["👏", 1]]));
  socket.receive(frame(104, [["👏", 2]], { span: 3 }));
  assert.deepEqual(held(client), { seq: 104, total: 128, totals: { "🔥": 105, "😀": 20, "👏": 3 } });
  assert.deepEqual(events.map(([type]) => type), ["state", "state", "hello", "window", "window"]);
});

test("how many watch is what the last frame says, and unknown where it says nothing", () => {
  const { client, socket } = connected();
  assert.equal(client.viewers, undefined);
  socket.receive(hello({ viewers: 3 }));
  assert.equal(client.viewers, 3);
  socket.receive(frame(101, [], { viewers: 40_000 }));
  assert.equal(client.viewers, 40_000);
  client.subscribe("final");
  assert.equal(client.viewers, undefined);
});

test("what a policy does not list still counts in the total", () => {
  const { client, socket } = connected();
  socket.receive(hello());
  socket.receive(frame(101, [["🔥", 5]], { total: 9 }));
  assert.equal(client.total, 129);
  assert.equal(client.totals.get("🔥"), 105);
});

test("a frame that was added up already, or of another stream, changes nothing", () => {
  const { client, socket } = connected();
  socket.receive(hello());
  socket.receive(frame(101, [["🔥", 5]]));
  const before = held(client);
  socket.receive(frame(101, [["🔥", 5]]));
  socket.receive(frame(100, [["🔥", 5]]));
  socket.receive(frame(102, [["🔥", 5]], { stream: "other" }));
  assert.deepEqual(held(client), before);
});

test("it comes back with since and its client id, and the next hello is the base again", () => {
  const { client, socket } = connected();
  socket.receive(hello());
  socket.receive(frame(101, [["🔥", 5]]));
  socket.end(1006);
  mock.timers.tick(0);

  const again = FakeSocket.last;
  assert.notEqual(again, socket);
  assert.equal(again.url.searchParams.get("since"), "101");
  assert.equal(again.url.searchParams.get("client_id"), "c-1");
  again.receive(hello({ seq: 101, total: 125, totals: { "🔥": 105, "😀": 20 } }));
  again.receive(frame(160, [["🔥", 50]], { span: 59 }));
  assert.deepEqual(held(client), { seq: 160, total: 175, totals: { "🔥": 155, "😀": 20 } });
});

test("totals follow a server that began anew", () => {
  const { client, socket } = connected();
  socket.receive(hello());
  socket.end(1001, { retry_after_ms: 10 });
  mock.timers.tick(10);
  FakeSocket.last.receive(hello({ recovered: false, seq: 7000, total: 1, totals: { "👏": 1 } }));
  assert.deepEqual(held(client), { seq: 7000, total: 1, totals: { "👏": 1 } });
});

test("the back-off is full jitter between nothing and a growing, capped bound", () => {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    const bound = Math.min(CAP_MS, BASE_MS * 2 ** attempt);
    assert.equal(backoffMs(attempt, () => 0), 0);
    assert.equal(backoffMs(attempt, () => 0.5), bound / 2);
    assert.ok(backoffMs(attempt, () => ALMOST_ONE) <= bound);
  }
});

test("a server that says when is not disturbed before", () => {
  assert.equal(backoffMs(0, () => ALMOST_ONE, 4_000), 4_000);
  const { socket, events } = connected();
  socket.receive(hello());
  socket.end(4013, { retry_after_ms: 4_000 });
  assert.deepEqual(events.at(-1), ["state", { state: "waiting", retryInMs: 4_000, code: 4013 }]);
  mock.timers.tick(3_999);
  assert.equal(FakeSocket.opened.length, 1);
  mock.timers.tick(1);
  assert.equal(FakeSocket.opened.length, 2);
});

test("a close reason that makes no sense asks for nothing", () => {
  for (const reason of ["", "bye", "null", "[]", "7", "{}", '{"retry_after_ms":"soon"}', '{"retry_after_ms":-5}']) {
    assert.equal(retryAfterMs(reason), 0, reason);
  }
  assert.equal(retryAfterMs('{"retry_after_ms":250}'), 250);
  assert.equal(retryAfterMs('{"retry_after_ms":1e15}'), 300_000);
});

test("each failure in a row doubles the bound; only a connection that lasted starts anew", () => {
  const { events } = connected({ random: () => ALMOST_ONE });
  const waits = () => events.filter(([, detail]) => detail.state === "waiting").map(([, detail]) => Math.round(detail.retryInMs));
  for (const expected of [500, 1_000, 2_000, 4_000]) {
    FakeSocket.last.receive(hello());
    mock.timers.tick(4_999);
    FakeSocket.last.end(1006);
    mock.timers.tick(expected);
  }
  FakeSocket.last.receive(hello());
  mock.timers.tick(5_000);
  FakeSocket.last.end(1006);
  assert.deepEqual(waits(), [500, 1_000, 2_000, 4_000, 500]);
});

test("connecting again begins the back-off anew, and is refused where it is connected already", () => {
  const { client, socket, events } = connected({ random: () => ALMOST_ONE });
  socket.end(1006);
  assert.throws(() => client.connect("https://live.example"), /connected already/);
  client.close();
  client.connect("https://live.example", { WebSocket: /** @type {any} */ (FakeSocket), random: () => ALMOST_ONE });
  FakeSocket.last.end(1006);
  const waits = events.filter(([, detail]) => detail.state === "waiting").map(([, detail]) => Math.round(detail.retryInMs));
  assert.deepEqual(waits, [BASE_MS, BASE_MS]);
});

for (const code of [1008, 4001, 4003]) {
  test(`it does not come back after ${code}`, () => {
    const { client, socket, events } = connected();
    socket.receive(hello());
    socket.end(code, { retry_after_ms: 5 });
    mock.timers.tick(CAP_MS * 100);
    assert.equal(FakeSocket.opened.length, 1);
    assert.equal(client.state, "closed");
    assert.deepEqual(events.at(-1), ["state", { state: "closed", code }]);
  });
}

test("it does not come back after it was told to close", () => {
  const { client, socket } = connected();
  socket.receive(hello());
  client.close();
  socket.end(1000);
  mock.timers.tick(CAP_MS);
  assert.ok(socket.closed);
  assert.equal(client.state, "closed");
  assert.equal(FakeSocket.opened.length, 1);
});

test("it does not come back after it was told to close while it waited", () => {
  const { client, socket } = connected();
  socket.end(4013, { retry_after_ms: 1_000 });
  client.close();
  mock.timers.tick(CAP_MS);
  assert.equal(client.state, "closed");
  assert.equal(FakeSocket.opened.length, 1);
});

test("a socket that has said hello is not given up", () => {
  const { client, socket } = connected();
  socket.receive(hello());
  mock.timers.tick(CAP_MS);
  assert.equal(socket.closed, false);
  assert.equal(client.state, "open");
});

test("a socket without a hello is given up and tried again", () => {
  const { client, socket } = connected({ random: () => 0.5 });
  mock.timers.tick(10_000);
  assert.ok(socket.closed);
  assert.equal(client.state, "waiting");
  mock.timers.tick(BASE_MS / 2);
  assert.equal(FakeSocket.opened.length, 2);
  socket.receive(hello());
  assert.equal(client.state, "connecting");
});

test("a reaction resolves with its ack and rejects with the server's code", async () => {
  const { client, socket } = connected();
  socket.receive(hello());
  const [first, second] = [client.react("🔥"), client.react("👏", 3)];
  const [sentFirst, sentSecond] = socket.sent;
  assert.deepEqual(sentFirst, { type: "react", emoji_type: "🔥", count: 1, id: sentFirst.id });
  assert.deepEqual(sentSecond, { type: "react", emoji_type: "👏", count: 3, id: sentSecond.id });
  assert.notEqual(sentFirst.id, sentSecond.id);

  socket.receive({ type: "error", code: "limited", id: sentSecond.id });
  socket.receive({ type: "ack", id: sentFirst.id });
  await first;
  await assert.rejects(second, (error) => error instanceof EmostreamError && error.code === "limited");
});

test("a reaction whose answer never comes has an unknown outcome, also when the connection ends", async () => {
  const { client, socket } = connected();
  await assert.rejects(client.react("🔥"), { code: "not_connected" });
  socket.receive(hello());
  const unanswered = client.react("🔥");
  mock.timers.tick(10_000);
  await assert.rejects(unanswered, { code: "unknown_outcome" });
  const cutOff = client.react("🔥");
  socket.end(1006);
  await assert.rejects(cutOff, { code: "unknown_outcome" });
});

test("a refusal that comes after its reaction was given up is no other error", async () => {
  const { client, socket, events } = connected();
  socket.receive(hello());
  const given = client.react("🔥");
  mock.timers.tick(10_000);
  await assert.rejects(given, { code: "unknown_outcome" });
  events.length = 0;
  socket.receive({ type: "error", code: "limited", id: socket.sent[0].id });
  assert.deepEqual(events, []);
});

test("a reaction with its answer leaves no timer behind", async () => {
  const { client, socket } = connected();
  socket.receive(hello());
  const running = new Set();
  const { setTimeout: start, clearTimeout: stop } = globalThis;
  try {
    globalThis.setTimeout = /** @type {any} */ ((...timer) => { const id = start(.../** @type {[any]} */ (timer)); running.add(id); return id; });
    globalThis.clearTimeout = (id) => { running.delete(id); stop(id); };
    const outcome = client.react("🔥");
    assert.equal(running.size, 1);
    socket.receive({ type: "ack", id: socket.sent[0].id });
    await outcome;
    assert.equal(running.size, 0);
  } finally {
    Object.assign(globalThis, { setTimeout: start, clearTimeout: stop });
  }
});

test("what would break the protocol is refused here, or sent as an emoji that the server refuses", async () => {
  const { client, socket } = connected();
  socket.receive(hello());
  for (const count of [0, -1, 1.5, NaN, Infinity, 1e21, "3", null, {}]) {
    await assert.rejects(client.react("🔥", /** @type {any} */ (count)), { code: "invalid_count" }, String(count));
  }
  assert.deepEqual(socket.sent, []);
  for (const emoji of [undefined, 7, "🔥"[0]]) client.react(/** @type {any} */ (emoji)).catch(() => {});
  assert.deepEqual(socket.sent.map(({ emoji_type }) => emoji_type), ["undefined", "7", "?"]);
});

test("moves, nameless errors and broken frames are told, unknown types passed over", () => {
  const { client, socket, events } = connected();
  socket.receive(hello());
  events.length = 0;
  socket.receive({ type: "moved", cluster: 2 });
  socket.receive({ type: "error", code: "from_the_future" });
  socket.receive("not json");
  socket.receive({ type: "from the future" });
  assert.equal(client.cluster, 2);
  assert.deepEqual(events, [["moved", { cluster: 2 }], ["error", { code: "from_the_future" }], ["error", { code: "bad_frame" }]]);
});

test("who was moved comes back to wherever there is room, not to the cluster that has retired", () => {
  const client = new Emostream();
  const options = { cluster: 2, random: () => 0, WebSocket: /** @type {any} */ (FakeSocket) };
  client.connect("https://live.example", options);
  const socket = FakeSocket.last;
  socket.receive(hello({ cluster: 2 }));
  socket.receive({ type: "moved", cluster: 3 });
  socket.end(1006);
  mock.timers.tick(0);
  assert.equal(FakeSocket.last.url.searchParams.get("cluster"), "auto");
  client.close();
  client.connect("https://live.example", options);
  assert.equal(FakeSocket.last.url.searchParams.get("cluster"), "2");
});

test("a server without windows to give is told once, and a new connection begins without it", () => {
  const { client, socket, events } = connected();
  socket.receive(hello());
  events.length = 0;
  socket.receive({ type: "status", delivery: "interrupted" });
  socket.receive({ type: "status", delivery: "interrupted" });
  assert.equal(client.interrupted, true);
  assert.equal(client.state, "open");
  socket.receive({ type: "status", delivery: "resumed" });
  assert.equal(client.interrupted, false);
  assert.deepEqual(events, [["delivery", { interrupted: true }], ["delivery", { interrupted: false }]]);
});

for (const [how, end] of /** @type {const} */ ([
  ["breaks", ({ socket }) => socket.end(1006)],
  ["is closed", ({ client }) => client.close()],
])) {
  test(`where the connection ${how}, windows are late no more`, () => {
    const { client, socket, events } = connected();
    socket.receive(hello());
    socket.receive({ type: "status", delivery: "interrupted" });
    events.length = 0;
    client.addEventListener("state", () => assert.equal(client.interrupted, false));
    end({ client, socket });
    assert.deepEqual(events.map(([type, detail]) => [type, detail.interrupted ?? detail.state])[0], ["delivery", false]);
    mock.timers.tick(0);
    assert.equal(client.interrupted, false);
  });
}
