/** Requests to the node that served this page. */

/** An answer of the node that longer than this does not come is none. */
const TIMEOUT_MS = 5_000;

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
 * An admin route. Spawning is answered once a cluster delivers, so there is no time-out but the server's.
 *
 * @param {string} token @param {string} path @param {"GET" | "POST" | "PATCH" | "DELETE"} [method] @param {object} [body]
 */
export async function askAdmin(token, path, method = "GET", body) {
  const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  if (!response.ok) throw await refusalOf(response);
  return response.json();
}

/** @param {Response} response */
async function refusalOf(response) {
  const problem = await response.json().catch(() => ({}));
  return new Refusal(response.status, problem);
}
