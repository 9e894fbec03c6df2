/** Dialogs over the stage: closed by their button, by Escape, and by a press beside them. */

/** @param {HTMLDialogElement} dialog */
export function prepareDialog(dialog) {
  dialog.querySelector(".close")?.addEventListener("click", () => dialog.close());
  // Its body fills it, so what hits the dialog itself hits its backdrop.
  dialog.addEventListener("click", ({ target }) => { if (target === dialog) dialog.close(); });
}
