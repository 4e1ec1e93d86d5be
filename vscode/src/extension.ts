import * as vscode from "vscode";

import { registerCommands } from "./commands";
import { registerDebugging } from "./debug";
import { Session } from "./session";
import { StatusItem } from "./statusitem";

let session: Session | undefined;

/** Called by the editor once, when a workspace holds a Tiltfile or a command is used. */
export function activate(context: vscode.ExtensionContext): void {
  session = new Session(context.extension);
  context.subscriptions.push(session, new StatusItem(session), ...registerCommands(session), ...registerDebugging(session));
  void session.start();
}

/** Waits for the language server to end, so that a reload starts afresh. */
export async function deactivate(): Promise<void> {
  await session?.stop();
}
