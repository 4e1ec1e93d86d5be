import { existsSync } from "node:fs";
import { homedir } from "node:os";
import * as vscode from "vscode";

import type { CommandArguments } from "./protocol";

/** Reports whether a change of the configuration needs a new server. */
export function needsRestart(event: vscode.ConfigurationChangeEvent): boolean {
  return event.affectsConfiguration("towline.path");
}

/** The program to start: the setting's, else the one in the extension, else the one on the PATH. */
export function program(extension: vscode.Uri): string {
  const configured = get("path", "").trim();
  if (configured !== "") return configured.replace(/^~(?=\/)/, homedir());
  const name = process.platform === "win32" ? "towline.exe" : "towline";
  const bundled = vscode.Uri.joinPath(extension, "bin", name).fsPath;
  return existsSync(bundled) ? bundled : name;
}

/** Where and how the project of a file is brought up, as far as it is set. */
export function upArguments(file: vscode.Uri | undefined): CommandArguments {
  const context = get<string>("context", "", file);
  const namespace = get<string>("namespace", "", file);
  const args = get<string[]>("args", [], file);
  return {
    ...(context !== "" && { context }),
    ...(namespace !== "" && { namespace }),
    ...(args.length > 0 && { args }),
  };
}

function get<T>(name: string, fallback: T, scope?: vscode.Uri): T {
  return vscode.workspace.getConfiguration("towline", scope).get(name, fallback);
}
