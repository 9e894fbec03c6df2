/** The streams that were looked at lately in this browser. */

import { isStreamName } from "../stage/words.js";
import { keep, recall } from "./storage.js";

const KEY = "emostream.streams";
const MAX = 8;

/** Newest first. @returns {string[]} */
export const recentStreams = () => (recall("localStorage", KEY) ?? "").split(" ").filter(isStreamName).slice(0, MAX);

/** @param {string} stream */
export function rememberStream(stream) {
  const names = [stream, ...recentStreams().filter((name) => name !== stream)];
  keep("localStorage", KEY, names.slice(0, MAX).join(" "));
}
