/** What a program in TypeScript may rely on; it is checked and never run. */

import { Emostream, EmostreamError, mergeWindows, type Hello, type WindowFrame } from "emostream";
import { Scene } from "emostream/scene";
import { EmostreamStage } from "emostream/stage";

const crowd = new Emostream();
crowd.addEventListener("hello", ({ detail }) => welcome(detail));
crowd.addEventListener("window", ({ detail }) => draw(detail));
crowd.addEventListener("state", ({ detail: { state, retryInMs = 0 } }) => say(state === "waiting" ? retryInMs.toFixed() : state));
// @ts-expect-error: a window has no such field.
crowd.addEventListener("window", ({ detail }) => say(detail.emojis));
crowd.connect("https://live.example", { stream: "final", cluster: 2, pauseAfterMs: Infinity });

const scene = new Scene(document.createElement("canvas"), { nameOf: (emoji) => emoji });
// @ts-expect-error: totals are read, and grow by windows alone.
crowd.totals.set("🔥", 1);

for await (const window of crowd.windows()) {
  scene.burst(window.counts.map(({ emoji_type, count }): [string, number] => [emoji_type, count]), 2_000, window.span);
  say(String(crowd.viewers ?? "some"));
  draw(mergeWindows(window, window));
}

const stage: EmostreamStage = new EmostreamStage();
stage.buttons = "🔥 👏";
// What a framework hands over as a property: a number, or nothing.
stage.cluster = 2;
stage.label = null;
stage.pauseAfterMs = Infinity;
say(stage.cluster.toUpperCase() + (stage.pauseAfterMs ?? 0).toFixed());
stage.crowd.addEventListener("window", ({ detail }) => draw(detail));
await stage.react("🔥", { x: 0.5 }).catch((error) => {
  if (error instanceof EmostreamError) say(error.code);
});

function welcome({ total, totals, viewers = 0 }: Hello) {
  say(`${total + viewers} ${totals["🔥"]}`);
}

function draw({ counts: [first] }: WindowFrame) {
  say(first.emoji_type);
}

function say(text: string) {
  console.log(text);
}
