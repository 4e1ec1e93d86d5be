// Makes towline.vsix: the bundle, the binaries of ../bin and the licences.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const binaries = join(root, "..", "bin");
const exe = process.platform === "win32" ? ".exe" : "";
const target = process.env.TOWLINE_VSIX_TARGET ?? `${process.platform}-${process.arch}`;

if (!existsSync(join(binaries, `towline${exe}`))) {
  console.error(`error: ${join(binaries, `towline${exe}`)} is missing\nhint: run "make build" first`);
  process.exit(1);
}
rmSync(join(root, "bin"), { recursive: true, force: true });
mkdirSync(join(root, "bin"));
// The program looks beside itself for the language server and the agents, one for each architecture.
for (const name of readdirSync(binaries).filter((name) => /^towline(-lsp|-agent.*)?(\.exe)?$/.test(name))) {
  copyFileSync(join(binaries, name), join(root, "bin", name));
  chmodSync(join(root, "bin", name), 0o755);
}
copyFileSync(join(root, "..", "LICENSE"), join(root, "LICENSE"));

const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
run("scripts/build.mjs");
const notices = [join(root, "..", "cmd", "towline", "notices", "NOTICES.txt"), join(root, "dist", "NOTICES.txt")];
writeFileSync(join(root, "NOTICES.txt"), notices.map((file) => readFileSync(file, "utf8")).join(""));
const vsix = join(root, "towline.vsix");
run("node_modules/@vscode/vsce/vsce", "package", "--no-dependencies", "--target", target, "--out", vsix);
console.log(`${vsix} (${target}, ${(statSync(vsix).size / 1e6).toFixed(1)} MB)`);
