/** The binary under test, as a child process on ports of its own. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";

const DEFAULT_BINARY = fileURLToPath(new URL("../../target/debug/emostream", import.meta.url));
const NUM_BINDS = 2;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 15_000;
/** Kept for the message of a failed start. */
const LOG_TAIL_CHARS = 4_000;

export class Server {
  /** Where it listens; the same after a restart. @type {string[]} */
  origins = [];
  #args;
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #process;
  #log = "";

  /** @param {string[]} [args] Arguments of `serve` beside `--bind`. */
  constructor(args = ["--window", "500ms"]) {
    this.#args = args;
  }

  /** Where pages are opened in the tests. */
  get origin() { return this.origins[1]; }

  /** The program. */
  get binary() { return process.env.EMOSTREAM_BIN || DEFAULT_BINARY; }

  async start() {
    const { binary } = this;
    requireExecutable(binary, "EMOSTREAM_BIN names the server to test; `cargo build` makes one");
    const binds = this.origins.length > 0
      ? this.origins.map((origin) => new URL(origin).host)
      : Array(NUM_BINDS).fill("127.0.0.1:0");
    const args = ["serve", ...binds.flatMap((bind) => ["--bind", bind]), ...this.#args];
    this.#log = "";
    this.#process = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"], env: environmentWithoutSettings() });
    this.origins = await this.#listening(this.#process);
  }

  /** @param {"SIGTERM" | "SIGKILL"} signal @returns {Promise<number | null>} The exit code. */
  async stop(signal) {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const deadline = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    child.kill(signal);
    const [code] = await once(child, "exit");
    clearTimeout(deadline);
    return code;
  }

  /**
   * Sends reactions as the crowd does, in one request.
   *
   * @param {[emoji: string, count: number][]} counts
   * @param {string} [stream]
   */
  async react(counts, stream = "main") {
    const timestamp = new Date().toISOString();
    const reactions = counts.flatMap(([emoji_type, count]) => split(count).map((part, index) => (
      { user_id: `fan-${index}`, emoji_type, timestamp, stream, count: part }
    )));
    const response = await fetch(`${this.origins[0]}/emoji`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(reactions),
    });
    const answer = await response.json();
    if (response.status !== 200 || answer.accepted !== reactions.length) {
      throw new Error(`reactions were not accepted: ${response.status} ${JSON.stringify(answer)}`);
    }
  }

  /** @param {string} [stream] @returns {Promise<{ total: number, totals: Record<string, number> }>} */
  async totals(stream = "main") {
    return (await fetch(`${this.origins[0]}/streams/${stream}/totals`)).json();
  }

  /** @param {import("node:child_process").ChildProcess} child @returns {Promise<string[]>} */
  #listening(child) {
    return new Promise((resolve, reject) => {
      const fail = (/** @type {string} */ why) => reject(new Error(`server ${why}; it wrote:\n${this.#log}`));
      const deadline = setTimeout(() => fail(`did not listen within ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
      child.once("error", (error) => fail(`could not be run: ${error.message}`));
      child.once("exit", (code, signal) => fail(`ended with ${code ?? signal}`));
      const read = (/** @type {Buffer} */ chunk) => {
        this.#log = (this.#log + chunk).slice(-LOG_TAIL_CHARS);
        const origins = [...this.#log.matchAll(/^listening on (http:\/\/127\.0\.0\.1:\d+)\s*$/gm)].map((match) => match[1]);
        if (origins.length < NUM_BINDS) return;
        clearTimeout(deadline);
        resolve(origins);
      };
      child.stdout?.on("data", read);
      child.stderr?.on("data", (chunk) => { this.#log = (this.#log + chunk).slice(-LOG_TAIL_CHARS); });
    });
  }
}

/** Every `EMOSTREAM_*` variable is a setting to the server; those of whoever runs the tests are not meant for it. */
export function environmentWithoutSettings() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("EMOSTREAM_")));
}

/** The largest count that one reaction may carry. */
const MAX_COUNT = 1000;

/** @param {number} count */
function split(count) {
  const parts = Array(Math.floor(count / MAX_COUNT)).fill(MAX_COUNT);
  return count % MAX_COUNT > 0 ? [...parts, count % MAX_COUNT] : parts;
}

/** @param {string} path @param {string} help */
export function requireExecutable(path, help) {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new Error(`${path} is not an executable file: ${help}`);
  }
}
