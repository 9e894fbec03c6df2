/** The streams that were looked at lately in this browser. */

import { isStreamName } from "../stage/words.js";

const KEY = "emostream.streams";
const MAX = 8;

/** Newest first. @returns {string[]} */
export function recentStreams() {
  try {
    const names = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(names) ? names.filter((name) => typeof name === "string" && isStreamName(name)).slice(0, MAX) : [];
  } catch {
    // Whatever else has written there, or a browser that keeps nothing: nothing is remembered.
    return [];
  }
}

/** @param {string} stream */
export function rememberStream(stream) {
  const names = [stream, ...recentStreams().filter((name) => name !== stream)];
  try {
    localStorage.setItem(KEY, JSON.stringify(names.slice(0, MAX)));
  } catch {
    // A browser that keeps nothing: the list is a convenience.
  }
}
