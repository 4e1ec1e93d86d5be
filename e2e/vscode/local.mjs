// A project of local resources: what is up is shown, without a cluster.
import { strict as assert } from "node:assert";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { until } from "./editor.mjs";

export const name = "local";

export function prepare({ folder }) {
  return { env: { KUBECONFIG: join(folder, "none") } };
}

export const cases = [
  ["Towline: Up runs what is local", async (editor) => {
    await editor.open("Tiltfile");
    await editor.palette("Towline: Up");
    await editor.lens("error").waitFor({ timeout: 60_000 });
    await editor.lens("ready").waitFor({ timeout: 60_000 });
    await editor.palette("Notifications: Clear All Notifications");
  }],

  ["a long error leaves what can be done in sight", async (editor) => {
    await editor.page.setViewportSize({ width: 900, height: 700 });
    const text = await editor.page.locator(".editor-instance .lines-content").first().boundingBox();
    const right = Math.min(900, text.x + text.width);
    for (const action of ["Trigger", "Logs"]) {
      const box = await until(`${action} is shown`, () => editor.lens("error").locator("a").filter({ hasText: action }).boundingBox());
      assert.ok(box.x + box.width < right, `${action} ends at ${box.x + box.width}, the editor at ${right}`);
    }
    await editor.shot("long-error");
    await editor.page.setViewportSize({ width: 1280, height: 800 });
  }],

  ["the tabs of two logs tell them apart", async (editor) => {
    for (const resource of ["web-frontend", "web-worker"]) {
      await editor.palette("Towline: Show Logs");
      await editor.pick(resource);
      await editor.page.locator(".terminal-wrapper.active .xterm-rows").filter({ hasText: `here is the ${resource.slice(4)}` }).waitFor();
    }
    const tabs = editor.page.locator(".tabs-list .monaco-list-row");
    const names = await until("there are two tabs", async () => {
      const texts = await tabs.allTextContents();
      return texts.length === 2 && texts;
    });
    for (const resource of ["web-frontend", "web-worker"]) {
      assert.equal(names.filter((text) => text.includes(resource)).length, 1, `${resource} among ${names.join(" | ")}`);
    }
    await editor.shot("tabs");
  }],

  ["a new launch.json asks for the resource where none can be debugged", async (editor, { workspace }) => {
    assert.deepEqual((await launch(editor, workspace)).map(({ resource }) => resource), ["${command:pickResource}"]);
  }],

  ["Towline: Down ends it", async (editor) => {
    await editor.palette("Towline: Down");
    await editor.until("is down", /not up/, { timeout: 60_000 });
  }],
];

/** Has the editor write a launch.json, returns its configurations and takes the file away again. */
export async function launch(editor, workspace) {
  const file = join(workspace, ".vscode", "launch.json");
  await editor.palette("Debug: Add Configuration...");
  const text = await until("launch.json is written", () => readFileSync(file, "utf8"));
  await editor.tab("launch.json").waitFor();
  await editor.shot("launch");
  rmSync(join(workspace, ".vscode"), { recursive: true });
  return JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, "")).configurations;
}
