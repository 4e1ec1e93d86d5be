import * as vscode from "vscode";

import { buttonsOf } from "./button";
import { byUrgency, describe, iconOf } from "./look";
import type { CommandArguments, Position } from "./protocol";
import type { Named, Session } from "./session";

/** What may be chosen besides the resources themselves. */
export interface Choice {
  /** Offer "all", whose name is the empty string. */
  all?: boolean;
  /** Offer those alone that a debugger can attach to. */
  debuggable?: boolean;
}

/** Whether a debugger can attach to a resource: a local command has no container. */
export function isDebuggable({ resource }: Named): boolean {
  return (resource.targets ?? []).length > 0 && resource.no_debug === undefined;
}

interface Item extends vscode.QuickPickItem {
  run?: () => Thenable<unknown>;
  argument?: CommandArguments;
}

/** Asks for a resource. While nothing is up, it offers to bring the project up. */
export async function pickResource(session: Session, title: string, choice: Choice = {}): Promise<CommandArguments | undefined> {
  const items = resourceItems(session, choice.debuggable === true ? session.resources.filter(isDebuggable) : session.resources);
  if (!session.projects.some(({ status }) => status?.up)) {
    const up = "Towline: Up";
    const answer = await vscode.window.showInformationMessage("Nothing is up in this workspace yet.", up);
    if (answer === up) void vscode.commands.executeCommand("towline.up");
    return undefined;
  }
  if (choice.all === true) items.unshift({ label: "$(list-flat) All resources", argument: { resource: "" } });
  const item = await vscode.window.showQuickPick(items, { title: `Towline: ${title}…`, placeHolder: "Resource", matchOnDescription: true });
  return item?.argument;
}

/** Shows every resource and what can be done with the project. */
export async function showStatus(session: Session): Promise<void> {
  const resources = resourceItems(session, session.resources);
  const asks = session.projects.flatMap(({ folder, status }) => (status?.asks ?? []).map(({ text }): Item => (
    { label: `$(question) ${text}`, run: () => session.execute("towline.answer", { uri: vscode.Uri.file(folder).toString() }) })));
  const items: Item[] = [
    ...(asks.length > 0 ? [separator("questions"), ...asks] : []),
    ...(resources.length > 0 ? [separator("resources"), ...resources] : []),
    separator("project"),
    command("$(play) Up", "towline.up"),
    command("$(debug-stop) Down", "towline.down"),
    command("$(output) Show Logs", "towline.logs"),
    command("$(debug-restart) Restart Daemon", "towline.restartDaemon"),
    command("$(server-process) Restart Server", "towline.restartServer"),
  ];
  const item = await vscode.window.showQuickPick(items, { title: "Towline", placeHolder: "A resource or an action", matchOnDescription: true });
  await item?.run?.();
}

async function showActions(session: Session, named: Named, argument: CommandArguments): Promise<void> {
  const { resource } = named;
  const links = [...(resource.forwards ?? []), ...(resource.links ?? [])].map(({ url }) => url);
  const items: Item[] = [
    ...(isDebuggable(named) ? [command("$(debug-alt) Debug", "towline.debug", argument)] : []),
    command("$(debug-restart) Restart the Process", "towline.restart", argument),
    command("$(refresh) Trigger a Full Update", "towline.trigger", argument),
    command("$(output) Show Logs", "towline.logs", argument),
    ...buttonsOf(session, resource.name).map(({ label, argument: press }) => command(`$(symbol-event) ${label}`, "towline.button", press)),
    ...links.map((url) => ({ label: `$(link-external) Open ${url}`, run: () => vscode.env.openExternal(vscode.Uri.parse(url)) })),
    { label: "$(go-to-file) Go to Declaration", run: () => goTo(resource.pos) },
  ];
  const item = await vscode.window.showQuickPick(items, { title: `Towline: ${resource.name}`, placeHolder: describe(resource) });
  await item?.run?.();
}

/** Shows a place that the server names. */
export async function goTo(pos: Position): Promise<void> {
  if (pos.file === undefined) return;
  const place = new vscode.Position((pos.line ?? 1) - 1, (pos.col ?? 1) - 1);
  await vscode.window.showTextDocument(vscode.Uri.file(pos.file), { selection: new vscode.Range(place, place) });
}

function resourceItems(session: Session, resources: Named[]): Item[] {
  return resources.toSorted((a, b) => byUrgency(a.resource, b.resource)).map((named) => {
    const argument = { resource: named.resource.name, uri: vscode.Uri.file(named.folder).toString() };
    const { name, state } = named.resource;
    return { label: `$(${iconOf(state)}) ${name}`, description: describe(named.resource), argument, run: () => showActions(session, named, argument) };
  });
}

function command(label: string, id: string, argument?: CommandArguments): Item {
  return { label, run: () => vscode.commands.executeCommand(id, argument) };
}

function separator(label: string): Item {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}
