import * as vscode from "vscode";

import { isDebuggable, pickResource } from "./picks";
import type { CommandArguments, DebugConfiguration } from "./protocol";
import type { Session } from "./session";

const type = "towline";

/** Registers the debugger: the adapter is the program itself, and a resource is all that a configuration needs. */
export function registerDebugging(session: Session): vscode.Disposable[] {
  return [
    vscode.debug.registerDebugAdapterDescriptorFactory(type, {
      createDebugAdapterDescriptor: ({ configuration, workspaceFolder }) =>
        new vscode.DebugAdapterExecutable(session.program, ["dap", ...workspaceFlag(configuration, workspaceFolder)]),
    }),
    vscode.debug.registerDebugConfigurationProvider(type, {
      resolveDebugConfiguration: (_folder, configuration) => complete(session, configuration),
    }),
    vscode.debug.registerDebugConfigurationProvider(type, {
      provideDebugConfigurations: () => debuggable(session),
    }, vscode.DebugConfigurationProviderTriggerKind.Dynamic),
    vscode.debug.registerDebugConfigurationProvider(type, {
      provideDebugConfigurations: () => initial(session),
    }, vscode.DebugConfigurationProviderTriggerKind.Initial),
  ];
}

/** Attaches the debugger to a resource, in the way that the server says. */
export async function debugResource(session: Session, argument: CommandArguments): Promise<void> {
  const configuration = await session.execute("towline.debug", argument) as DebugConfiguration | undefined;
  if (configuration === undefined) return;
  await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(vscode.Uri.file(configuration.workspace)), { ...configuration });
}

/** Completes a configuration; F5 without a launch.json comes with an empty one. */
async function complete(session: Session, configuration: vscode.DebugConfiguration): Promise<vscode.DebugConfiguration | undefined> {
  if (typeof configuration["resource"] === "string" && configuration["resource"] !== "") return configuration;
  const ofFile = await configurationOfFile(session);
  if (ofFile !== undefined) return ofFile;
  const chosen = await pickResource(session, "Debug", { debuggable: true });
  if (chosen) await debugResource(session, chosen);
  return undefined;
}

/** The resource that the file in front is a source of, if there is one that can be debugged. */
async function configurationOfFile(session: Session): Promise<DebugConfiguration | undefined> {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.uri.scheme !== "file" || document.languageId === "tiltfile") return undefined;
  try {
    return await session.execute("towline.debug", { uri: document.uri.toString() }) as DebugConfiguration;
  } catch {
    return undefined; // none, or several: the person says which
  }
}

/** What a new launch.json has: the resources that are there, else one that asks. */
function initial(session: Session): vscode.DebugConfiguration[] {
  const known = debuggable(session).map(({ type, request, name, resource }) => ({ type, request, name, resource: resource as string }));
  return known.length > 0 ? known : [{ type, request: "attach", name: "Towline: debug in the pod", resource: "${command:pickResource}" }];
}

/** A configuration for each resource that has a process. */
function debuggable(session: Session): vscode.DebugConfiguration[] {
  return session.resources
    .filter(isDebuggable)
    .map(({ folder, resource: { name } }) => ({ type, request: "attach", name: `Towline: ${name}`, resource: name, workspace: folder }));
}

function workspaceFlag(configuration: vscode.DebugConfiguration, folder: vscode.WorkspaceFolder | undefined): string[] {
  const own: unknown = configuration["workspace"];
  const workspace = typeof own === "string" ? own : (folder ?? vscode.workspace.workspaceFolders?.[0])?.uri.fsPath;
  return workspace === undefined ? [] : ["--workspace", workspace];
}
