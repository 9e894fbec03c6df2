/** The bar to send from. */

/** @type {[emoji: string, name: string][]} */
const PALETTE = [
  ["🔥", "fire"],
  ["❤️", "red heart"],
  ["👏", "clapping hands"],
  ["😂", "face with tears of joy"],
  ["😮", "face with open mouth"],
  ["🎉", "party popper"],
  ["😢", "crying face"],
  ["🏆", "trophy"],
];

/**
 * @typedef {object} Press
 * @property {string} emoji
 * @property {HTMLButtonElement} button
 * @property {number} x Where the emoji takes off, in CSS pixels of the page.
 * @property {number} y
 */

/**
 * @param {HTMLElement} bar
 * @param {(press: Press) => void} onPress
 */
export function fillPalette(bar, onPress) {
  for (const [emoji, name] of PALETTE) {
    const button = document.createElement("button");
    const face = document.createElement("span");
    face.textContent = emoji;
    face.setAttribute("aria-hidden", "true");
    button.type = "button";
    button.setAttribute("aria-label", `Send ${name}`);
    button.append(face);
    button.addEventListener("click", () => {
      const { left, top, width, height } = button.getBoundingClientRect();
      onPress({ emoji, button, x: left + width / 2, y: top + height / 4 });
    });
    bar.append(button);
  }
}

/**
 * Buttons stay focusable while nothing can be sent: a keyboard user keeps the place.
 *
 * @param {HTMLElement} bar @param {boolean} enabled
 */
export function enablePalette(bar, enabled) {
  for (const button of bar.querySelectorAll("button")) button.setAttribute("aria-disabled", String(!enabled));
}

/** Plays a button's short animation from its start, also where it is still under way. @param {HTMLButtonElement} button @param {"sent" | "refused"} name */
export function play(button, name) {
  button.classList.remove("sent", "refused");
  // Reading a layout value ends the old animation before the new one begins.
  void button.offsetWidth;
  button.classList.add(name);
}
