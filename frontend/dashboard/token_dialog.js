/** The admin token: given, checked at once, and forgotten. */

import { askAdmin } from "./api.js";
import { Dialog, Wrong } from "./dialog.js";
import { byId, write } from "./dom.js";

const REFUSED = "The node does not take the token that was given. It may have been started again with another one.";

export class TokenDialog {
  #token;
  #changed;
  #button = byId("token-button");
  #dialog = new Dialog("token-dialog", () => this.#use());

  /** @param {import("./token.js").Token} token @param {(words: string) => void} changed */
  constructor(token, changed) {
    this.#token = token;
    this.#changed = changed;
    this.#button.addEventListener("click", () => this.#open());
    byId("forget").addEventListener("click", () => {
      token.forget();
      this.#dialog.close();
      changed("The admin token is forgotten");
    });
  }

  /** Whether there is one, and whether the node takes it. */
  show() {
    const { given, refused } = this.#token;
    this.#button.dataset.state = refused ? "refused" : given ? "given" : "none";
    write(this.#button, refused ? "Admin token refused" : given ? "Admin" : "Admin token");
  }

  #open() {
    byId("forget").hidden = !this.#token.given;
    this.#dialog.open();
    if (this.#token.refused) this.#dialog.say(new Wrong("token", REFUSED));
  }

  async #use() {
    const value = this.#dialog.value("token");
    if (value === "") throw new Wrong("token", "Paste the token here.");
    if (!/^[\x21-\x7e]+$/.test(value)) throw new Wrong("token", "A token has only visible ASCII characters.");
    await askAdmin(value, "/admin/ledger");
    this.#token.give(value);
    this.#changed("The node takes this token");
  }
}
