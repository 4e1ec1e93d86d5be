import type { ResourceStatus, State } from "./protocol";

/** How a state looks: the name of a product icon, spinning while something is under way. */
export function iconOf(state: State): string {
  switch (state) {
    case "ready": return "pass-filled";
    case "done": return "check";
    case "waiting":
    case "stale": return "warning";
    case "paused": return "debug-pause";
    case "crashed": return "flame";
    case "error": return "error";
    case "unknown": return "question";
    case "pending": return "clock";
    case "stopped": return "circle-large-outline";
    case "disabled": return "circle-slash";
    case "building":
    case "deploying":
    case "starting":
    case "updating":
    case "stopping": return "sync~spin";
  }
}

const urgency: State[] = [
  "error", "crashed", "waiting", "unknown", "stale", "paused", "building", "deploying", "starting", "updating", "stopping",
  "pending", "ready", "done", "stopped", "disabled",
];

/** Orders what wants attention first; the rest stays as declared. */
export function byUrgency(a: ResourceStatus, b: ResourceStatus): number {
  return urgency.indexOf(a.state) - urgency.indexOf(b.state);
}

/** One line about a resource: its problem, or what the server says of it. */
export function describe(resource: ResourceStatus): string {
  return resource.problem?.message ?? resource.text;
}
