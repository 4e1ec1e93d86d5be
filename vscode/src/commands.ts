import * as vscode from "vscode";

import { debugResource } from "./debug";
import { type Choice, pickResource, showStatus } from "./picks";
import type { CommandArguments } from "./protocol";
import type { Session } from "./session";
import { upArguments } from "./settings";

type Run = (argument: CommandArguments) => Promise<unknown>;

/** Registers what package.json contributes under "commands". */
export function registerCommands(session: Session): vscode.Disposable[] {
  const send = (command: string): Run => (argument) => session.execute(command, argument);
  const own: Record<string, Run> = {
    "towline.up": (argument) => session.execute("towline.up", { ...upArguments(), ...argument }),
    "towline.down": (argument) => session.execute("towline.down", { ...upArguments(), ...argument }),
    "towline.trigger": withResource(session, "Trigger an update of", send("towline.trigger")),
    "towline.restart": withResource(session, "Restart the process of", send("towline.restart")),
    "towline.debug": withResource(session, "Debug", (argument) => debugResource(session, argument)),
    "towline.logs": withResource(session, "Show the logs of", (argument) => showLogs(session, argument), { all: true }),
    "towline.status": () => showStatus(session),
    "towline.restartServer": () => session.restart(),
  };
  return Object.entries(own).map(([id, run]) => vscode.commands.registerCommand(id, (argument: unknown) => report(session, run(argumentsOf(argument)))));
}

/** Asks which resource is meant unless the argument says so. */
function withResource(session: Session, title: string, run: Run, choice: Choice = {}): Run {
  return async (argument) => {
    const chosen = argument.resource === undefined ? await pickResource(session, title, choice) : argument;
    if (chosen) await run(chosen);
  };
}

/** Shows why a command failed, in the server's words. */
async function report(session: Session, command: Promise<unknown>): Promise<void> {
  try {
    await command;
  } catch (error) {
    const choice = await vscode.window.showErrorMessage(`Towline: ${error instanceof Error ? error.message : String(error)}`, "Show Log");
    if (choice !== undefined) session.showLog();
  }
}

/** The palette passes nothing, a menu the file, a code lens what the server put there. */
function argumentsOf(argument: unknown): CommandArguments {
  if (typeof argument === "string") return { resource: argument };
  if (argument instanceof vscode.Uri) return { uri: argument.toString() };
  return typeof argument === "object" && argument !== null ? argument : {};
}

/** Follows a resource's log, or that of all, in a terminal. */
function showLogs(session: Session, { resource, uri }: CommandArguments): Promise<void> {
  const name = resource === undefined || resource === "" ? "Towline logs" : `Towline logs: ${resource}`;
  const open = vscode.window.terminals.find((terminal) => terminal.name === name && terminal.exitStatus === undefined);
  const terminal = open ?? vscode.window.createTerminal({
    name,
    shellPath: session.program,
    shellArgs: ["logs", "-f", ...(resource ? [resource] : [])],
    iconPath: new vscode.ThemeIcon("output"),
    isTransient: true,
    ...(uri && { cwd: vscode.Uri.parse(uri) }),
  });
  terminal.show(true);
  return Promise.resolve();
}
