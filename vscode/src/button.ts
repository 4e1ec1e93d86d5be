import * as vscode from "vscode";

import type { Button, ButtonInput, CommandArguments } from "./protocol";
import type { Session } from "./session";

interface Item extends vscode.QuickPickItem {
  button: Button;
  argument: CommandArguments;
}

/** Presses a button of the Tiltfile: the one that the argument names, or one that is chosen, of a resource or of all. */
export async function pressButton(session: Session, argument: CommandArguments): Promise<void> {
  const all = buttonsOf(session, argument.resource);
  const named = all.find(({ button }) => button.name === argument.button);
  if (all.length === 0) {
    void vscode.window.showInformationMessage("The Tiltfile has no buttons here that start a command.");
    return;
  }
  const item = named ?? await vscode.window.showQuickPick(all, { title: "Towline: Press a Button…", placeHolder: "Button", matchOnDescription: true });
  if (item === undefined) return;
  const inputs = await fillIn(item.button);
  if (inputs !== undefined && await isConfirmed(item.button)) await session.execute("towline.button", { ...item.argument, inputs });
}

/** The buttons that a person may press: of a resource and of the whole project, or of all resources. */
export function buttonsOf(session: Session, resource?: string): Item[] {
  return session.resources.flatMap(({ folder, resource: runs }) => (runs.buttons ?? [])
    .filter((button) => button.disabled !== true && (resource === undefined || [runs.name, button.resource ?? resource].includes(resource)))
    .map((button) => ({
      label: titleOf(button),
      ...(button.resource !== undefined && { description: button.resource }),
      button,
      argument: { uri: vscode.Uri.file(folder).toString(), resource: runs.name, button: button.name },
    })));
}

function titleOf({ name, text }: Button): string { return text === "" ? name : text; }

/** Asks for each input; undefined where a person leaves one of them. */
async function fillIn(button: Button): Promise<Record<string, string> | undefined> {
  const inputs: Record<string, string> = {};
  for (const input of (button.inputs ?? []).filter(({ hidden }) => hidden !== true)) {
    const value = await ask(titleOf(button), input);
    if (value === undefined) return undefined;
    inputs[input.name] = value;
  }
  return inputs;
}

async function ask(title: string, input: ButtonInput): Promise<string | undefined> {
  const placeHolder = input.label ?? input.name;
  if (input.choices === undefined || input.choices.length === 0) {
    return vscode.window.showInputBox({ title, prompt: placeHolder, value: input.default, ignoreFocusOut: true });
  }
  const presetFirst = input.choices.toSorted((a, b) => Number(b === input.default) - Number(a === input.default));
  return vscode.window.showQuickPick(presetFirst, { title, placeHolder, ignoreFocusOut: true });
}

async function isConfirmed(button: Button): Promise<boolean> {
  if (button.requires_confirmation !== true) return true;
  const press = "Press";
  return await vscode.window.showWarningMessage(`${titleOf(button)}?`, { modal: true, detail: "The Tiltfile wants this button to be confirmed." }, press) === press;
}
