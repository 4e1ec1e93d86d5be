// A folder that nobody said to trust: its files are read, and nothing is run.
import { strict as assert } from "node:assert";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { until } from "./editor.mjs";

export const name = "untrusted";

/** Restricted mode, without the question that would stand before everything. */
export function prepare() {
  return { trusted: false, own: { "security.workspace.trust.startupPrompt": "never", "security.workspace.trust.banner": "never" } };
}

export const cases = [
  ["the window is in restricted mode", async (editor) => {
    await editor.page.locator('.statusbar-item[id="status.workspaceTrust"]').waitFor();
  }],

  ["the parts of a line have their colours", async (editor) => {
    await editor.open("Tiltfile");
    await until("the language is known", async () => (await editor.mode()) === "Tiltfile");
    await until("keyword and text have colours of their own", async () => {
      const spans = await editor.line("Hello, %s!").locator("span > span").evaluateAll((all) =>
        all.map((span) => ({ text: span.textContent, colour: getComputedStyle(span).color })));
      const colours = ["return", "Hello"].map((text) => spans.find((span) => span.text.includes(text))?.colour);
      return new Set(colours).size === 2 && !colours.includes(undefined);
    });
  }],

  ["mistakes are underlined, built-ins and what is loaded are explained", async (editor) => {
    await editor.page.locator(".squiggly-error").first().waitFor();
    await editor.hover(editor.line("k8s_yml").locator("span > span").first(), "k8s_yaml");
    await editor.hover(editor.line("local_resource(").locator("span > span").first(), /local_resource.*cmd/s);
    await editor.hover(editor.line("% greet(").locator("span > span").filter({ hasText: "greet" }).first(), "as it is called");
    await editor.shot("untrusted");
    await editor.page.mouse.move(1, 1);
  }],

  ["a save runs nothing either", async (editor) => {
    await editor.open("Tiltfile", ":1:1");
    await editor.type("# seen\n");
    await editor.save();
    await editor.hover(editor.line("k8s_yml").locator("span > span").first(), "k8s_yaml"); // what comes with the save has come
    await editor.page.mouse.move(1, 1);
  }],

  ["no command ran and no daemon was started", async (editor, { folder, workspace }) => {
    const programs = editor.programs();
    assert.ok(programs.some(({ program, command }) => program === "towline-lsp" || command === "lsp"), "there is no language server");
    assert.deepEqual(programs.filter(({ command }) => command === "daemon"), []);
    assert.deepEqual(readdirSync(workspace).filter((file) => file.startsWith("ran-")), []);
    assert.ok(!existsSync(join(folder, "state", "towline")), "a daemon left its state");
  }],
];
