// The whole story on a real cluster: up, save to running, a breakpoint in a
// pod, down.
import { execFileSync } from "node:child_process";
import { strict as assert } from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { freePort, until } from "./editor.mjs";
import { launch } from "./local.mjs";

export const name = "shop";

/** Why the story cannot be told here; undefined when it can. */
export function skip() {
  return process.env.TOWLINE_TEST_KUBECONFIG ? undefined : "TOWLINE_TEST_KUBECONFIG names no kubeconfig of a cluster";
}

/** Makes a namespace of its own and chooses a free port for the forward. */
export async function prepare(context) {
  context.namespace = `towline-vscode-${process.pid}`;
  context.port = await freePort();
  context.ports = { prices: await freePort(), stock: await freePort() };
  kubectl("create", "namespace", context.namespace);
  const current = kubectl("config", "current-context").trim();
  return {
    own: { "towline.namespace": context.namespace, "[plaintext]": { "editor.quickSuggestions": { other: "off" }, "editor.wordBasedSuggestions": "off" } },
    env: {
      GOCACHE: execFileSync("go", ["env", "GOCACHE"], { encoding: "utf8" }).trim(), // the caches' folder is another
      KUBECONFIG: process.env.TOWLINE_TEST_KUBECONFIG,
      SHOP_CONTEXT: current,
      SHOP_REGISTRY: process.env.TOWLINE_TEST_REGISTRY ?? "127.0.0.1:5000",
      SHOP_PORT: String(context.port),
      PRICES_PORT: String(context.ports.prices),
      STOCK_PORT: String(context.ports.stock),
    },
  };
}

export async function finish({ namespace }) {
  kubectl("delete", "namespace", namespace, "--wait=false");
}

export const cases = [
  ["Towline: Up brings the project up", async (editor, context) => {
    await editor.open("Tiltfile");
    await editor.palette("Towline: Up");
    await editor.shot("up-began");
    await editor.until("is ready", /Ready|pass-filled/i, { timeout: 120_000 });
    await until("the pod answers", async () => (await get(context, "Ada")) === "Hello, Ada!", { timeout: 20_000 });
    context.pod = pod(context);
    await editor.hover(editor.statusItem, "in sync");
    await editor.shot("up");
    await editor.page.mouse.move(640, 300);
  }],

  ["a saved file runs in the same pod", async (editor, context) => {
    await editor.open("greeting.txt");
    await editor.replaceAll("Good morning");
    const began = Date.now();
    await editor.page.keyboard.press("Control+S");
    await until("the pod serves the change", async () => (await get(context, "Ada")) === "Good morning, Ada!", { every: 2 });
    const took = Date.now() - began;
    assert.equal(pod(context).uid, context.pod.uid, "the pod was replaced");
    assert.equal(pod(context).restarts, 0, "the container was restarted");
    await editor.shot("saved");
    return `key pressed to new content ${took} ms`;
  }],

  ["F5 stops at a breakpoint in the pod, with the values of the variables", async (editor, context) => {
    await editor.open("main.go", ":25:1");
    const breakpoint = editor.page.locator(".codicon-debug-breakpoint").first();
    await editor.press("F9", "there is a breakpoint", () => breakpoint.isVisible());
    await editor.page.keyboard.press("F5"); // the file in front says which resource
    await editor.page.locator(".debug-toolbar").waitFor({ timeout: 60_000 });
    await editor.page.locator(".codicon-debug-breakpoint:not(.codicon-debug-breakpoint-unverified)").first().waitFor();
    await stopsAt(editor, context, "Bob");
    await editor.shot("breakpoint");
  }],

  ["stepping goes to the next line, and continuing lets the answer through", async (editor, context) => {
    await editor.page.keyboard.press("F10");
    await editor.value("answer", /"Good morning, Bob!"/);
    await editor.shot("stepped");
    await editor.page.keyboard.press("F5");
    assert.equal(await context.answer, "Good morning, Bob!");
  }],

  ["the session outlives the process: a save replaces it, and the breakpoint hits again", async (editor, context) => {
    await editor.open("main.go", ":25:32");
    await editor.type("dear ");
    await editor.save();
    await until("the new process stops at the breakpoint", async () => {
      context.answer = get(context, "Cy").catch(() => ""); // between two processes nothing answers
      const stopped = editor.stackframe.waitFor().then(() => true, () => false);
      if (!await Promise.race([stopped, context.answer.then(() => false)])) return false;
      await editor.value("name", /"Cy"/);
      await continues(editor, context);
      return (await context.answer) === "Good morning, dear Cy!";
    }, { timeout: 90_000, every: 200 });
    assert.equal(pod(context).uid, context.pod.uid, "the pod was replaced");
    assert.equal(pod(context).restarts, 0, "the container was restarted");
  }],

  ["disconnecting leaves the process running", async (editor, context) => {
    await editor.page.keyboard.press("Shift+F5");
    await editor.page.locator(".debug-toolbar").waitFor({ state: "hidden" });
    await until("the pod answers", async () => (await get(context, "Di")) === "Good morning, dear Di!");
  }],

  ...day("Python", "prices", "app.py", { line: 8, column: 17, variable: "cents" }),

  // Of JavaScript the editor has a debugger of its own, and asks which one is meant.
  ...day("JavaScript", "stock", "app.js", { line: 6, column: 21, variable: "pieces", chosen: true }),

  ["a mistake in the Tiltfile is shown, and what runs stays", async (editor, context) => {
    const file = join(context.workspace, "Tiltfile");
    const before = readFileSync(file, "utf8");
    await editor.open("Tiltfile", ":1:1");
    await editor.type("def x(\n");
    await editor.save();
    await editor.page.locator(".squiggly-error").first().waitFor();
    await until("the item alarms", () => editor.statusItem.evaluate((item) => item.classList.contains("error-kind")));
    await editor.shot("broken-tiltfile");
    assert.equal(await get(context, "Ed"), "Good morning, dear Ed!");
    writeFileSync(file, before);
    await editor.page.locator(".squiggly-error").first().waitFor({ state: "detached" });
    await until("the item is content", () => editor.statusItem.evaluate((item) => !item.classList.contains("error-kind")));
  }],

  ["the log of a resource is shown", async (editor) => {
    await editor.palette("Towline: Show Logs");
    await editor.pick("api");
    await editor.page.locator(".terminal-wrapper.active .xterm-rows").filter({ hasText: "dear" }).waitFor();
    await editor.shot("logs");
  }],

  ["a new launch.json names the resources", async (editor, { workspace }) => {
    const configurations = (await launch(editor, workspace)).map(({ type, request, resource }) => `${type} ${request} ${resource}`);
    assert.deepEqual(configurations.sort(), ["api", "prices", "stock"].map((resource) => `towline attach ${resource}`));
  }],

  ["Towline: Down leaves nothing behind", async (editor, context) => {
    await editor.palette("Towline: Down");
    await editor.until("is down", /not up/, { timeout: 60_000 });
    await until("the namespace is empty", () => kubectl("get", "deployments,replicasets,pods,services,configmaps,secrets", "-n", context.namespace, "-o", "name")
      .split("\n").filter((line) => line !== "" && line !== "configmap/kube-root-ca.crt").length === 0, { timeout: 60_000, every: 500 });
    await editor.shot("down");
  }],
];

/**
 * A day with a service in a language without a compiler: F5 on its file, without a
 * launch.json, stops at a breakpoint that was clicked into the gutter, and stops
 * again in what is then saved.
 */
function day(language, service, file, { line, column, variable, chosen }) {
  const ask = async (context, who) => {
    const answer = await fetch(`http://127.0.0.1:${context.ports[service]}/?name=${who}`, { signal: AbortSignal.timeout(60_000) });
    return await answer.text();
  };
  /** Asks until the program has stopped and answered as it should: the one before may still run. */
  const stops = (editor, context, who, want) => until(`the program stops, and answers ${want}`, async () => {
    context.answer = ask(context, who).catch(() => ""); // between two processes nothing answers
    const stopped = editor.stackframe.waitFor().then(() => true, () => false);
    if (!await Promise.race([stopped, context.answer.then(() => false)])) return false;
    await editor.value(variable, new RegExp(String(7 * who.length)));
    await continues(editor, context);
    return (await context.answer) === want;
  }, { timeout: 90_000, every: 200 });
  return [
    [`${language}: F5 without a launch.json stops at a breakpoint of the gutter`, async (editor, context) => {
      await editor.open(`${service}/src/${file}`, `:${line}:1`);
      await editor.gutter(line);
      await editor.page.keyboard.press("F5");
      if (chosen) await editor.pick("Towline");
      await editor.page.locator(".debug-toolbar").waitFor({ timeout: 60_000 });
      await editor.page.locator(".editor-instance .codicon-debug-breakpoint:not(.codicon-debug-breakpoint-unverified)").first().waitFor();
      await stops(editor, context, "Tea", `the ${service === "prices" ? "price" : "stock"} of Tea is 21`);
      await editor.shot(`debug-${service}`);
    }],
    [`${language}: what is saved meanwhile runs, and stops there again`, async (editor, context) => {
      await editor.goTo(`:${line - 1}:${column}`);
      await editor.focused();
      await editor.type("new ");
      await editor.save();
      await stops(editor, context, "Coffee", `the new ${service === "prices" ? "price" : "stock"} of Coffee is 42`);
      await editor.page.keyboard.press("Shift+F5");
      await editor.page.locator(".debug-toolbar").waitFor({ state: "hidden" });
      assert.match(await ask(context, "Milk"), /^the new .* of Milk is 28$/);
    }],
  ];
}

/** Asks for the breakpoint's line until the process stands there: a request that is quicker than the breakpoint is answered. */
async function stopsAt(editor, context, who) {
  await until(`the process stops for ${who}`, () => {
    context.answer = get(context, who);
    const stopped = editor.stackframe.waitFor().then(() => true, () => false);
    return Promise.race([stopped, context.answer.then(() => false, () => false)]);
  }, { every: 200 });
  await editor.value("name", new RegExp(`"${who}"`));
}

/** Continues until the answer comes: a frame that is shown may be the last of a process that is gone, which no key moves. */
async function continues(editor, context) {
  let answered = false;
  context.answer.finally(() => { answered = true; });
  await until("the answer comes", async () => {
    if (!answered && await editor.stackframe.isVisible()) await editor.page.keyboard.press("F5");
    return answered;
  }, { every: 500 });
}

async function get({ port }, who) {
  const answer = await fetch(`http://127.0.0.1:${port}/?name=${who}`, { signal: AbortSignal.timeout(60_000) });
  return (await answer.text()).trim();
}

/** The one pod of the api: its uid, and how often its container was started anew. */
function pod({ namespace }) {
  const { items } = JSON.parse(kubectl("get", "pods", "-n", namespace, "-l", "app=api", "-o", "json"));
  const running = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  assert.equal(running.length, 1, "one pod is expected");
  return { uid: running[0].metadata.uid, restarts: running[0].status.containerStatuses[0].restartCount };
}

function kubectl(...args) {
  const [program, ...before] = (process.env.TOWLINE_E2E_KUBECTL ?? "kubectl").split(" ");
  return execFileSync(program, [...before, "--kubeconfig", process.env.TOWLINE_TEST_KUBECONFIG, ...args], { encoding: "utf8" });
}
