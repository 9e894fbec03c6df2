/** The streams that were looked at lately in this browser. */

import { keep, recall } from "../stage/storage.js";
import { isStreamName } from "../stage/words.js";

const KEY = "emostream.streams";
const MAX = 8;

/** Newest first. @returns {string[]} */
export function recentStreams() {
  const names = recall(KEY);
  return Array.isArray(names) ? names.filter((name) => typeof name === "string" && isStreamName(name)).slice(0, MAX) : [];
}

/** @param {string} stream */
export function rememberStream(stream) {
  keep(KEY, [stream, ...recentStreams().filter((name) => name !== stream)].slice(0, MAX));
}
