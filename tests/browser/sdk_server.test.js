/** The promises of the SDK, kept against the real server. */

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { WebSocket } from "ws";
import { Emostream } from "../../frontend/sdk/emostream.js";
import { Proxy } from "./proxy.js";
import { Server } from "./server.js";

const TIMEOUT = { timeout: 60_000 };
const NUM_CUTS = 12;

const server = new Server(["--window", "200ms"]);
/** @type {Emostream[]} */ let clients = [];

before(() => server.start());
after(() => server.stop("SIGKILL"));
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
});

/** @param {string} stream @param {object} [options] */
function watching(stream, { origin = server.origin, ...options } = {}) {
  const client = new Emostream();
  clients.push(client);
  // Little jitter: it is the server's answers that are tested, not the wait.
  client.connect(origin, { stream, WebSocket: /** @type {any} */ (WebSocket), random: () => 0.05, ...options });
  return client;
}

/** Until the condition holds after some event of the client. @param {Emostream} client @param {() => boolean} condition */
function until(client, condition) {
  return new Promise((resolve) => {
    const types = /** @type {const} */ (["state", "hello", "window"]);
    const look = () => {
      if (!condition()) return;
      for (const type of types) client.removeEventListener(type, look);
      resolve(undefined);
    };
    for (const type of types) client.addEventListener(type, look);
    look();
  });
}

/** @param {Emostream} client */
const isOpen = (client) => until(client, () => client.state === "open");

/** @param {Emostream} client */
const held = ({ total, totals }) => ({ total, totals: Object.fromEntries(totals) });

/** @param {string} stream */
async function truth(stream) {
  const { total, totals } = await server.totals(stream);
  return { total, totals };
}

test("a reaction comes back in a window, and the totals are the server's", TIMEOUT, async () => {
  const [client, other] = [watching("first"), watching("first")];
  await Promise.all([isOpen(client), isOpen(other)]);
  await Promise.all([client.react("🔥"), client.react("👏", 1_000), other.react("🔥", 2)]);
  await Promise.all([client, other].map((each) => until(each, () => each.total === 1_003)));
  for (const each of [client, other]) assert.deepEqual(held(each), { total: 1_003, totals: { "🔥": 3, "👏": 1_000 } });
  assert.deepEqual(held(client), await truth("first"));
  await assert.rejects(client.react("fire"), { code: "invalid_emoji" });
});

test("a client is told how many watch the stream", TIMEOUT, async () => {
  const [client, other] = [watching("viewers"), watching("viewers")];
  await Promise.all([isOpen(client), isOpen(other)]);
  await client.react("👏");
  await Promise.all([client, other].map((each) => until(each, () => each.viewers === 2)));
  other.close();
  await client.react("🔥");
  await until(client, () => client.viewers === 1);
});

test("totals are exact through a dozen cuts of the connection while the crowd goes on", TIMEOUT, async () => {
  const proxy = new Proxy(server.origin);
  await proxy.start();
  try {
    const client = watching("cut", { origin: proxy.origin });
    const recovered = [];
    client.addEventListener("hello", ({ detail }) => recovered.push(detail.recovered));
    await isOpen(client);
    let sent = 0;
    for (let cut = 1; cut <= NUM_CUTS; cut += 1) {
      await server.react([["🔥", 700 + cut], ["😂", cut]], "cut");
      sent += 700 + 2 * cut;
      if (cut % 2 === 0) await until(client, () => client.total > 0);
      assert.equal(proxy.cut(), 1);
      await until(client, () => client.state !== "open");
      await server.react([["👏", 3]], "cut");
      sent += 3;
      await isOpen(client);
    }
    await until(client, () => client.total === sent);
    assert.deepEqual(held(client), await truth("cut"));
    assert.deepEqual(recovered, Array(NUM_CUTS + 1).fill(true).with(0, false));
  } finally {
    proxy.stop();
  }
});

test("what was missed comes as one window", TIMEOUT, async () => {
  const [client, witness] = [watching("away"), watching("away")];
  await Promise.all([isOpen(client), isOpen(witness)]);
  await client.react("🔥");
  await Promise.all([client, witness].map((each) => until(each, () => each.total === 1)));
  const { clientId, seq } = client;
  client.close();

  for (let window = 1; window <= 5; window += 1) {
    const { total } = witness;
    await server.react([["🔥", 10], ["🎉", window]], "away");
    await until(witness, () => witness.total === total + 10 + window);
  }
  // The one that is away asks as the SDK does after an interruption.
  const address = new URL("/ws", server.origin);
  address.search = String(new URLSearchParams({ stream: "away", client_id: String(clientId), since: String(seq) }));
  const back = watching("away", { origin: address });
  const missed = [];
  back.addEventListener("window", ({ detail }) => missed.push(detail));
  await until(back, () => back.total === witness.total);
  assert.equal(missed[0].total, 65);
  assert.ok(missed[0].span >= 5, `span ${missed[0].span}`);
  assert.equal(missed.slice(1).reduce((sum, { total }) => sum + total, 0), 0);
});

test("a slow loop reads merged windows, whose sum is exact", TIMEOUT, async () => {
  const client = watching("slow");
  const windows = client.windows();
  await isOpen(client);
  let frames = 0;
  client.addEventListener("window", () => { frames += 1; });
  const read = [];
  for (let round = 1; round <= 3; round += 1) {
    for (let part = 1; part <= 3; part += 1) {
      const { total } = client;
      await server.react([["🔥", 40 * part], ["😮", round]], "slow");
      await until(client, () => client.total === total + 40 * part + round);
    }
    read.push((await windows.next()).value);
  }
  assert.ok(frames >= 9 && read.length === 3, `${frames} frames`);
  assert.deepEqual(read.map(({ total }) => total), [243, 246, 249]);
  assert.equal(read.reduce((sum, { total }) => sum + total, 0), client.total);
  assert.equal(read.reduce((sum, { span }) => sum + span, 0), frames);
  assert.deepEqual(read[1].counts.map(({ emoji_type, count }) => [emoji_type, count]), [["🔥", 240], ["😮", 6]]);
});

for (const signal of /** @type {const} */ (["SIGTERM", "SIGKILL"])) {
  test(`totals follow the server that begins anew after ${signal}`, TIMEOUT, async () => {
    const stream = `again-${signal}`;
    const client = watching(stream);
    await isOpen(client);
    await client.react("🔥", 7);
    await until(client, () => client.total === 7);
    const states = [];
    client.addEventListener("state", ({ detail }) => states.push(detail));

    assert.equal(await server.stop(signal), signal === "SIGTERM" ? 0 : null);
    await until(client, () => client.state === "waiting");
    const welcomed = new Promise((resolve) => client.addEventListener("hello", () => resolve(held(client)), { once: true }));
    await server.start();
    assert.deepEqual(await welcomed, { total: 0, totals: {} });

    await client.react("😢", 3);
    await until(client, () => client.total === 3);
    assert.deepEqual(held(client), { total: 3, totals: { "😢": 3 } });
    assert.deepEqual(held(client), await truth(stream));
    if (signal === "SIGTERM") {
      assert.equal(states[0].code, 1001);
      assert.ok(states[0].retryInMs >= 500, `back after ${states[0].retryInMs} ms`);
    }
  });
}

test("a client turns to another stream and back, and holds the totals of each", TIMEOUT, async () => {
  await server.react([["🔥", 5]], "here");
  await server.react([["👏", 6]], "there");
  const client = watching("here");
  for (const [stream, total] of /** @type {[string, number][]} */ ([["here", 5], ["there", 6], ["here", 5]])) {
    if (client.stream !== stream) client.subscribe(stream);
    await until(client, () => client.total === total);
    assert.deepEqual(held(client), await truth(stream));
  }
});

test("a stream for which there is no room is refused, and the client holds the one before again", TIMEOUT, async () => {
  const full = new Server(["--window", "200ms", "--set", "streams.max=1"]);
  await full.start();
  try {
    const client = watching("main", { origin: full.origin });
    await isOpen(client);
    await client.react("🔥", 3);
    await until(client, () => client.total === 3);
    for (const [stream, expected] of [["another", "stream_limit"], ["no name", "invalid_stream"]]) {
      const refused = new Promise((resolve) => client.addEventListener("error", ({ detail }) => resolve(detail.code), { once: true }));
      client.subscribe(stream);
      assert.equal(await refused, expected);
      await until(client, () => client.seq !== null);
      assert.deepEqual({ stream: client.stream, ...held(client) }, { stream: "main", total: 3, totals: { "🔥": 3 } });
    }
    client.close();
  } finally {
    await full.stop("SIGKILL");
  }
});

test("nothing that a page may hand over as a reaction ends its connection", TIMEOUT, async () => {
  const client = watching("odd");
  await isOpen(client);
  const closed = [];
  client.addEventListener("state", ({ detail }) => closed.push(detail));
  for (const emoji of [undefined, null, 7, {}, "", "🔥"[0], "🔥"[1], "fire"]) {
    await assert.rejects(client.react(/** @type {any} */ (emoji)), { code: "invalid_emoji" }, String(emoji));
  }
  for (const count of [0, -1, 1.5, 1_001, 2 ** 53 - 1, 2 ** 64, "3"]) {
    await assert.rejects(client.react("🔥", /** @type {any} */ (count)), { code: "invalid_count" }, String(count));
  }
  await client.react("🔥");
  assert.deepEqual(closed, []);
});
