// Tiltfiles in the editor: no cluster is needed for any of this.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { strict as assert } from "node:assert";

import { until } from "./editor.mjs";

export const name = "language";

const commands = ["Up", "Down", "Debug", "Trigger", "Restart", "Show Logs", "Show Status", "Restart Daemon", "Restart Server"];

export const cases = [
  ["the file names of Tiltfiles are known", async (editor) => {
    for (const file of ["web.tiltfile", "Tiltfile.dev", "Tiltfile"]) {
      await editor.open(file);
      await until(`${file} is a Tiltfile`, async () => (await editor.mode()) === "Tiltfile");
    }
  }],

  ["the grammar tells the parts of a line apart", async (editor) => {
    await until("keyword and text have colours of their own", async () => {
      const spans = await editor.line("Hello, %s!").locator("span > span").evaluateAll((all) =>
        all.map((span) => ({ text: span.textContent, colour: getComputedStyle(span).color })));
      const colours = ["return", "Hello"].map((text) => spans.find((span) => span.text.includes(text))?.colour);
      return new Set(colours).size === 2 && !colours.includes(undefined);
    });
    await editor.shot("tiltfile");
  }],

  ["the status bar shows the project", async (editor) => {
    await editor.statusItem.waitFor();
    await editor.serverRuns();
  }],

  ["the palette offers every command", async (editor) => {
    await editor.palette("Towline: ", { choose: false });
    const rows = editor.page.locator(".quick-input-list .monaco-list-row .label-name");
    const offered = await until("the list is complete", async () => {
      const texts = await rows.allTextContents();
      return commands.every((title) => texts.includes(`Towline: ${title}`)) && texts;
    });
    assert.ok(offered.length >= commands.length);
    await editor.shot("palette");
    await editor.page.keyboard.press("Escape");
  }],

  ["a mistake is underlined, and the underline goes when it is mended", async (editor) => {
    await editor.open("Tiltfile", ":11:1");
    await editor.type("k8s_yaml(");
    await editor.page.locator(".squiggly-error").first().waitFor();
    await editor.shot("mistake");
    await editor.revert();
    await editor.page.locator(".squiggly-error").first().waitFor({ state: "detached" });
  }],

  ["a name that does not exist is underlined where it stands", async (editor, { workspace }) => {
    const file = join(workspace, "Tiltfile");
    const before = readFileSync(file);
    await editor.open("Tiltfile", ":11:1");
    await editor.type("k8s_yml('api.yaml')\n");
    await editor.save();
    await editor.page.locator(".squiggly-error").first().waitFor();
    const at = (await editor.page.locator(".squiggly-error").first().boundingBox()).y;
    const line = (await editor.line("k8s_yml").boundingBox()).y;
    assert.ok(Math.abs(at - line) < 12, `the underline is at ${at}, the line at ${line}`);
    await editor.hover(editor.line("k8s_yml").locator("span > span").first(), "k8s_yaml");
    await editor.shot("suggestion");
    writeFileSync(file, before);
    await editor.page.locator(".squiggly-error").first().waitFor({ state: "detached" });
  }],

  ["built-ins are completed, with their documentation", async (editor) => {
    await editor.open("Tiltfile", ":11:1");
    await editor.complete("docker_b", "docker_build");
    await editor.shot("completion");
    await editor.page.keyboard.press("Escape");
    await editor.revert();
  }],

  ["hovering over a built-in explains it", async (editor) => {
    await editor.open("Tiltfile");
    await editor.hover(editor.line("local_resource(").locator("span > span").first(), /local_resource.*cmd/s);
    await editor.shot("hover");
    await editor.page.mouse.move(1, 1);
  }],

  ["what needs a running project offers to bring it up", async (editor) => {
    await editor.palette("Towline: Trigger");
    const toast = editor.page.locator(".notification-toast").filter({ hasText: "Nothing is up" }).first();
    await toast.getByRole("button", { name: "Towline: Up" }).waitFor();
    await editor.palette("Notifications: Clear All Notifications");
  }],

  ["a block is indented as it is typed", async (editor, { workspace }) => {
    await editor.open("web.tiltfile", ":2:1");
    await editor.type("def f(x):\nif x:\npass\n");
    await editor.save();
    assert.match(readFileSync(join(workspace, "web.tiltfile"), "utf8"), /^def f\(x\):\n {4}if x:\n {8}pass\n {4}$/m);
  }],

  ["Restart Server starts another process", async (editor) => {
    const before = await until("there is a server", () => serverOf(editor));
    await editor.palette("Towline: Restart Server");
    const after = await until("there is another server", () => { const pid = serverOf(editor); return pid !== before && pid; });
    await until("the old one is gone", () => !editor.programs().some(({ pid }) => pid === before));
    assert.notEqual(before, after);
    await editor.serverRuns();
  }],

  ["a server that is killed comes back", async (editor) => {
    const before = await until("there is a server", () => serverOf(editor));
    process.kill(before, "SIGKILL");
    await until("there is another server", () => { const pid = serverOf(editor); return pid !== before && pid; });
  }],

  ["a missing program is named, with the setting to change", async (editor, { folder }) => {
    const file = join(folder, "code", "Machine", "settings.json");
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, JSON.stringify({ "towline.path": "/nowhere/towline" }));
    const toast = editor.page.locator(".notification-toast").filter({ hasText: "/nowhere/towline" }).filter({ hasText: "towline.path" }).first();
    await toast.waitFor();
    await editor.shot("missing-program");
    await until("the item says so", async () => (await editor.statusItem.getAttribute("aria-label")).includes("does not run"));
    writeFileSync(file, "{}");
    await until("there is a server again", () => serverOf(editor));
    await editor.serverRuns();
    assert.ok(await toast.getByRole("button", { name: "Open Settings" }).count() > 0);
  }],
];

/** The pid of the language server; undefined when there is none. */
function serverOf(editor) {
  return editor.programs().find(({ program, command }) => program === "towline-lsp" || command === "lsp")?.pid;
}
