/** What the page says of itself, in one place. */

const STREAM_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** @param {string} name */
export const isStreamName = (name) => STREAM_NAME.test(name);

/** @type {Record<number, string>} */
const CLOSED = {
  1008: "The server has ended this connection",
  4001: "This page is not authorised to connect",
  4003: "This page may not connect to this server",
};

/** @param {import("../sdk/emostream.js").StateDetail} detail @param {boolean} [interrupted] No windows come for now. */
export function connectionWords({ state, code }, interrupted = false) {
  if (state === "open") return interrupted ? "Reactions are delayed" : "Live";
  if (state === "waiting") return "Connection lost, coming back by itself";
  return CLOSED[code ?? 0] ?? "Disconnected";
}

/** @param {string} code Of the error that refused a reaction. */
export function refusalWords(code) {
  if (code.includes("limit")) return "That was fast. Give it a moment, then send again";
  if (code.includes("overload")) return "The crowd is very loud right now. That one did not get through";
  if (code === "not_connected") return "Not connected at the moment. That one was not sent";
  if (code === "unknown_outcome") return "The connection broke off. That one may not have been counted";
  return "That one was not accepted";
}
