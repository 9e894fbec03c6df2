/** A dialog with a form: sends it, and says at the field what is wrong with it. */

import { prepareDialog } from "../stage/dialog.js";
import { Refusal } from "./api.js";
import { tell } from "./voice.js";

/** Something that a field, or the form as a whole, is to be blamed for. */
export class Wrong extends Error {
  /** @param {string} field Name of the field; empty for the form. @param {string} words */
  constructor(field, words) {
    super(words);
    this.field = field;
  }
}

/** @type {Record<string, string>} */
const REFUSALS = {
  unauthorised: "The node does not take this token. It may have been started again with another one.",
  cluster_exists: "This cluster exists already, with another policy.",
  cluster_draining: "This cluster is on its way out. Try again when it has stopped.",
  cluster_limit: "There are as many clusters as the node allows (clusters.max).",
  last_cluster: "This is the only live cluster. Its sessions would have nowhere to go.",
  unknown_cluster: "There is no such cluster any more.",
  invalid_id: "A number from 1 to 9999.",
  unavailable: "The node could not do it in time. The list shows how far it came; asking again goes on from there.",
};

/** What a field takes, where the node does not take what is in it. @type {Record<string, string>} */
const TAKEN = {
  "policy.top_n": "A whole number above 0.",
  "policy.min_count": "A whole number.",
  "policy.scale.divisor": "A whole number above 0.",
};

const NO_ANSWER = "The node does not answer. Nothing is known of what became of it; look, then try again.";

/** Problems that have no field of their own, and the one that they are about. @type {Record<string, string>} */
const FIELD_OF = { unauthorised: "token", cluster_exists: "id", cluster_draining: "id" };

/** @param {unknown} error */
function wrongOf(error) {
  if (error instanceof Wrong) return error;
  if (!(error instanceof Refusal)) return new Wrong("", NO_ANSWER);
  const field = error.field || FIELD_OF[error.code] || "";
  return new Wrong(field, REFUSALS[error.code] ?? TAKEN[field] ?? sentence(error.message));
}

/** @param {string} text */
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

export class Dialog {
  #root;
  #form;
  #submit;
  #after;

  /**
   * @param {string} id
   * @param {() => Promise<void>} submit Closes the dialog when it resolves; else what it throws is said.
   * @param {() => void} [after] Once it is closed by that.
   */
  constructor(id, submit, after = () => {}) {
    this.#root = /** @type {HTMLDialogElement} */ (document.getElementById(id));
    this.#form = /** @type {HTMLFormElement} */ (this.#root.querySelector("form"));
    this.#submit = submit;
    this.#after = after;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    prepareDialog(this.#root);
  }

  open() {
    this.#form.reset();
    this.#clear();
    this.#root.showModal();
  }

  close() {
    this.#root.close();
  }

  /** @param {string} name */
  value(name) {
    return this.#field(name)?.value.trim() ?? "";
  }

  /** @param {string} name @param {string} value */
  fill(name, value) {
    const field = this.#field(name);
    if (field) field.value = value;
  }

  async #send() {
    if (this.#form.ariaBusy === "true") return;
    this.#clear();
    this.#form.ariaBusy = "true";
    try {
      await this.#submit();
      this.close();
      this.#after();
    } catch (error) {
      const wrong = wrongOf(error);
      // Who has closed it meanwhile still wants to know.
      if (this.#root.open) this.say(wrong);
      else tell(wrong.message);
    } finally {
      this.#form.ariaBusy = "false";
    }
  }

  /** @param {Wrong} wrong */
  say({ field: name, message }) {
    const field = this.#field(name);
    const place = field ? document.getElementById(`${field.id}-error`) : this.#form.querySelector(".form-error");
    if (place) place.textContent = message;
    field?.setAttribute("aria-invalid", "true");
    field?.focus();
  }

  #clear() {
    for (const place of this.#form.querySelectorAll(".error")) place.textContent = "";
    for (const field of this.#form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  }

  /** @param {string} name */
  #field(name) {
    const field = this.#form.elements.namedItem(name);
    return field instanceof HTMLInputElement || field instanceof HTMLSelectElement ? field : null;
  }
}
