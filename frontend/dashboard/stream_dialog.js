/** Which stream to watch: those of the ledger with the admin token, else those that were watched lately, and any by its name. */

import { isStreamName } from "../stage/words.js";
import { Dialog, Wrong } from "./dialog.js";
import { byId, element, Rows, write } from "./dom.js";
import { counted } from "./format.js";
import { recentStreams } from "./recent_streams.js";

/** @typedef {import("./ledger.js").AdminLedger} AdminLedger */
/** @typedef {{ name: string, note: string, current: boolean }} Item */

export class StreamDialog {
  #dialog = new Dialog("stream-dialog", async () => this.#chooseTyped());
  /** @type {Rows<Item, ReturnType<typeof createRow>>} */ #rows;
  #chosen;
  #look;

  /** @param {{ look: () => { current: string, ledger: AdminLedger | null }, chosen: (stream: string) => void }} options */
  constructor({ look, chosen }) {
    this.#chosen = chosen;
    this.#look = look;
    this.#rows = new Rows(byId("stream-list"), ({ name }) => createRow(() => this.#choose(name)), fillRow);
    byId("stream-button").addEventListener("click", () => this.#open());
  }

  #open() {
    const { current, ledger } = this.#look();
    const known = ledger ? Object.keys(ledger.streams) : [];
    const names = [...new Set([current, "main", ...known, ...recentStreams()])];
    this.#rows.show(names.map((name) => {
      const row = ledger?.streams[name];
      return { name, note: row ? `${counted(row.counted, "reaction")} counted` : "", current: name === current };
    }), ({ name }) => name);
    write(byId("stream-hint"), `${ledger ? "E" : "With the admin token: e"}very stream of this node. A name that is new becomes one.`);
    this.#dialog.open();
  }

  #chooseTyped() {
    const name = this.#dialog.value("stream");
    if (!isStreamName(name)) throw new Wrong("stream", "A stream's name has 1 to 64 letters, digits, dots, dashes and underscores.");
    this.#chosen(name);
  }

  /** @param {string} name */
  #choose(name) {
    this.#dialog.close();
    this.#chosen(name);
  }
}

/** @param {() => void} choose */
function createRow(choose) {
  const name = element("b");
  const note = element("span", { class: "note" });
  const button = element("button", { type: "button" }, name, " ", note);
  button.addEventListener("click", choose);
  return { root: element("li", {}, button), button, name, note };
}

/** @param {ReturnType<typeof createRow>} row @param {Item} item */
function fillRow({ button, name, note }, item) {
  button.setAttribute("aria-current", String(item.current));
  write(name, item.name);
  write(note, item.note);
}
