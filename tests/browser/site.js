/** A web site of somebody else: pages of the test, from an origin that is not the server's. */

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

/** @type {Record<string, string>} */
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

export class Site {
  /** @type {(path: string) => string | Promise<string>} */ #read;
  #server = createServer((request, response) => this.#answer(String(request.url).replace(/\?.*/, ""), response));

  /** @param {(path: string) => string | Promise<string>} read What is at a path. */
  constructor(read) {
    this.#read = read;
  }

  /** A folder as it is, but with the address of the server under test in place of the one in its files. @param {URL} folder @param {() => string} server */
  static of(folder, server) {
    return new Site(async (path) => {
      const text = await readFile(new URL(path === "/" ? "index.html" : path.slice(1), folder), "utf8");
      return text.replaceAll("localhost:5001", new URL(server()).host);
    });
  }

  get origin() {
    const { port } = /** @type {import("node:net").AddressInfo} */ (this.#server.address());
    return `http://127.0.0.1:${port}`;
  }

  async start() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** @param {string} path @param {import("node:http").ServerResponse} response */
  async #answer(path, response) {
    try {
      const text = await this.#read(path);
      response.writeHead(200, { "content-type": `${TYPES[extname(path)] ?? "text/html"}; charset=utf-8` });
      response.end(text);
    } catch {
      response.writeHead(404).end();
    }
  }
}
