import type { Phase, ResourceStatus, Target } from "./protocol";

/** How a phase looks: the name of a product icon, spinning while something is under way. */
export function iconOf(phase: Phase): string {
  switch (phase) {
    case "ready": return "pass-filled";
    case "error": return "error";
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

const urgency: Phase[] = ["error", "building", "deploying", "starting", "updating", "stopping", "pending", "ready", "stopped", "disabled"];

/** Orders what wants attention first; the rest stays as declared. */
export function byUrgency(a: ResourceStatus, b: ResourceStatus): number {
  return urgency.indexOf(a.phase) - urgency.indexOf(b.phase);
}

/** One line about a resource: its problem or what it does, and what is known of its files. */
export function describe(resource: ResourceStatus): string {
  const files = resource.phase === "ready" ? (resource.targets ?? []).map(describeTarget) : [];
  const parts = [resource.problem?.message ?? resource.message ?? "", ...new Set(files)].filter((part) => part !== "");
  return parts.join(" · ") || resource.phase;
}

function describeTarget(target: Target): string {
  const sync = target.sync === "unknown" ? "" : target.sync.replace("-", " ");
  return [target.debugging === true ? "debugging" : "", sync].filter((part) => part !== "").join(", ");
}
