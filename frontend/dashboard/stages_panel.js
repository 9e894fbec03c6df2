/** The stages of the node, what Kafka is to them where there is Kafka, and what else is worth a look. */

import { byId, element, Rows, write } from "./dom.js";
import { isOnKafka, NOTHING, stagesOf } from "./figures.js";
import { rate, whole } from "./format.js";
import { noticesOf } from "./notices.js";

/** @typedef {import("./figures.js").Stage} Stage */
/** @typedef {import("./notices.js").Notice} Notice */

const chips = new Rows(byId("stages"), createChip, fillChip);
const lines = new Rows(byId("kafka-stages"), createLine, fillLine);
const notices = new Rows(
  byId("notices"),
  (/** @type {Notice} */ _notice) => ({ root: element("li") }),
  ({ root }, { words }) => write(root, words),
);

/** @param {import("./node.js").NodeWatch} node */
export function showStages({ ready, trail }) {
  const onKafka = isOnKafka(trail.newest?.seen ?? NOTHING);
  const stages = stagesOf(ready, trail);
  chips.show(onKafka ? [] : stages, ({ name }) => name);
  lines.show(onKafka ? stages : [], ({ name }) => name);
  byId("stages").hidden = onKafka;
  byId("kafka-box").hidden = !onKafka;
  document.body.dataset.kafka = String(onKafka);
  const ups = stages.flatMap((stage) => stage.ups);
  const numDown = ups.filter((up) => !up).length;
  write(byId("stages-note"), numDown > 0 ? `${numDown} of ${ups.length} down` : "all up");
  const found = noticesOf(trail);
  byId("notices-box").hidden = found.length === 0;
  notices.show(found, ({ name }) => name);
}

/** @param {boolean[]} ups */
function upWords(ups) {
  const numUp = ups.filter(Boolean).length;
  if (ups.length === 1) return numUp === 1 ? "up" : "down";
  return `${numUp} of ${ups.length} up`;
}

function createChip() {
  const name = element("b");
  const up = element("span", { class: "note" });
  return { root: element("li", {}, name, " ", up), name, up };
}

/** @param {ReturnType<typeof createChip>} chip @param {Stage} stage */
function fillChip({ root, name, up }, stage) {
  root.dataset.alarm = String(stage.ups.includes(false));
  write(name, stage.name);
  write(up, upWords(stage.ups));
}

function createLine() {
  const cells = Array.from({ length: 6 }, () => element("td"));
  const name = element("th", { scope: "row" });
  return { root: element("tr", {}, name, ...cells), name, cells };
}

/** @param {ReturnType<typeof createLine>} line @param {Stage} stage */
function fillLine({ root, name, cells }, { name: stage, ups, kafka }) {
  root.dataset.alarm = String(ups.includes(false) || kafka?.reachable === false);
  write(name, stage);
  const texts = [upWords(ups), ...(kafka ? kafkaTexts(kafka) : [])];
  cells.forEach((cell, index) => write(cell, texts[index] ?? ""));
}

/** @param {import("./figures.js").KafkaStage} kafka */
function kafkaTexts({ reachable, lag, queue, readPerSecond, writtenPerSecond }) {
  return [reachable ? "answers" : "away", lag === null ? "" : whole(lag), whole(queue), rate(readPerSecond), rate(writtenPerSecond)];
}
