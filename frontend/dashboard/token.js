/** The admin token: given in a form or in the fragment of the address, which no browser sends, and kept for this tab alone. */

const KEY = "emostream.admin-token";
const FRAGMENT = /^#token=(.+)$/;

export class Token {
  #value = recall();
  /** The node has answered 401 to it, and it is not sent any more. */
  refused = false;

  constructor() {
    this.takeFromAddress();
  }

  /** Null where there is none, or none that the node takes. */
  get usable() { return this.refused ? null : this.#value; }

  get given() { return this.#value !== null; }

  /** Takes it out of the address at once, before it is seen or kept in the browser's history. True if there was one. */
  takeFromAddress() {
    const match = FRAGMENT.exec(location.hash);
    if (!match) return false;
    history.replaceState(history.state, "", location.pathname + location.search);
    this.give(decoded(match[1]));
    return true;
  }

  /** @param {string} value */
  give(value) {
    this.#value = value;
    this.refused = false;
    keep(value);
  }

  forget() {
    this.#value = null;
    this.refused = false;
    keep("");
  }
}

/** The one of this tab. */
export const token = new Token();

/** A browser may refuse to keep anything: a token is then gone with a reload. */
function recall() {
  try {
    return sessionStorage.getItem(KEY) || null;
  } catch {
    return null;
  }
}

/** @param {string} value Nothing, to forget it. */
function keep(value) {
  try {
    if (value === "") sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // See above.
  }
}

/** As it was meant, whether or not the address was encoded. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
