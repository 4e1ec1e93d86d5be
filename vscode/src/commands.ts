import { basename } from "node:path";
import * as vscode from "vscode";
import { ResponseError } from "vscode-languageclient/node";

import { pressButton } from "./button";
import { debugResource } from "./debug";
import { type Choice, goTo, pickResource, showStatus } from "./picks";
import type { CommandArguments, Position, Problem } from "./protocol";
import type { Session } from "./session";
import { upArguments } from "./settings";

type Run = (argument: CommandArguments) => Promise<unknown>;

/** Registers what package.json contributes under "commands". */
export function registerCommands(session: Session): vscode.Disposable[] {
  const send = (command: string): Run => (argument) => session.execute(command, argument);
  const placed = (command: string): Run => (argument) => send(command)({ ...upArguments(fileOf(argument)), ...argument });
  const own: Record<string, Run> = {
    "towline.up": placed("towline.up"),
    "towline.down": placed("towline.down"),
    "towline.allow": send("towline.allow"),
    "towline.trigger": withResource(session, "Trigger an update of", send("towline.trigger")),
    "towline.button": (argument) => pressButton(session, argument),
    "towline.restart": withResource(session, "Restart the process of", send("towline.restart")),
    "towline.debug": withResource(session, "Debug", (argument) => debugResource(session, argument), { debuggable: true }),
    "towline.logs": withResource(session, "Show the logs of", (argument) => showLogs(session, argument), { all: true }),
    "towline.status": () => showStatus(session),
    "towline.restartDaemon": send("towline.restartDaemon"),
    "towline.restartServer": () => session.restart(),
  };
  return [
    ...Object.entries(own).map(([id, run]) => vscode.commands.registerCommand(id, (argument: unknown) => report(session, run(argumentsOf(argument))))),
    vscode.commands.registerCommand("towline.pickResource", async () => (await pickResource(session, "Debug", { debuggable: true }))?.resource),
  ];
}

/** Asks which resource is meant unless the argument says so. */
function withResource(session: Session, title: string, run: Run, choice: Choice = {}): Run {
  return async (argument) => {
    const chosen = argument.resource === undefined ? await pickResource(session, title, choice) : argument;
    if (chosen) await run(chosen);
  };
}

/** Shows why a command failed, in the server's words, and leads to the place. */
async function report(session: Session, command: Promise<unknown>): Promise<void> {
  try {
    await command;
  } catch (error) {
    const { message, pos } = problemOf(error);
    const open = pos?.file === undefined ? undefined : `Open ${basename(pos.file)}${pos.line === undefined ? "" : `:${pos.line}`}`;
    const choice = await vscode.window.showErrorMessage(`Towline: ${message}`, ...(open === undefined ? ["Show Log"] : [open, "Show Log"]));
    if (choice === "Show Log") session.showLog();
    else if (choice !== undefined && pos !== undefined) await goTo(pos);
  }
}

/** The server sends a problem's parts beside its text. */
function problemOf(error: unknown): { message: string; pos?: Position } {
  if (error instanceof ResponseError) {
    const problem = error.data as Problem | undefined;
    if (problem?.message !== undefined) return { message: sentence(problem), pos: problem.pos };
  }
  return { message: error instanceof Error ? error.message : String(error) };
}

function sentence({ message, hint }: Problem): string {
  const first = message.split("\n", 1)[0] ?? message;
  return hint === undefined ? first : `${first}. ${hint.charAt(0).toUpperCase()}${hint.slice(1)}`;
}

/** The palette passes nothing, a menu the file, a code lens what the server put there. Without a file, that of the active editor is meant. */
function argumentsOf(argument: unknown): CommandArguments {
  const active = vscode.window.activeTextEditor?.document.uri;
  const here = active?.scheme === "file" ? { uri: active.toString() } : {};
  if (typeof argument === "string") return { ...here, resource: argument };
  if (argument instanceof vscode.Uri) return { uri: argument.toString() };
  return typeof argument === "object" && argument !== null ? { ...here, ...argument } : here;
}

function fileOf({ uri }: CommandArguments): vscode.Uri | undefined {
  return uri === undefined ? undefined : vscode.Uri.parse(uri);
}

/** Follows a resource's log, or that of all, in a terminal. */
function showLogs(session: Session, { resource, uri }: CommandArguments): Promise<void> {
  // What differs comes first: a tab is narrow.
  const project = session.projects.length > 1 && uri !== undefined ? session.projectOf(vscode.Uri.parse(uri)) : undefined;
  const of = project === undefined ? "" : ` in ${basename(project.folder)}`;
  const name = `${resource === undefined || resource === "" ? "all" : resource}${of}: logs`;
  const folder = uri === undefined ? session.projects.find(({ status }) => status?.up)?.folder : session.projectOf(vscode.Uri.parse(uri))?.folder;
  const open = vscode.window.terminals.find((terminal) => terminal.name === name && terminal.exitStatus === undefined);
  const terminal = open ?? vscode.window.createTerminal({
    name,
    shellPath: session.program,
    shellArgs: ["logs", "-f", "--reconnect", "--tail", "5000", ...(resource ? [resource] : [])],
    iconPath: new vscode.ThemeIcon("output"),
    isTransient: true,
    ...(folder !== undefined && { cwd: vscode.Uri.file(folder) }),
  });
  terminal.show(true);
  return Promise.resolve();
}
