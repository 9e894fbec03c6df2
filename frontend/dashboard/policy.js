/** A cluster's policy: in words, and what of it is to be changed. */

import { whole } from "./format.js";

/** @typedef {import("./node.js").Policy} Policy */

/** @param {Policy} policy */
export function policyWords({ top_n, min_count, scale }) {
  const which = top_n === null ? "all emojis" : `the first ${whole(top_n)}`;
  const least = min_count > 1 ? `, from a count of ${whole(min_count)}` : "";
  return `${which}${least}, ${typeof scale === "string" ? `scale ${scale}` : `divided by ${whole(scale.divisor)}`}`;
}

/** Only what differs, so that what somebody else has changed meanwhile stays. @param {Policy} wanted @param {Policy} present */
export function policyChanges(wanted, present) {
  const parts = /** @type {(keyof Policy)[]} */ (["top_n", "min_count", "scale"]);
  const differing = parts.filter((part) => JSON.stringify(wanted[part]) !== JSON.stringify(present[part]));
  return Object.fromEntries(differing.map((part) => [part, wanted[part]]));
}
