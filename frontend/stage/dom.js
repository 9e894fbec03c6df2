/** What every part of the page looks up. */

/** @param {string} id */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} id */
export const dialogById = (id) => /** @type {HTMLDialogElement} */ (byId(id));
