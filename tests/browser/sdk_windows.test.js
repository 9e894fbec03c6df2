/** Windows as a loop reads them: as fast as it can, and never with less than their sum. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Emostream, mergeWindows } from "../../frontend/sdk/emostream.js";
import { connected, frame, hello } from "./fake_crowd.js";
import { FakeSocket } from "./fake_socket.js";

/** @type {Emostream[]} */ let clients = [];

beforeEach(() => { FakeSocket.opened = []; });

afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
});

/** An open client, its socket and its windows. */
function watched() {
  const { client, socket } = connected();
  clients.push(client);
  const windows = client.windows();
  socket.receive(hello());
  return { client, socket, windows };
}

/** @param {any} window */
const counted = ({ seq, span, total, counts }) => ({ seq, span, total, counts: counts.map(({ emoji_type, count }) => [emoji_type, count]) });

test("a loop that keeps up reads every window by itself", async () => {
  const { socket, windows } = watched();
  for (let seq = 101; seq < 105; seq += 1) {
    const next = windows.next();
    socket.receive(frame(seq, [["🔥", seq]]));
    const { value, done } = await next;
    assert.ok(!done);
    assert.deepEqual(counted(value), { seq, span: 1, total: seq, counts: [["🔥", seq]] });
  }
});

test("a loop that is slow reads the sum of what it missed, however much that was", async () => {
  const { client, socket, windows } = watched();
  let listed = 0;
  for (let seq = 101; seq <= 1_100; seq += 1) {
    const counts = /** @type {[string, number][]} */ ([["👏", 2], ["🔥", seq % 7]]);
    listed += seq % 7;
    // The policy leaves three of each window out.
    socket.receive(frame(seq, counts, { total: 2 + (seq % 7) + 3, viewers: seq }));
  }
  const { value } = await windows.next();
  assert.deepEqual(counted(value), {
    seq: 1_100, span: 1_000, total: 5_000 + listed, counts: [["🔥", listed], ["👏", 2_000]].sort((left, right) => right[1] - left[1]),
  });
  assert.equal(120 + value.total, client.total);
  assert.deepEqual([value.start_ms, value.end_ms, value.viewers], [101 * 500, 1_101 * 500, 1_100]);

  const next = windows.next();
  socket.receive(frame(1_101, [["🔥", 1]]));
  assert.equal((await next).value.span, 1);
});

test("merging two windows changes neither", () => {
  const [former, latter] = [frame(101, [["🔥", 5], ["👏", 1]]), frame(102, [["👏", 9]])];
  const before = structuredClone([former, latter]);
  assert.deepEqual(counted(mergeWindows(former, latter)), { seq: 102, span: 2, total: 15, counts: [["👏", 10], ["🔥", 5]] });
  assert.deepEqual([former, latter], before);
});

test("a loop goes on across an interruption", async () => {
  const { client, socket, windows } = watched();
  socket.receive(frame(101, [["🔥", 5]]));
  socket.end(1006);
  await new Promise((resolve) => client.addEventListener("state", resolve, { once: true }));
  FakeSocket.last.receive(hello({ seq: 101, total: 125 }));
  FakeSocket.last.receive(frame(160, [["🔥", 50]], { span: 59 }));
  const { value } = await windows.next();
  assert.deepEqual([value.total, value.span, client.total], [55, 60, 175]);
});

for (const [how, end] of /** @type {const} */ ([
  ["the client is closed", ({ client }) => client.close()],
  ["the server has refused it for good", ({ socket }) => socket.end(4003)],
])) {
  test(`a loop ends when ${how}, after what it had yet to read`, async () => {
    const there = watched();
    there.socket.receive(frame(101, [["🔥", 5]]));
    there.socket.receive(frame(102, [["🔥", 6]]));
    end(there);
    const totals = [];
    for await (const window of there.windows) totals.push(window.total);
    assert.deepEqual(totals, [11]);
    assert.equal((await there.windows.next()).done, true);
  });

  test(`a loop that waits ends when ${how}`, async () => {
    const there = watched();
    const next = there.windows.next();
    end(there);
    assert.equal((await next).done, true);
  });
}

test("a loop that is left listens no more, and one that waits elsewhere is let go", async () => {
  const { client, socket } = watched();
  const windows = client.windows();
  const loop = (async () => {
    for await (const window of windows) return window.total;
  })();
  socket.receive(frame(101, [["🔥", 5]]));
  assert.equal(await loop, 5);
  socket.receive(frame(102, [["🔥", 5]]));
  assert.equal((await windows.next()).done, true);

  const others = client.windows();
  const next = others.next();
  assert.equal((await others.return?.())?.done, true);
  assert.equal((await next).done, true);
});

test("two loops each read every window", async () => {
  const { client, socket, windows } = watched();
  const others = client.windows();
  socket.receive(frame(101, [["🔥", 5]]));
  assert.equal((await windows.next()).value.total, 5);
  socket.receive(frame(102, [["🔥", 6]]));
  assert.equal((await windows.next()).value.total, 6);
  assert.equal((await others.next()).value.total, 11);
});

test("what was not read of a stream is dropped with it", async () => {
  const { client, socket, windows } = watched();
  socket.receive(frame(101, [["🔥", 5]]));
  client.subscribe("final");
  const next = windows.next();
  socket.receive(hello({ stream: "final", seq: 100, total: 3, totals: {} }));
  socket.receive(frame(101, [["👏", 1]], { stream: "final" }));
  const { value } = await next;
  assert.deepEqual([value.stream, value.total], ["final", 1]);
});

test("a stream that is left and turned to again begins anew", async () => {
  const { client, socket, windows } = watched();
  socket.receive(frame(101, [["🔥", 5]]));
  client.subscribe("final");
  socket.receive(hello({ stream: "final", seq: 101 }));
  client.subscribe("main");
  socket.receive(hello({ seq: 200, total: 1_000 }));
  socket.receive(frame(201, [["🔥", 1]]));
  const { value } = await windows.next();
  assert.deepEqual(counted(value), { seq: 201, span: 1, total: 1, counts: [["🔥", 1]] });
});

test("a loop over what has ended is over at once, and one that begins before the connection waits for it", async () => {
  const { client, socket } = watched();
  socket.end(4003);
  assert.equal((await client.windows().next()).done, true);

  const early = new Emostream();
  clients.push(early);
  const next = early.windows().next();
  early.connect("https://live.example", { WebSocket: /** @type {any} */ (FakeSocket) });
  FakeSocket.last.receive(hello());
  FakeSocket.last.receive(frame(101, [["🔥", 5]]));
  assert.equal((await next).value.total, 5);
});
