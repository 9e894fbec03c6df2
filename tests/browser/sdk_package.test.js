/** What others get: a small module, its types, and a package of just that. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { Server } from "./server.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SDK = fileURLToPath(new URL("../../frontend/sdk/", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TSC = join(HERE, "node_modules/.bin/tsc");
const MAX_GZIPPED_BYTES = 5_000;

const run = promisify(execFile);
const server = new Server();
/** @type {string} */ let scratch;

before(async () => {
  await server.start();
  scratch = await mkdtemp(join(tmpdir(), "emostream-sdk-"));
});

after(async () => {
  await server.stop("SIGKILL");
  await rm(scratch, { recursive: true, force: true });
});

/** Files below a folder, by their path in it. @param {string} folder */
async function filesIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
}

test("the module that a node delivers is its source, needs no other, and takes less than 5 kB gzipped", async () => {
  const response = await fetch(`${server.origin}/sdk/emostream.js`);
  const delivered = Buffer.from(await response.arrayBuffer());
  assert.deepEqual(delivered, await readFile(join(SDK, "emostream.js")));
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  assert.doesNotMatch(delivered.toString().replace(/\/\*\*[^]*?\*\//g, ""), /\bimport\b/);
  const bytes = gzipSync(delivered).length;
  assert.ok(bytes < MAX_GZIPPED_BYTES, `${bytes} bytes`);
});

test("the types are those of the source", async () => {
  const made = join(scratch, "types");
  await run(TSC, ["--project", join(HERE, "tsconfig.sdk.json"), "--outDir", made]);
  const kept = join(SDK, "types");
  assert.deepEqual(await filesIn(kept), await filesIn(made));
  for (const file of await filesIn(made)) {
    const [is, shouldBe] = await Promise.all([kept, made].map((folder) => readFile(join(folder, file), "utf8")));
    assert.equal(is, shouldBe, `types/${file} is not what \`npm run declarations\` makes`);
  }
});

test("the package has the modules, their types, its licence and what it says of itself, and nothing else", async () => {
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: SDK });
  const [{ name, version, files }] = JSON.parse(stdout);
  const modules = ["emostream.js", "emostream-stage.js", "play.js", "shapes.js", "stage-style.js",
    ...["burst", "glyphs", "names", "own", "particles", "scene", "sprites"].map((module) => `scene/${module}.js`)];
  assert.deepEqual(
    files.map(({ path }) => path).sort(),
    ["LICENSE", "README.md", "package.json", ...modules, ...modules.map((module) => `types/${module.replace(/js$/, "d.ts")}`)].sort(),
  );
  const cargo = await readFile(join(ROOT, "Cargo.toml"), "utf8");
  assert.deepEqual({ name, version }, { name: "emostream", version: cargo.match(/^version = "(.*)"$/m)?.[1] });
  assert.equal(await readFile(join(SDK, "LICENSE"), "utf8"), await readFile(join(ROOT, "LICENSE"), "utf8"));
  const { dependencies } = JSON.parse(await readFile(join(SDK, "package.json"), "utf8"));
  assert.equal(dependencies, undefined);
});

test("a program in TypeScript that has it from npm knows what comes, and a server may load it", async () => {
  const app = join(scratch, "app");
  await cp(join(HERE, "consumer"), app, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", scratch], { cwd: SDK });
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", join(scratch, stdout.trim())], { cwd: app });
  await run(TSC, ["--project", app]);
  const program = 'const [{ Emostream }, { EmostreamStage }] = await Promise.all([import("emostream"), import("emostream/stage")]);'
    + "console.log(new Emostream().state, typeof EmostreamStage)";
  const { stdout: said } = await run(process.execPath, ["--input-type=module", "--eval", program], { cwd: app });
  assert.equal(said.trim(), "closed function");
});
