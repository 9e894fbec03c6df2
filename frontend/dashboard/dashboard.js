/** The dashboard: wires the node and one of its streams to the verdict and the panels. */

import { connectionWords, isStreamName } from "../stage/words.js";
import { ChartPanel } from "./chart_panel.js";
import { ClusterDialogs } from "./cluster_dialogs.js";
import { ClustersPanel } from "./clusters_panel.js";
import { byId, write } from "./dom.js";
import { Feed } from "./feed.js";
import { NOTHING } from "./figures.js";
import { age, clock } from "./format.js";
import { showDelay, showStreamFigures, showViewers } from "./key_figures.js";
import { showLedger, showStreams } from "./ledger_panel.js";
import { NodeWatch } from "./node.js";
import { MINUTE_MS, rangeWords } from "./ranges.js";
import { rememberStream } from "./recent_streams.js";
import { sightOf } from "./sight.js";
import { showStages } from "./stages_panel.js";
import { StreamDialog } from "./stream_dialog.js";
import { token } from "./token.js";
import { TokenDialog } from "./token_dialog.js";
import { judge } from "./verdict.js";
import { showVerdict } from "./verdict_panel.js";
import { say, tell } from "./voice.js";

const node = new NodeWatch(token, showNode);
const feed = new Feed({ changed: showFeed, moved: (cluster) => tell(`This page was moved to cluster ${cluster}`), refused: turnBack });
const chart = new ChartPanel(feed, say);
const tokenDialog = new TokenDialog(token, (words) => { tell(words); node.look(); });
const clusters = new ClustersPanel(new ClusterDialogs(token, (words) => { tell(words); node.look(); }));
new StreamDialog({ look: () => ({ current: feed.stream, ledger: node.ledger }), chosen: turnTo });

function showNode() {
  const nowMs = performance.now();
  const sight = sightOf(node, feed, nowMs);
  const seen = node.trail.newest?.seen ?? NOTHING;
  document.body.dataset.link = node.link;
  showVerdict(judge(sight));
  tokenDialog.show();
  showFeed();
  if (!node.trail.newest) return;
  showDelay(node.trail);
  showLedger(sight, rangeWords(node.trail, MINUTE_MS), seen.sum("emostream_streams"));
  showStreams(node, sight, feed.windowMs, nowMs);
  clusters.show(node.trail, node.clusters, token.usable !== null);
  showStages(node);
  const upMs = Date.now() - seen.sum("emostream_start_time_seconds") * 1000;
  const version = seen.samples("emostream_build_info")[0]?.labels.version ?? "";
  write(byId("node-facts"), `Emostream ${version}, up for ${age(upMs)}, seen at ${clock(node.heardAtMs)}.`);
}

function showFeed() {
  document.body.dataset.feed = feed.state.state;
  document.body.dataset.delayed = String(feed.interrupted);
  write(byId("connection"), feed.state.state === "connecting" ? "Connecting…" : connectionWords(feed.state, feed.interrupted));
  showStreamFigures(feed);
  showViewers(feed, node.trail.newest?.seen.sum("emostream_sessions"));
  chart.show();
}

/** @param {string} stream */
function turnTo(stream) {
  if (stream === feed.stream) return;
  history.pushState(null, "", stream === "main" ? location.pathname : `?stream=${encodeURIComponent(stream)}`);
  watch(stream);
}

/** The node has no room for another stream, and would go on with the former one. */
function turnBack() {
  tell("The node has as many streams as it allows (streams.max); this is main");
  turnTo("main");
}

/** @param {string} stream */
function watch(stream) {
  write(byId("stream"), stream);
  document.title = `${stream} · Dashboard · Emostream`;
  const stage = stream === "main" ? "/" : `/?stream=${encodeURIComponent(stream)}`;
  for (const link of document.querySelectorAll(".stage-link")) link.setAttribute("href", stage);
  chart.clear();
  rememberStream(stream);
  feed.watch(stream);
}

/** The stream that the address names; one that is no stream's name is not asked for. */
function watchAddressed() {
  const stream = new URLSearchParams(location.search).get("stream") ?? "main";
  if (isStreamName(stream)) return watch(stream);
  tell("This is not the name of a stream; this is main");
  watch("main");
}

addEventListener("popstate", watchAddressed);
addEventListener("hashchange", () => { if (token.takeFromAddress()) node.look(); });
addEventListener("online", () => node.look());
byId("again").addEventListener("click", () => node.look());
node.look();
watchAddressed();
