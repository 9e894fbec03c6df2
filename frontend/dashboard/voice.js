/** What is said in passing: to eyes for a few seconds, and to ears by one polite voice, so that messages do not cut each other off. */

import { byId, write } from "./dom.js";

/** How long a notice stays, in milliseconds. */
const NOTICE_MS = 5_000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** To ears alone. @param {string} words */
export function say(words) {
  write(byId("announcer"), words);
}

/** @param {string} words */
export function tell(words) {
  clearTimeout(timer);
  write(byId("notice"), words);
  byId("notice").hidden = false;
  say(words);
  timer = setTimeout(() => { byId("notice").hidden = true; }, NOTICE_MS);
}
