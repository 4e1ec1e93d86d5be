import { DidSaveTextDocumentNotification, type DidSaveTextDocumentParams, ExecuteCommandRequest, type LanguageClient, NotificationType } from "vscode-languageclient/node";

import type { StatusParams } from "./protocol";

/** The status of a project changed. */
export const status = new NotificationType<StatusParams>("towline/status");

/** A save, and when the file was last typed into, where the client sends no edits of it. */
export const didSave = new NotificationType<DidSaveTextDocumentParams & { typed?: string }>(DidSaveTextDocumentNotification.method);
export const executeCommand = ExecuteCommandRequest.type;

/**
 * Leaves the extension's own commands to it: it asks for a resource before it
 * passes them on. The client would register a command for each that the
 * server offers, and fail on those that exist already.
 */
export function leaveCommands(client: LanguageClient, own: readonly string[]): void {
  const feature = client.getFeature("workspace/executeCommand");
  const register = feature.register.bind(feature);
  feature.register = (data) => {
    const commands = data.registerOptions.commands.filter((id) => !own.includes(id));
    register({ ...data, registerOptions: { ...data.registerOptions, commands } });
  };
}
