/** A page that nobody sees holds no connection, and loses no count. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Emostream } from "../../frontend/sdk/emostream.js";
import { connected, frame, held, hello } from "./fake_crowd.js";
import { FakeSocket } from "./fake_socket.js";

const PAUSE_AFTER_MS = 10_000;

/** What the SDK asks a page: whether it is seen. */
class FakePage extends EventTarget {
  hidden = false;

  /** @param {boolean} hidden */
  turn(hidden) {
    this.hidden = hidden;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

/** @type {FakePage} */ let page;

beforeEach(() => {
  FakeSocket.opened = [];
  page = new FakePage();
  Object.defineProperty(globalThis, "document", { value: page, configurable: true });
  mock.timers.enable({ apis: ["setTimeout"] });
});

afterEach(() => {
  mock.timers.reset();
  Reflect.deleteProperty(globalThis, "document");
});

test("a page that stays hidden lets go of its socket, and comes back where it was", () => {
  const { client, socket, events } = connected();
  socket.receive(hello());
  socket.receive(frame(101, [["🔥", 5]]));
  page.turn(true);
  mock.timers.tick(PAUSE_AFTER_MS - 1);
  assert.equal(socket.closed, false);
  mock.timers.tick(1);
  assert.equal(socket.closed, true);
  assert.equal(client.state, "paused");
  assert.deepEqual(events.at(-1), ["state", { state: "paused" }]);
  // What was under way when it was let go of comes again with the return.
  socket.receive(frame(102, [["🔥", 7]]));
  socket.end(1000);
  mock.timers.tick(600_000);
  assert.equal(FakeSocket.opened.length, 1);
  assert.equal(client.total, 125);

  page.turn(false);
  assert.equal(FakeSocket.opened.length, 2);
  const again = FakeSocket.last;
  assert.equal(again.url.searchParams.get("since"), "101");
  again.receive(hello({ seq: 101, total: 125, totals: { "🔥": 105, "😀": 20 } }));
  again.receive(frame(700, [["🔥", 50]], { span: 599 }));
  assert.deepEqual(held(client), { seq: 700, total: 175, totals: { "🔥": 155, "😀": 20 } });
});

test("a glance at another tab costs nothing", () => {
  const { socket } = connected();
  socket.receive(hello());
  for (let glance = 0; glance < 5; glance += 1) {
    page.turn(true);
    mock.timers.tick(PAUSE_AFTER_MS - 1);
    page.turn(false);
  }
  mock.timers.tick(PAUSE_AFTER_MS * 10);
  assert.equal(socket.closed, false);
  assert.equal(FakeSocket.opened.length, 1);
});

test("a page that is opened in the background pauses as well", () => {
  page.hidden = true;
  const { client, socket } = connected();
  socket.receive(hello());
  mock.timers.tick(PAUSE_AFTER_MS);
  assert.equal(client.state, "paused");
});

test("how long is an option, and never another", () => {
  const brief = connected({ pauseAfterMs: 0 });
  brief.socket.receive(hello());
  const never = connected({ pauseAfterMs: Infinity });
  never.socket.receive(hello());
  // More than a timer holds.
  const monthly = connected({ pauseAfterMs: 30 * 24 * 3_600_000 });
  monthly.socket.receive(hello());
  page.turn(true);
  mock.timers.tick(0);
  assert.equal(brief.client.state, "paused");
  mock.timers.tick(3_600_000);
  assert.equal(never.client.state, "open");
  assert.equal(monthly.client.state, "open");
});

test("a wait that the server asked for is neither shortened nor followed by attempts that nobody sees", () => {
  const { client, socket } = connected();
  socket.receive(hello());
  page.turn(true);
  socket.end(4013, { retry_after_ms: PAUSE_AFTER_MS + 5_000 });
  mock.timers.tick(PAUSE_AFTER_MS);
  assert.equal(client.state, "waiting");
  page.turn(false);
  assert.equal(FakeSocket.opened.length, 1);
  page.turn(true);
  mock.timers.tick(5_000);
  assert.equal(client.state, "connecting");

  FakeSocket.last.end(4013, { retry_after_ms: 60_000 });
  mock.timers.tick(60_000);
  assert.equal(client.state, "paused");
  assert.equal(FakeSocket.opened.length, 2);
  page.turn(false);
  assert.equal(FakeSocket.opened.length, 3);
});

test("what was sent when the page was let go of has an unknown outcome", async () => {
  const { client, socket } = connected({ pauseAfterMs: 0 });
  socket.receive(hello());
  const outcome = client.react("🔥");
  page.turn(true);
  mock.timers.tick(0);
  await assert.rejects(outcome, { code: "unknown_outcome" });
  await assert.rejects(client.react("🔥"), { code: "not_connected" });
});

test("a client that was closed does not follow the page any more", () => {
  const { client, socket } = connected();
  socket.receive(hello());
  page.turn(true);
  client.close();
  mock.timers.tick(PAUSE_AFTER_MS);
  page.turn(false);
  page.turn(true);
  mock.timers.tick(PAUSE_AFTER_MS);
  assert.equal(client.state, "closed");
  assert.equal(FakeSocket.opened.length, 1);
});

for (const [how, begin] of /** @type {const} */ ([
  ["whose socket could not be made", (client) => {
    const Refusing = class { constructor() { throw new DOMException("no", "SecurityError"); } };
    assert.throws(() => client.connect("https://live.example", { WebSocket: Refusing }), { name: "SecurityError" });
  }],
  ["that was closed as it began to connect", (client) => {
    client.addEventListener("state", () => client.close(), { once: true });
    client.connect("https://live.example", { WebSocket: FakeSocket });
  }],
])) {
  test(`a client ${how} does not follow the page`, () => {
    const client = new Emostream();
    begin(client);
    page.turn(true);
    mock.timers.tick(PAUSE_AFTER_MS);
    assert.equal(client.state, "closed");
  });
}

test("a client that was closed while paused can connect again", () => {
  const { client, socket } = connected({ pauseAfterMs: 0 });
  socket.receive(hello());
  page.turn(true);
  mock.timers.tick(0);
  client.close();
  client.connect("https://live.example", { WebSocket: /** @type {any} */ (FakeSocket) });
  assert.equal(client.state, "connecting");
});

test("a paused client can be closed, and turned to another stream", () => {
  const { client, socket } = connected({ pauseAfterMs: 0 });
  socket.receive(hello());
  page.turn(true);
  mock.timers.tick(0);
  client.subscribe("final");
  page.turn(false);
  const { searchParams } = FakeSocket.last.url;
  assert.deepEqual([searchParams.get("stream"), searchParams.get("since")], ["final", null]);
  client.close();
  assert.equal(client.state, "closed");
});
