import * as vscode from "vscode";
import { State } from "vscode-languageclient/node";

import { byUrgency, describe, iconOf } from "./look";
import type { Problem, StatusParams } from "./protocol";
import type { Session } from "./session";

type Alarm = "error" | "warning" | undefined;

/** The item of the status bar: how the project stands, with the resources as its tooltip. */
export class StatusItem implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem("towline.status", vscode.StatusBarAlignment.Left, 10);
  readonly #subscription: vscode.Disposable;

  constructor(session: Session) {
    this.#item.name = "Towline";
    this.#subscription = session.onDidChange(() => { this.#show(session); });
    this.#show(session);
    this.#item.show();
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#item.dispose();
  }

  #show(session: Session): void {
    const item = this.#item;
    item.command = "towline.status";
    if (session.state === State.Running) {
      this.#showProject(session.projects.toSorted((a, b) => rank(a) - rank(b))[0]);
    } else if (session.state === State.Starting) {
      this.#paint("sync~spin", "");
      item.tooltip = "Towline's language server starts.";
    } else {
      this.#paint("warning", "", "warning");
      item.tooltip = "Towline's language server does not run. Click to start it.";
      item.command = "towline.restartServer";
    }
  }

  #showProject(project: StatusParams | undefined): void {
    const status = project?.status;
    if (project === undefined || status?.up !== true) {
      const broken = project !== undefined && problemsOf(project).length > 0;
      this.#paint(broken ? "warning" : "circle-large-outline", "", broken ? "warning" : undefined);
      this.#item.tooltip = broken ? tooltipOf(project) : "The project is not up. Click for what can be done.";
      return;
    }
    const failed = status.state === "error" || status.state === "crashed" || problemsOf(project).length > 0;
    const urgent = (status.resources ?? []).toSorted(byUrgency)[0];
    const name = urgent === undefined || urgent.state === "ready" || urgent.state === "done" ? "" : urgent.name;
    this.#paint(iconOf(failed ? "error" : status.state), name, failed ? "error" : undefined);
    this.#item.tooltip = tooltipOf(project);
  }

  #paint(icon: string, name: string, alarm?: Alarm): void {
    const text = name === "" ? "Towline" : `Towline: ${name}`;
    this.#item.text = `$(${icon}) ${text}`;
    this.#item.backgroundColor = alarm && new vscode.ThemeColor(`statusBarItem.${alarm}Background`);
  }
}

/** The lowest is shown: a failed project, then one that is up. */
function rank({ status }: StatusParams): number {
  if (status?.state === "error" || status?.state === "crashed") return 0;
  return status?.up === true ? 1 : 2;
}

function problemsOf({ status, problem }: StatusParams): Problem[] {
  const own = problem === undefined ? undefined : { message: problem, pos: {} };
  return [own, status?.config.error, status?.cluster.problem].filter((candidate) => candidate !== undefined);
}

function tooltipOf(project: StatusParams): vscode.MarkdownString {
  const text = new vscode.MarkdownString(undefined, true);
  const cluster = project.status?.cluster;
  text.appendMarkdown(`**Towline**${cluster?.context ? ` &nbsp; ${escape(cluster.context)} / ${escape(cluster.namespace)}` : ""}\n\n`);
  for (const { message, hint } of problemsOf(project)) {
    text.appendMarkdown(`$(error) ${escape(message)}\n\n${hint === undefined ? "" : `${escape(hint)}\n\n`}`);
  }
  for (const { message, hint } of [project.status?.daemon.unwritten, project.status?.daemon.unwatched].filter((candidate) => candidate !== undefined)) {
    text.appendMarkdown(`$(warning) ${escape(message)}\n\n${hint === undefined ? "" : `${escape(hint)}\n\n`}`);
  }
  for (const ask of project.status?.asks ?? []) text.appendMarkdown(`$(question) ${escape(ask.text)}\n\n`);
  const resources = (project.status?.resources ?? []).toSorted(byUrgency);
  if (resources.length === 0) return text;
  const rows = resources.map((resource) => `| $(${iconOf(resource.state)}) ${escape(resource.name)} &nbsp; | ${escape(describe(resource))} |\n`);
  return text.appendMarkdown(`| | |\n|:--|:--|\n${rows.join("")}`);
}

/** Text that Markdown shows as it is, on one line. */
function escape(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]()#+!|<>~$&]/g, "\\$&").replaceAll(/\s+/g, " ").trim();
}
