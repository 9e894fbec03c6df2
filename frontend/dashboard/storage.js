/** What this browser keeps for the page. It may refuse to, and then nothing is kept. */

/** @typedef {"localStorage" | "sessionStorage"} Storage */

/** @param {Storage} storage @param {string} key @returns {string | null} */
export function recall(storage, key) {
  try {
    return window[storage].getItem(key);
  } catch {
    return null;
  }
}

/** @param {Storage} storage @param {string} key @param {string | null} value Null forgets it. */
export function keep(storage, key, value) {
  try {
    if (value === null) window[storage].removeItem(key);
    else window[storage].setItem(key, value);
  } catch {
    // The page works without: a token is then gone with a reload, and no stream is remembered.
  }
}
