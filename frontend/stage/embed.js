/** The hint how to put the crowd on a stream or a page of one's own. */

import { prepareDialog } from "./dialog.js";

const COPIED_MS = 2_000;

/** @param {HTMLDialogElement} dialog @param {string} stream */
export function prepareEmbed(dialog, stream) {
  const address = new URL("/", location.origin);
  if (stream !== "main") address.searchParams.set("stream", stream);
  address.searchParams.set("view", "overlay");
  // A frame of another colour scheme than its page would not be transparent.
  const frame = `<iframe src="${address}" title="The crowd's reactions" style="border: 0; color-scheme: dark"></iframe>`;
  write(dialog, "embed-overlay", address.href);
  write(dialog, "embed-frame", frame);
  write(dialog, "embed-sdk", `import { Emostream } from "${location.origin}/sdk/emostream.js";`);
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
