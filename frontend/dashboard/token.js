/** The admin token: given in a form or in the fragment of the address, which no browser sends, and kept for this tab alone. */

const KEY = "emostream.admin-token";
const FRAGMENT = /^#token=(.+)$/;

export class Token {
  #value = sessionStorage.getItem(KEY);
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
    this.give(decodeURIComponent(match[1]));
    return true;
  }

  /** @param {string} value */
  give(value) {
    this.#value = value;
    this.refused = false;
    sessionStorage.setItem(KEY, value);
  }

  forget() {
    this.#value = null;
    this.refused = false;
    sessionStorage.removeItem(KEY);
  }
}
