// Runs the suites in the real VS Code and ends with "N passed, N failed".
// test.sh prepares what it needs; see there for the environment.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { Editor } from "./editor.mjs";
import * as language from "./language.mjs";
import * as local from "./local.mjs";
import * as story from "./story.mjs";
import * as untrusted from "./untrusted.mjs";

const here = import.meta.dirname;
const shots = resolve(process.env.TOWLINE_E2E_SHOTS ?? join(tmpdir(), "towline-vscode-shots"));
const only = process.argv.slice(2);
const count = { passed: 0, failed: 0 };

for (const suite of [language, untrusted, local, story]) {
  if (only.length > 0 && !only.includes(suite.name)) continue;
  const reason = suite.skip?.();
  if (reason) console.log(`- ${suite.name}: skipped, ${reason}`);
  else await run(suite);
}
if (count.failed > 0) console.log(`pictures: ${shots}`);
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed > 0 || count.passed === 0 ? 1 : 0;

/** Runs a suite's cases in order, in an editor and a folder of its own. */
async function run(suite) {
  const folder = mkdtempSync(join(tmpdir(), "tl-")); // short: sockets lie below
  const workspace = join(folder, suite.name);
  cpSync(join(here, "testdata", suite.name), workspace, { recursive: true });
  const context = { folder, workspace };
  let editor;
  try {
    const setup = (await suite.prepare?.(context)) ?? {};
    editor = await step(`${suite.name}: the editor starts with the extension installed`, shots, () =>
      Editor.start({ folder, workspace, vsix: process.env.TOWLINE_E2E_VSIX, shots, ...setup }));
    for (const [title, check] of editor ? suite.cases : []) {
      await step(`${suite.name}: ${title}`, shots, () => check(editor, context), editor);
    }
  } finally {
    await suite.finish?.(context, editor)?.catch((error) => { console.log(`  cleaning up: ${error.message}`); });
    await editor?.stop();
    if (process.env.TOWLINE_E2E_KEEP) console.log(`kept: ${folder}`);
    else rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Runs one case, tells how it went, and takes a picture of a failure. */
async function step(title, shots, check, editor) {
  const began = Date.now();
  try {
    const result = await check();
    count.passed++;
    console.log(`✓ ${title} (${((Date.now() - began) / 1000).toFixed(1)} s)${typeof result === "string" ? `: ${result}` : ""}`);
    return result;
  } catch (error) {
    count.failed++;
    console.log(`✗ ${title} (${((Date.now() - began) / 1000).toFixed(1)} s)\n${String(error.stack ?? error).replaceAll(/^/gm, "    ")}`);
    mkdirSync(shots, { recursive: true });
    await editor?.shot(`failed ${title}`).catch(() => {});
    await editor?.reset().catch(() => {});
    return undefined;
  }
}
