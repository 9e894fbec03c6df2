/** Pressing and holding, with buttons that are nothing but the target of events, and time that is the test's. */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, mock, test } from "node:test";
import { Hold } from "../../frontend/stage/hold.js";
import { Pace } from "../../frontend/stage/pace.js";

/** More than a tap, and less than the slowest of a few repetitions. */
const HOLD_MS = 1_500;
const LONG_MS = 60_000;
const STEP_MS = 20;

/** @type {EventTarget} */ let bar;
/** Names of the buttons, as often as they were sent. @type {string[]} */ let sent;

before(() => {
  for (const name of ["window", "document"]) {
    Object.defineProperty(globalThis, name, { value: new EventTarget(), configurable: true });
  }
});

after(() => {
  for (const name of ["window", "document"]) Reflect.deleteProperty(globalThis, name);
});

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  bar = new EventTarget();
  sent = [];
  new Hold(/** @type {any} */ (bar), new Pace(), ({ button }) => sent.push(button.name), () => {});
});

afterEach(() => mock.timers.reset());

/** @param {string} name */
const createButton = (name) => ({ name, closest() { return this; }, setPointerCapture() {} });
const [left, right] = ["left", "right"].map(createButton);

/** @param {string} type @param {object} target @param {object} [fields] */
function fire(type, target, fields) {
  const event = Object.assign(new Event(type, { cancelable: true }), fields);
  Object.defineProperty(event, "target", { value: target });
  bar.dispatchEvent(event);
  return event;
}

/** @param {"keydown" | "keyup"} type @param {string} key @param {object} [modifiers] */
const press = (type, key, modifiers) => fire(type, left, { key, ctrlKey: false, altKey: false, metaKey: false, repeat: false, ...modifiers });

/** @param {"pointerdown" | "pointerup" | "pointercancel"} type @param {object} target @param {number} pointerId */
const point = (type, target, pointerId) => fire(type, target, { pointerId, button: 0 });

/** A timer that starts another is followed. @param {number} durationMs */
function pass(durationMs) {
  for (let passed = 0; passed < durationMs; passed += STEP_MS) mock.timers.tick(STEP_MS);
}

/** How much more is sent while nothing happens. */
function further() {
  const before = sent.length;
  pass(LONG_MS);
  return sent.length - before;
}

test("a tap with its click is one reaction, and a click alone is one as well", () => {
  point("pointerdown", left, 1);
  point("pointerup", left, 1);
  fire("click", left);
  assert.deepEqual(sent, ["left"]);
  fire("click", left);
  assert.deepEqual(sent, ["left", "left"]);
  assert.equal(further(), 0);
});

for (const key of ["Enter", " "]) {
  test(`${key === " " ? "Space" : key} is one reaction, and more only while it is held`, () => {
    assert.ok(press("keydown", key).defaultPrevented);
    assert.ok(press("keydown", key, { repeat: true }).defaultPrevented);
    assert.ok(press("keyup", key).defaultPrevented);
    assert.deepEqual(sent, ["left"]);
    press("keydown", key);
    pass(HOLD_MS);
    assert.ok(sent.length > 3);
    press("keyup", key);
    assert.equal(further(), 0);
  });

  for (const modifier of ["Control", "Alt", "Meta"]) {
    const flag = { [`${modifier === "Control" ? "ctrl" : modifier.toLowerCase()}Key`]: true };
    test(`${key === " " ? "Space" : key} that is held ends with ${modifier}, whichever is let go first`, () => {
      press("keydown", key);
      pass(HOLD_MS);
      press("keydown", modifier, flag);
      press("keyup", key, flag);
      press("keyup", modifier);
      assert.equal(further(), 0);

      // Some systems do not tell of the second key at all.
      press("keydown", key);
      press("keydown", modifier, flag);
      assert.equal(further(), 0);
    });

    test(`${modifier} and ${key === " " ? "Space" : key} together are no press`, () => {
      assert.equal(press("keydown", key, flag).defaultPrevented, false);
      press("keyup", key, flag);
      assert.deepEqual(sent, []);
    });
  }
}

test("a key with a modifier does not end what a pointer holds", () => {
  point("pointerdown", left, 1);
  press("keydown", "Control", { ctrlKey: true });
  pass(HOLD_MS);
  assert.ok(sent.length > 3);
  point("pointerup", left, 1);
  assert.equal(further(), 0);
});

test("two pointers on two buttons are two reactions, in whatever order they end", () => {
  point("pointerdown", left, 1);
  point("pointerdown", right, 2);
  point("pointerup", left, 1);
  fire("click", left);
  point("pointerup", right, 2);
  fire("click", right);
  assert.deepEqual(sent, ["left", "right"]);
  assert.equal(further(), 0);
});

test("a press that the system takes away owes no click: the next one counts", () => {
  point("pointerdown", left, 1);
  point("pointercancel", left, 1);
  fire("click", left);
  assert.deepEqual(sent, ["left", "left"]);
});
