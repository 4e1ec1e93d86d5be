// The real VS Code: code-server with the extension installed, seen through a
// browser as a user sees it.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { basename, join } from "node:path";

const modules = process.env.TOWLINE_E2E_MODULES;
const { chromium } = createRequire(join(modules, "/"))("playwright-core");

const settings = {
  "workbench.startupEditor": "none",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "chat.disableAIFeatures": true,
  "extensions.ignoreRecommendations": true,
  "files.autoSave": "off",
  "git.enabled": false,
  "remote.autoForwardPorts": false,
  "editor.minimap.enabled": false,
  "terminal.integrated.gpuAcceleration": "off",
};

/** One server with one workspace, and one page that shows it. */
export class Editor {
  #server;
  #browser;

  /** Starts everything below the folder: `vsix` installed, `workspace` open. */
  static async start(options) {
    const editor = new Editor();
    try {
      await editor.#begin(options);
    } catch (err) {
      await editor.stop(); // whoever never gets it cannot
      throw err;
    }
    return editor;
  }

  async #begin({ folder, vsix, workspace, shots, own = {}, env = {}, trusted = true }) {
    const editor = this;
    editor.shots = shots;
    mkdirSync(shots, { recursive: true });
    const data = join(folder, "code");
    mkdirSync(join(data, "User"), { recursive: true });
    writeFileSync(join(data, "User", "settings.json"), JSON.stringify({ ...settings, ...own }, null, 2));
    const xdg = {};
    for (const name of ["CONFIG", "DATA", "CACHE", "STATE"]) xdg[`XDG_${name}_HOME`] = join(folder, name.toLowerCase());
    const options = { env: { ...process.env, ...xdg, XDG_RUNTIME_DIR: folder, EXTENSIONS_GALLERY: '{"serviceUrl":"http://127.0.0.1:9/none"}', ...env } };
    editor.env = options.env;

    const entry = join(modules, "code-server", "out", "node", "entry.js");
    editor.extensions = join(folder, "extensions");
    const common = [entry, "--user-data-dir", data, "--extensions-dir", editor.extensions];
    const installed = spawnSync(process.execPath, [...common, "--install-extension", vsix], { ...options, encoding: "utf8" });
    if (installed.status !== 0) throw new Error(`installing ${vsix}: ${installed.stdout}${installed.stderr}`);

    const port = await freePort();
    editor.log = join(folder, "code-server.log");
    const log = openSync(editor.log, "w");
    editor.#server = spawn(process.execPath, [...common, "--bind-addr", `127.0.0.1:${port}`, "--auth", "none",
      "--disable-telemetry", "--disable-update-check", ...(trusted ? ["--disable-workspace-trust"] : []), "--disable-getting-started-override",
      "--ignore-last-opened", "--reconnection-grace-time", "5", workspace], { ...options, stdio: ["ignore", log, log], detached: true });
    const url = `http://127.0.0.1:${port}/?folder=${workspace}`;
    await until("the server answers", () => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false));

    editor.#browser = await chromium.launch({ executablePath: process.env.TOWLINE_E2E_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
    editor.page = await editor.#browser.newPage({ viewport: { width: 1280, height: 800 } });
    editor.page.setDefaultTimeout(30_000);
    // The first page of a new server took 94 s on a machine that did much else; what counts is what is seen at the end.
    await editor.page.goto(url, { waitUntil: "commit", timeout: 120_000 });
    await editor.page.locator(".monaco-workbench").waitFor({ timeout: 120_000 });
    await editor.statusItem.waitFor({ timeout: 120_000 });
  }

  /** Ends the browser and the server with all its children. */
  async stop() {
    await this.#browser?.close();
    const server = this.#server;
    if (!server) return; // it never began
    const ended = new Promise((resolve) => { server.once("exit", resolve); });
    signal(server.pid, "SIGTERM");
    const timer = setTimeout(() => { signal(server.pid, "SIGKILL"); }, 8_000);
    await ended;
    clearTimeout(timer);
    signal(server.pid, "SIGKILL"); // what is left of its group
    for (const { pid } of this.programs()) process.kill(pid, "SIGKILL"); // daemons have groups of their own
  }

  /** The extension's programs that run: pid, name and first argument of each. */
  programs() {
    return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).flatMap((entry) => {
      try {
        const [program, command] = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
        return program.startsWith(this.extensions) ? [{ pid: Number(entry), program: basename(program), command }] : [];
      } catch { return []; } // it ended meanwhile
    });
  }

  /** Saves a picture of the page. */
  async shot(name) {
    await this.page.screenshot({ path: join(this.shots, `${name.replaceAll(/[^\w.-]+/g, "-")}.png`) });
  }

  /** Runs a command by its title, or opens the palette with a text in it. */
  async palette(text, { choose = true } = {}) {
    await this.quickInput("F1", `>${text}`);
    const row = this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: text }).first();
    await row.waitFor();
    if (choose) await row.click();
  }

  /** Opens a quick input by its key, and fills it. A key that comes while the page has no focus is lost, and comes again. */
  async quickInput(key, text) {
    const input = this.page.locator(".quick-input-widget input");
    await until(`${key} opens an input, which takes "${text}"`, async () => {
      if (!await input.isVisible()) {
        await this.page.keyboard.press(key);
        await input.waitFor({ timeout: 3_000 }).catch(() => undefined);
      }
      // One that was about to close takes nothing, or goes with what it took.
      return await input.fill(text, { timeout: 3_000 }).then(() => input.isVisible(), () => false);
    }, { timeout: 60_000 });
  }

  /** Presses a key until it is seen to have had its effect. The effect is looked for before each press, so that a slow one is not undone. */
  async press(key, what, seen) {
    let next = 0;
    await until(what, async () => {
      if (await seen()) return true;
      if (Date.now() < next) return false;
      await this.page.keyboard.press(key);
      next = Date.now() + 5_000;
      return await seen();
    }, { timeout: 60_000 });
  }

  /** Waits until keys go to the open file: a quick input that closes gives the focus back a little later. */
  async focused() {
    const here = this.page.locator(".editor-group-container .monaco-editor.focused").first();
    await until("the open file has the focus", async () => {
      if (await here.isVisible()) return true;
      await this.page.keyboard.press("Control+1"); // a click would move the cursor
      return false;
    }, { every: 500 });
  }

  /** Opens a file of the workspace; `place` is ":LINE" or ":LINE:COLUMN". */
  async open(file, place = "") {
    await this.quickInput("Control+P", file);
    const name = file.split("/").pop();
    const label = this.page.locator(".label-name").filter({ hasText: new RegExp(`^${name.replaceAll(".", "\\.")}$`) });
    await this.page.locator(".quick-input-list .monaco-list-row").filter({ has: label }).first().click();
    await this.tab(name).waitFor();
    if (place !== "") await this.goTo(place);
    await this.focused();
  }

  /** Clicks left of a line's number, where it is in sight, until there is a breakpoint. */
  async gutter(line) {
    const number = this.page.locator(".margin-view-overlays .line-numbers").filter({ hasText: new RegExp(`^${line}$`) }).first();
    const breakpoint = this.page.locator(".editor-instance .codicon-debug-breakpoint").first();
    let next = 0;
    await until(`there is a breakpoint in line ${line}`, async () => {
      if (await breakpoint.isVisible()) return true;
      if (Date.now() < next) return false;
      const { y, height } = await number.boundingBox();
      const margin = await this.page.locator(".editor-instance .margin").first().boundingBox();
      await this.page.mouse.click(margin.x + 8, y + height / 2);
      next = Date.now() + 5_000;
      return false;
    });
  }

  async goTo(place) {
    await this.quickInput("Control+G", place);
    const widget = this.page.locator(".quick-input-widget");
    const input = widget.locator("input");
    // The key is lost when it comes before the list is there.
    await until(`the editor went to ${place}`, async () => {
      if (!await widget.isVisible()) return true;
      await input.press("Enter", { timeout: 1_000 }).catch(() => undefined);
      return widget.waitFor({ state: "hidden", timeout: 1_000 }).then(() => true, () => false);
    });
  }

  /** Types at the cursor, without the editor's own completion in between. */
  async type(text) { await this.page.keyboard.type(text, { delay: 15 }); }

  /** Saves what was typed. The tab says so a little after the key: it has to be seen unsaved first. */
  async save() {
    await this.page.locator(".tab.active.dirty").waitFor();
    const saved = this.page.locator(".tab.active:not(.dirty)");
    await this.press("Control+S", "the file is saved", () => saved.isVisible());
  }

  /** Drops what was typed and not saved. */
  async revert() {
    await this.palette("File: Revert File");
    await this.page.locator(".tab.active:not(.dirty)").waitFor();
  }

  /** Leaves whatever a failed case left open. */
  async reset() {
    for (let i = 0; i < 3; i++) await this.page.keyboard.press("Escape");
  }

  /** The language that the status bar names. */
  async mode() { return await this.page.locator('.statusbar-item[id="status.editor.mode"]').textContent(); }

  /** Puts a text in place of all that the open file holds. */
  async replaceAll(text) {
    await this.page.locator(".monaco-editor .view-lines").first().click();
    await this.page.keyboard.press("Control+A");
    await this.type(text);
  }

  /** Waits until the status item's label, its tooltip included, matches. */
  async until(what, pattern, options) {
    await until(`the status item ${what}`, async () => pattern.test(await this.statusItem.getAttribute("aria-label")), options);
  }

  /** Where the debugged program stands. */
  get stackframe() { return this.page.locator(".codicon-debug-stackframe").first(); }

  /** Waits for a variable with a value in the variables view. */
  async value(name, pattern) {
    const rows = this.page.locator(".debug-variables .monaco-list-row");
    const wanted = rows.filter({ hasText: name }).filter({ hasText: pattern }).first();
    const closed = this.page.locator('.debug-variables .monaco-list-row[aria-expanded="false"]').filter({ hasText: "Locals" }).first();
    await until(`${name} is ${pattern}`, async () => {
      if (await wanted.isVisible()) return true;
      if (await closed.isVisible()) await closed.click({ timeout: 1_000 });
      return false;
    }, { every: 300 });
  }

  /** Chooses a row of the open quick pick. */
  async pick(text) {
    await this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: text }).first().click();
  }

  tab(name) { return this.page.locator(`.tab.active[data-resource-name="${name}"]`); }

  /** The extension's item in the status bar. */
  get statusItem() { return this.page.locator('.statusbar-item[id="towline-dev.towline.towline.status"]'); }

  /** Waits until the language server runs, as the status item tells. */
  async serverRuns() { await this.until("tells of a running server", /^(?!.*(starts|does not run))/s); }

  /**
   * Hovers over a place until a hover shows a text. The browser drops the
   * mouse's move while it lays the page out, so the mouse comes again.
   */
  async hover(place, text) {
    const hover = this.page.locator(".monaco-hover:not(.hidden)").filter({ hasText: text }).first();
    await until(`a hover shows ${text}`, async () => {
      await this.page.mouse.move(1, 1);
      await place.hover({ timeout: 2_000 });
      return hover.waitFor({ timeout: 5_000 }).then(() => true, () => false);
    }, { timeout: 60_000 });
  }

  /** Types at the cursor and waits for a suggestion, asking for it when none comes by itself. */
  async complete(text, suggestion) {
    await this.type(text);
    const row = this.page.locator(".suggest-widget.visible .monaco-list-row").filter({ hasText: suggestion }).first();
    await until(`${suggestion} is suggested`, async () => {
      if (await row.waitFor({ timeout: 5_000 }).then(() => true, () => false)) return true;
      await this.page.keyboard.press("Control+Space");
      return false;
    }, { timeout: 60_000 });
  }

  /** The lens above a resource that says a text of its state. */
  lens(text) { return this.page.locator(".codelens-decoration").filter({ hasText: text }).first(); }

  /** The first line that the editor shows with a text in it. */
  line(text) { return this.page.locator(".monaco-editor .view-line").filter({ hasText: text }).first(); }
}

/** Waits until a condition holds; says what was awaited when it does not. */
export async function until(what, condition, { timeout = 30_000, every = 50 } = {}) {
  const end = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = value;
    } catch (error) { last = error; }
    if (Date.now() > end) throw new Error(`waited ${timeout / 1000} s in vain until ${what}${last ? ` (${last})` : ""}`);
    await new Promise((resolve) => { setTimeout(resolve, every); });
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => { resolve(port); });
    });
  });
}

function signal(group, name) {
  try { process.kill(-group, name); } catch { /* it ended by itself */ }
}
