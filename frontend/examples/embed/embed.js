/** The numbers below the video, from the connection that the element over it has already: a viewer is one session. */

// The same module that the page names: by then the element is one.
import "http://localhost:5001/sdk/emostream-stage.js";

/** @typedef {import("http://localhost:5001/sdk/emostream-stage.js").EmostreamStage} EmostreamStage */

const TOP = 4;

const number = new Intl.NumberFormat("en");

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const { crowd } = /** @type {EmostreamStage} */ (document.querySelector("emostream-stage"));
crowd.addEventListener("hello", show);
crowd.addEventListener("window", show);

function show() {
  byId("total").textContent = number.format(crowd.total);
  byId("viewers-line").hidden = crowd.viewers === undefined;
  byId("viewers").textContent = number.format(crowd.viewers ?? 0);
  const top = [...crowd.totals].sort(([, left], [, right]) => right - left).slice(0, TOP);
  byId("top").replaceChildren(...top.map(([emoji, count]) => {
    const item = document.createElement("li");
    const face = document.createElement("span");
    face.className = "emoji";
    face.textContent = emoji;
    item.append(face, ` ${number.format(count)}`);
    return item;
  }));
}
