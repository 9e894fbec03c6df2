/** The hint how to put the crowd on a stream or a page of one's own. */

import { prepareDialog } from "./dialog.js";
import { byId } from "./dom.js";

/** How long a button says what came of it. */
const SAID_MS = 2_000;

/** @param {HTMLDialogElement} dialog @param {string} stream */
export function prepareEmbed(dialog, stream) {
  const { origin } = location;
  const overlay = new URL("/?view=overlay", origin);
  if (stream !== "main") overlay.searchParams.set("stream", stream);
  byId("embed-overlay").textContent = overlay.href;
  byId("embed-page").textContent = `<script type="module" src="${origin}/sdk/emostream-stage.js"></script>
<emostream-stage${stream === "main" ? "" : ` stream="${stream}"`}></emostream-stage>`;
  prepareDialog(dialog);
  for (const button of dialog.querySelectorAll("[data-copy]")) prepareCopy(/** @type {HTMLButtonElement} */ (button));
}

/** Only a page with TLS, or one on this machine, has a clipboard, and a page may be forbidden to use it. @param {HTMLButtonElement} button */
function prepareCopy(button) {
  button.hidden = navigator.clipboard === undefined;
  const status = byId("embed-status");
  const code = byId(button.dataset.copy ?? "");
  const label = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = status.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(code);
      button.textContent = "Selected";
      status.textContent = "This page may not copy; the text is selected";
    }
    setTimeout(() => {
      button.textContent = label;
      status.textContent = "";
    }, SAID_MS);
  });
}
