/** Turning to another stream: whose totals are held, what comes of a refusal, and what listeners may do meanwhile. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { connected, frame, held, hello } from "./fake_crowd.js";
import { FakeSocket } from "./fake_socket.js";

const REFUSED = { type: "error", code: "stream_limit" };
const MAIN = { seq: 100, total: 120, totals: { "🔥": 100, "😀": 20 } };

beforeEach(() => {
  FakeSocket.opened = [];
  mock.timers.enable({ apis: ["setTimeout"] });
});

afterEach(() => mock.timers.reset());

/** An open client that watches `main`. */
function watching() {
  const there = connected();
  there.socket.receive(hello());
  there.events.length = 0;
  return there;
}

/** Streams that were asked for. @param {FakeSocket} socket */
const asked = (socket) => socket.sent.filter(({ type }) => type === "subscribe").map(({ stream }) => stream);

test("another stream starts from its own hello", () => {
  const { client, socket } = connected();
  socket.receive(hello());
  client.subscribe("final");
  assert.deepEqual(socket.sent, [{ type: "subscribe", stream: "final" }]);
  socket.receive(frame(101, [["🔥", 5]]));
  assert.deepEqual(held(client), { seq: null, total: 0, totals: {} });
  socket.receive(hello({ stream: "final", seq: 100, total: 3, totals: { "👏": 3 } }));
  socket.receive(frame(101, [["👏", 1]], { stream: "final" }));
  assert.deepEqual(held(client), { seq: 101, total: 4, totals: { "👏": 4 } });
  socket.end(1006);
  mock.timers.tick(0);
  assert.equal(FakeSocket.last.url.searchParams.get("stream"), "final");
});

test("a stream chosen before the hello is asked for after it", () => {
  const { client, socket } = connected();
  client.subscribe("final");
  assert.deepEqual(socket.sent, []);
  socket.receive(hello());
  assert.deepEqual(socket.sent, [{ type: "subscribe", stream: "final" }]);
  assert.equal(client.seq, null);
});

for (const code of ["stream_limit", "invalid_stream"]) {
  test(`a stream that is refused with ${code} is told, and the one before goes on`, () => {
    const { client, socket, events } = watching();
    client.addEventListener("error", () => assert.equal(client.stream, "no such"));
    client.subscribe("no such");
    socket.receive({ type: "error", code });
    assert.deepEqual(events, [["error", { code }]]);
    assert.equal(client.stream, "main");
    assert.deepEqual(asked(socket), ["no such", "main"]);

    socket.receive(hello({ seq: 102, total: 130 }));
    socket.receive(frame(103, [["🔥", 5]]));
    assert.deepEqual([client.seq, client.total], [103, 135]);
    socket.end(1006);
    mock.timers.tick(0);
    assert.equal(FakeSocket.last.url.searchParams.get("stream"), "main");
  });
}

test("a stream that was chosen before the hello and is refused gives way to that of the hello", () => {
  const { client, socket } = connected();
  client.subscribe("no such");
  socket.receive(hello());
  socket.receive(REFUSED);
  socket.receive(hello());
  assert.deepEqual(asked(socket), ["no such", "main"]);
  assert.deepEqual(held(client), MAIN);
});

test("after a refusal a later choice holds", () => {
  const { client, socket } = watching();
  client.subscribe("no such");
  client.subscribe("final");
  socket.receive(REFUSED);
  assert.equal(client.stream, "final");
  socket.receive(hello({ stream: "final", seq: 100, total: 3, totals: {} }));
  assert.deepEqual(asked(socket), ["no such", "final"]);
  assert.equal(client.total, 3);
});

test("a refusal that overtakes the answer before it leads back to that stream", () => {
  const { client, socket } = watching();
  client.subscribe("final");
  client.subscribe("no such");
  socket.receive(REFUSED);
  socket.receive(hello({ stream: "final", seq: 100, total: 3, totals: {} }));
  assert.deepEqual(asked(socket), ["final", "no such", "final"]);
  socket.receive(hello({ stream: "final", seq: 101, total: 4, totals: {} }));
  assert.deepEqual([client.stream, client.total], ["final", 4]);
});

test("who chooses another stream when one is refused, or closes, is not turned back", () => {
  const { client, socket } = watching();
  client.addEventListener("error", () => client.subscribe("final"), { once: true });
  client.subscribe("no such");
  socket.receive(REFUSED);
  assert.deepEqual(asked(socket), ["no such", "final"]);
  assert.equal(client.stream, "final");

  const other = watching();
  other.client.addEventListener("error", () => other.client.close());
  other.client.subscribe("no such");
  other.socket.receive(REFUSED);
  assert.deepEqual([other.client.state, other.client.stream], ["closed", "no such"]);
  assert.deepEqual(asked(other.socket), ["no such"]);
});

test("what was not answered before the connection broke is not waited for after it", () => {
  const { client, socket } = watching();
  client.subscribe("final");
  socket.end(1006);
  mock.timers.tick(0);
  const again = FakeSocket.last;
  again.receive(hello({ stream: "final" }));
  client.subscribe("no such");
  again.receive(REFUSED);
  assert.deepEqual(asked(again), ["no such", "final"]);
});

test("a reaction that is sent as soon as the connection is open goes to the stream that was chosen", () => {
  const { client, socket } = connected();
  client.subscribe("final");
  client.addEventListener("state", ({ detail }) => { if (detail.state === "open") client.react("🔥").catch(() => {}); });
  socket.receive(hello());
  assert.deepEqual(socket.sent.map(({ type }) => type), ["subscribe", "react"]);
});

for (const [how, act] of /** @type {const} */ ([
  ["closes the client", (client) => client.close()],
  ["turns it elsewhere", (client) => client.subscribe("final")],
])) {
  test(`no hello is told after a listener of the state ${how}`, () => {
    const { client, socket, events } = connected();
    client.addEventListener("state", ({ detail }) => { if (detail.state === "open") act(client); });
    socket.receive(hello());
    assert.deepEqual(events.filter(([type]) => type === "hello"), []);
  });
}

test("a name of another type is asked for as text, and its hello is known again", () => {
  const { client, socket } = watching();
  client.subscribe(/** @type {any} */ (7));
  assert.deepEqual(asked(socket), ["7"]);
  socket.receive(hello({ stream: "7" }));
  assert.deepEqual(held(client), MAIN);
});
