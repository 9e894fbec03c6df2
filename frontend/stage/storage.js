/** What the browser keeps for the page. Its storage may be missing, full, forbidden or tampered with; the page works all the same. */

/** @param {string} key @returns {unknown} Null where there is nothing to be had. */
export function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} key @param {unknown} value */
export function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Kept for this visit alone.
  }
}
