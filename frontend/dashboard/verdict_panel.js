/** The verdict at the top of the page. */

import { byId, write } from "./dom.js";
import { say } from "./voice.js";

let kind = "loading";

/** @param {import("./verdict.js").Verdict} verdict */
export function showVerdict(verdict) {
  byId("verdict").dataset.level = verdict.level;
  write(byId("headline"), verdict.headline);
  write(byId("detail"), verdict.detail);
  byId("again").hidden = verdict.level !== "away";
  // Its figures change every two seconds, which nobody wants to hear.
  if (verdict.kind !== kind) say(verdict.headline);
  kind = verdict.kind;
}
