// What travels between the extension and the server, as server/protocol and
// server/api declare it in Go. Generated; do not edit. To renew it:
// go test ./server/protocol -run TypeScript -update

export interface InitializationOptions {
  status?: boolean;
  static?: boolean;
}

export interface CommandArguments {
  uri?: string;
  resource?: string;
  resources?: string[];
  args?: string[];
  context?: string;
  namespace?: string;
  tail?: number;
  button?: string;
  inputs?: Record<string, string>;
  wait?: boolean;
}

export interface DebugConfiguration {
  type: string;
  request: string;
  name: string;
  resource: string;
  workspace: string;
}

export interface StatusParams {
  folder: string;
  connected: boolean;
  problem?: string;
  status?: Status;
}

export interface Status {
  seq: number;
  daemon: DaemonInfo;
  tiltfile: string;
  args?: string[];
  up: boolean;
  left?: string;
  phase: Phase;
  state: State;
  text: string;
  counts: Record<string, number> | null;
  next?: Action;
  asks?: Ask[];
  cluster: ClusterStatus;
  config: ConfigStatus;
  resources: ResourceStatus[] | null;
}

export interface DaemonInfo {
  pid: number;
  version: string;
  workspace: string;
  label?: string;
  started: string;
  log_file: string;
  path: string;
  unwritten?: Problem;
  unwatched?: Problem;
}

export interface Problem {
  message: string;
  cause?: Cause;
  asks?: string;
  hint?: string;
  pos: Position;
  stack?: Frame[];
}

export type Cause = "environment" | "held" | "taken";

export interface Position {
  file?: string;
  line?: number;
  col?: number;
}

export interface Frame {
  name: string;
  pos: Position;
  text?: string;
}

export type Phase = "stopped" | "disabled" | "pending" | "building" | "deploying" | "starting" | "ready" | "updating" | "error" | "stopping";

export type State = "stopped" | "disabled" | "pending" | "building" | "deploying" | "starting" | "updating" | "stopping" | "ready" | "done" | "waiting" | "stale" | "paused" | "crashed" | "error" | "unknown";

export interface Action {
  title: string;
  command: string;
  args?: string[];
}

export interface Ask {
  id: string;
  text: string;
  choices: string[] | null;
  titles: string[] | null;
  danger?: boolean;
}

export interface ClusterStatus {
  context: string;
  namespace: string;
  product?: string;
  kubeconfig?: string;
  made_namespace?: boolean;
  allowed: boolean;
  connected: boolean;
  problem?: Problem;
}

export interface ConfigStatus {
  evaluating: boolean;
  evaluated_at: string;
  took_ns: number;
  error?: Problem;
  held?: Problem;
  warnings?: Problem[];
  files?: string[];
  ci?: CI;
}

export interface CI {
  k8s_grace_period_ns: number;
  timeout_ns: number;
  readiness_timeout_ns: number;
}

export interface ResourceStatus {
  name: string;
  kind: Kind;
  labels?: string[];
  pos: Position;
  phase: Phase;
  state: State;
  was?: State;
  text: string;
  proof?: Proof;
  waits_for?: Wait[];
  next?: Action;
  message?: string;
  coming?: string;
  problem?: Problem;
  trigger_mode: TriggerMode;
  ends?: boolean;
  changed?: boolean;
  crashed?: string;
  last_update?: Update;
  last_save?: LastSave;
  images?: ImageStatus[];
  sources?: string[];
  targets?: Target[];
  forwards?: Forward[];
  no_debug?: Problem;
  links?: Link[];
  buttons?: Button[];
  spoken: string;
}

export type Kind = "k8s" | "local" | "compose";

export type Proof = "" | "in sync" | "behind" | "differs" | "unproven";

export interface Wait {
  kind: WaitKind;
  name?: string;
}

export type WaitKind = "resource" | "image" | "trigger" | "slot" | "cluster" | "quota" | "limits" | "webhook" | "service account" | "priority class" | "update strategy" | "node";

export type TriggerMode = "auto" | "manual";

export interface Update {
  kind: string;
  began: string;
  took_ns: number;
  files?: number;
  reason?: string;
}

export interface LastSave {
  n: number;
  file: string;
  files: number;
  saved: string;
  way: SaveWay;
  stages_ms: Record<string, number> | null;
  text: string;
  ended?: boolean;
}

export type SaveWay = "none" | "live" | "restart" | "build" | "failed" | "covered";

export interface ImageStatus {
  ref: string;
  pushed?: string;
}

export interface Target {
  namespace: string;
  pod: string;
  pod_uid: string;
  container: string;
  image: string;
  ready: boolean;
  restarts: number;
  agent: boolean;
  pid: number;
  process: string;
  sync: SyncState;
  debugging?: boolean;
  paused?: boolean;
  language?: string;
  last_sync?: Update;
  problem?: Problem;
  covered?: Covered[];
}

export type SyncState = "" | "unknown" | "pending" | "in-sync" | "failed" | "stale";

export interface Covered {
  local: string;
  path: string;
  mount: string;
  volume: string;
}

export interface Forward {
  local: string;
  remote: number;
  url: string;
  name?: string;
  problem?: string;
  moved?: string;
  silent?: string;
}

export interface Link {
  url: string;
  name: string;
}

export interface Button {
  name: string;
  text: string;
  resource?: string;
  icon?: string;
  disabled?: boolean;
  requires_confirmation?: boolean;
  inputs?: ButtonInput[];
  spec?: Record<string, unknown>;
}

export interface ButtonInput {
  name: string;
  label?: string;
  hidden?: boolean;
  choices?: string[];
  bool?: boolean;
  default: string;
}
