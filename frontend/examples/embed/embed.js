/** The numbers below the video. The element over it needs no script of the page. */

import { Emostream } from "http://localhost:5001/sdk/emostream.js";

const SERVER = "http://localhost:5001";
const TOP = 4;

const number = new Intl.NumberFormat("en");

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const crowd = new Emostream();
crowd.addEventListener("hello", show);
crowd.addEventListener("window", show);
crowd.connect(SERVER);

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
