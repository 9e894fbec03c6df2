/** The hint how to put the crowd on a stream or a page of one's own. */

import { prepareDialog } from "./dialog.js";

const COPIED_MS = 2_000;

/** @param {HTMLDialogElement} dialog @param {string} stream */
export function prepareEmbed(dialog, stream) {
  const { origin } = location;
  const overlay = new URL("/?view=overlay", origin);
  if (stream !== "main") overlay.searchParams.set("stream", stream);
  write(dialog, "embed-overlay", overlay.href);
  write(dialog, "embed-page", `<script type="module" src="${origin}/sdk/emostream-stage.js"></script>
<emostream-stage${stream === "main" ? "" : ` stream="${stream}"`}></emostream-stage>`);
  prepareDialog(dialog);
  for (const button of dialog.querySelectorAll("[data-copy]")) prepareCopy(/** @type {HTMLButtonElement} */ (button));
}

/** @param {HTMLElement} dialog @param {string} id @param {string} text */
function write(dialog, id, text) {
  /** @type {HTMLElement} */ (dialog.querySelector(`#${id}`)).textContent = text;
}

/** Only a page with TLS, or one on this machine, has a clipboard; the text can be selected anyway. @param {HTMLButtonElement} button */
function prepareCopy(button) {
  button.hidden = navigator.clipboard === undefined;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy ?? "")?.textContent ?? "");
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, COPIED_MS);
  });
}
