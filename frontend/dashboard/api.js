/** Requests to the node that served this page. */

/** An answer that does not come for so long is none. */
const TIMEOUT_MS = 5_000;
/** A cluster that is spawned is answered for once it delivers. */
const CHANGE_TIMEOUT_MS = 20_000;

/** An answer that is not what was asked for: a problem of the node's, or of something before it. */
export class Refusal extends Error {
  /** @param {number} status @param {{ code?: string, field?: string, detail?: string }} [problem] */
  constructor(status, { code = "", field = "", detail = "" } = {}) {
    super(detail || `answered with ${status}`);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

/** @param {string} path @param {number[]} [alsoGood] Statuses beside 2xx that bear what was asked for. */
export async function ask(path, alsoGood = []) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok && !alsoGood.includes(response.status)) throw await refusalOf(response);
  return response;
}

/**
 * An admin route.
 *
 * @param {string} token @param {string} path @param {"GET" | "POST" | "PATCH" | "DELETE"} [method] @param {object} [body]
 */
export async function askAdmin(token, path, method = "GET", body) {
  const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) };
  const signal = AbortSignal.timeout(method === "GET" ? TIMEOUT_MS : CHANGE_TIMEOUT_MS);
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store", signal });
  if (!response.ok) throw await refusalOf(response);
  return response.json();
}

/** @param {Response} response */
async function refusalOf(response) {
  const problem = await response.json().catch(() => ({}));
  return new Refusal(response.status, problem);
}
