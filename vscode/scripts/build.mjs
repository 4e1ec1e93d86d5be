// Bundles src/extension.ts and what it imports into dist/extension.js, and their licences into dist/NOTICES.txt.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as esbuild from "esbuild";

const options = {
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  minify: true,
  legalComments: "eof",
  logLevel: "warning",
};

if (process.argv.includes("--watch")) {
  const context = await esbuild.context({ ...options, minify: false, sourcemap: "inline", logLevel: "info" });
  await context.watch();
} else {
  const { metafile } = await esbuild.build({ ...options, metafile: true });
  const bundled = new Set(Object.keys(metafile.inputs).flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []));
  writeFileSync("dist/NOTICES.txt", [...bundled].sort().map(notice).join(""));
}

/** The licence of a package in folder, under its name; one without a licence fails. */
function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) {
    throw new Error(`${name}: no licence in ${folder}`);
  }
  return `\n${"=".repeat(80)}\n${license}\n  ${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}
