/** Elements, made and brought up to date without touching what stays: who reads or has the focus keeps the place. */

/** @template {HTMLElement} [Kind=HTMLElement] @param {string} id @returns {Kind} */
export const byId = (id) => /** @type {Kind} */ (document.getElementById(id));

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** @param {Element} target @param {string} text */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Children of one parent, each for one item and known by its key.
 *
 * @template Item
 * @template {{ root: HTMLElement }} Row
 */
export class Rows {
  /** @type {Map<string, Row>} */ #byKey = new Map();
  #parent;
  #make;
  #fill;

  /** @param {HTMLElement} parent @param {(item: Item) => Row} make @param {(row: Row, item: Item) => void} fill */
  constructor(parent, make, fill) {
    this.#parent = parent;
    this.#make = make;
    this.#fill = fill;
  }

  /** @param {readonly Item[]} items @param {(item: Item) => string} keyOf */
  show(items, keyOf) {
    const focused = document.activeElement;
    /** @type {Map<string, Row>} */
    const present = new Map();
    items.forEach((item, index) => {
      const key = keyOf(item);
      const row = this.#byKey.get(key) ?? this.#make(item);
      present.set(key, row);
      this.#fill(row, item);
      const place = this.#parent.children[index];
      if (place !== row.root) this.#parent.insertBefore(row.root, place ?? null);
    });
    for (const [key, row] of this.#byKey) if (!present.has(key)) row.root.remove();
    this.#byKey = present;
    // An element that is moved loses the focus.
    if (focused !== document.activeElement && this.#parent.contains(focused)) /** @type {HTMLElement} */ (focused).focus();
  }
}
