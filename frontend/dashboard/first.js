/** What a stream shows to which nothing has been sent yet: how to send something. */

import { byId, write } from "./dom.js";

/** How long the button says that it has copied, in milliseconds. */
const COPIED_MS = 2_000;

const copy = byId("copy");
// Only secure contexts have a clipboard: localhost and TLS.
copy.hidden = !navigator.clipboard;
copy.addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("curl").textContent ?? "");
  write(copy, "Copied");
  setTimeout(() => write(copy, "Copy"), COPIED_MS);
});

/** @param {import("./feed.js").Feed} feed */
export function showFirst({ stream, total, isOpen, isFilled }) {
  const isEmpty = isOpen && isFilled && total === 0;
  byId("first").hidden = !isEmpty;
  byId("chart").inert = isEmpty;
  write(byId("first-stream"), stream);
  const reaction = { user_id: "me", emoji_type: "🔥", timestamp: "2026-06-11T20:00:00Z", ...(stream !== "main" && { stream }) };
  write(byId("curl"), `curl ${location.origin}/emoji -H 'content-type: application/json' \\\n  -d '${JSON.stringify(reaction)}'`);
}
