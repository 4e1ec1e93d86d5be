import { sep } from "node:path";
import * as vscode from "vscode";
import { ErrorAction, type ErrorHandler, type Executable, LanguageClient, RevealOutputChannelOn, State } from "vscode-languageclient/node";

import * as messages from "./messages";
import type { CommandArguments, InitializationOptions, ResourceStatus, StatusParams } from "./protocol";
import { needsRestart, program } from "./settings";

const selector = [{ language: "tiltfile", scheme: "file" }, { language: "tiltfile", scheme: "untitled" }];

/** A resource, and the folder of the project that it belongs to. */
export interface Named {
  folder: string;
  resource: ResourceStatus;
}

/** Owns the language client, what it last said of each project, and all that has to be disposed of. */
export class Session implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #log = vscode.window.createOutputChannel("Towline", { log: true });
  readonly #projects = new Map<string, StatusParams>();
  readonly #typed = new WeakMap<vscode.TextDocument, Date>();
  readonly #disposables = [
    this.#changed,
    this.#log,
    vscode.workspace.onDidSaveTextDocument((document) => { this.#saved(document); }),
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0) this.#typed.set(document, new Date());
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void this.restart()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (needsRestart(event)) void this.restart();
    }),
  ];
  #client: LanguageClient | undefined;
  #started: Promise<void> | undefined;
  #state = State.Stopped;

  /** Fires after a project's status or the server's state changed. */
  readonly onDidChange = this.#changed.event;

  constructor(readonly extension: vscode.Extension<unknown>) {}

  get program(): string { return program(this.extension.extensionUri); }

  /** Whether the language server is there. */
  get state(): State { return this.#state; }

  /** What the server last said of each project. */
  get projects(): StatusParams[] { return [...this.#projects.values()]; }

  get resources(): Named[] {
    return this.projects.flatMap(({ folder, status }) => (status?.resources ?? []).map((resource) => ({ folder, resource })));
  }

  /** The project of a file: that of the nearest folder above it. */
  projectOf(file: vscode.Uri): StatusParams | undefined {
    return this.projects.filter(({ folder }) => file.fsPath === folder || file.fsPath.startsWith(folder + sep))
      .toSorted((a, b) => b.folder.length - a.folder.length)[0];
  }

  async start(): Promise<void> {
    const client = this.#newClient();
    this.#client = client;
    this.#started = client.start().catch((error: unknown) => {
      if (client === this.#client) void this.#explain(error);
    });
    await this.#started;
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#projects.clear();
    this.#stateIs(State.Stopped);
    await this.#started; // a client cannot be stopped while it starts
    if (client?.needsStop() === true) await client.dispose();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Has the server run one of its commands. A server that is not there is started. */
  async execute(command: string, argument: CommandArguments): Promise<unknown> {
    if (this.#client?.isRunning() !== true) await this.restart();
    if (this.#client?.isRunning() !== true) return undefined;
    return this.#client.sendRequest(messages.executeCommand, { command, arguments: [argument] });
  }

  showLog(): void { this.#log.show(true); }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #newClient(): LanguageClient {
    const folder = vscode.workspace.workspaceFolders?.[0];
    const server: Executable = { command: this.program, args: ["lsp"], ...(folder && { options: { cwd: folder.uri.fsPath } }) };
    // What fails to be written to a server that has gone says nothing new: its end decides, and starts it again.
    let byDefault: ErrorHandler | undefined;
    const errorHandler: ErrorHandler = {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => (byDefault ??= client.createDefaultErrorHandler()).closed(),
    };
    const client: LanguageClient = new QuietClient("towline", "Towline", server, {
      documentSelector: selector,
      initializationOptions: { status: true, static: !vscode.workspace.isTrusted } satisfies InitializationOptions,
      outputChannel: this.#log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler,
    });
    messages.leaveCommands(client, ownCommands(this.extension));
    client.onNotification(messages.status, (status) => {
      this.#projects.set(status.folder, status);
      this.#changed.fire();
    });
    client.onDidChangeState(({ newState }) => {
      if (client === this.#client) this.#stateIs(newState);
    });
    return client;
  }

  /** Tells the server of every saved file, and when it was typed into: the client itself does so for Tiltfiles alone. */
  #saved(document: vscode.TextDocument): void {
    const client = this.#client;
    const typed = this.#typed.get(document);
    this.#typed.delete(document);
    if (document.uri.scheme !== "file" || client?.isRunning() !== true) return;
    if (vscode.languages.match(selector, document) > 0) return;
    const textDocument = client.code2ProtocolConverter.asTextDocumentIdentifier(document);
    void client.sendNotification(messages.didSave, { textDocument, ...(typed && { typed: typed.toISOString() }) });
  }

  #stateIs(state: State): void {
    this.#state = state;
    this.#changed.fire();
  }

  async #explain(error: unknown): Promise<void> {
    this.#stateIs(State.Stopped);
    const settings = "Open Settings";
    const text = error instanceof Error ? error.message : String(error);
    const reason = text.includes("ENOENT") ? "there is no such program" : text;
    const choice = await vscode.window.showErrorMessage(
      `Towline could not start ${this.program}: ${reason}. Install it, or set "towline.path".`, settings, "Show Log");
    if (choice === settings) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "towline.path");
    } else if (choice !== undefined) {
      this.showLog();
    }
  }
}

/** Leaves it to the session to explain why a start failed, and what to do about it. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown, show?: boolean | "force"): void {
    super.error(message, data, this.state === State.StartFailed ? false : show);
  }
}

function ownCommands(extension: vscode.Extension<unknown>): string[] {
  const manifest = extension.packageJSON as { contributes: { commands: { command: string }[] } };
  return manifest.contributes.commands.map(({ command }) => command);
}
