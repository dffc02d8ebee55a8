import type { Change } from "./preview";

/**
 * What a change means for the lab, from the gravest to the slightest.
 * `destroys` loses data; `interrupts` stops something for a while; `adds` and `edits` disturb nothing.
 */
export type Gravity = "destroys" | "interrupts" | "adds" | "edits";

export interface Effect {
  gravity: Gravity;
  /** What it happens to: a machine, a node, a service, a volume, or another resource. */
  subject: string;
  kind: "machine" | "node" | "service" | "volume" | "namespace" | "secret" | "resource";
  /** For example `reinstalled: its disk is wiped`. */
  what: string;
  urn: string;
  properties: string[];
}

type Reading = Pick<Effect, "gravity" | "kind" | "what"> & { subject?: string };

const workloads = new Set(["Deployment", "StatefulSet", "DaemonSet"]);

function machine(change: Change): Reading | undefined {
  const phase = /-(enlistment|commissioning|deployment)$/.exec(change.name)?.[1];
  const subject = change.parents.find(({ type }) => type === "homelab:maas:Machine")?.name;
  if (!phase || !subject) {
    return undefined;
  }
  const meaning: Record<string, Record<Change["operation"], Pick<Reading, "gravity" | "what">>> = {
    enlistment: {
      create: { gravity: "adds", what: "enlisted in MAAS, or adopted where MAAS knows it" },
      update: { gravity: "edits", what: "edited in MAAS" },
      replace: { gravity: "destroys", what: "exchanged for another machine in MAAS" },
      delete: { gravity: "destroys", what: "removed from MAAS" },
    },
    commissioning: {
      create: { gravity: "adds", what: "commissioned: powered on and inventoried" },
      update: { gravity: "interrupts", what: "commissioned again, unless it is deployed" },
      replace: { gravity: "interrupts", what: "commissioned again: power-cycled" },
      delete: { gravity: "edits", what: "no longer commissioned by this stack" },
    },
    deployment: {
      create: { gravity: "adds", what: "deployed: the operating system is installed on its disk" },
      update: { gravity: "edits", what: "deployment settings edited, the machine keeps running" },
      replace: { gravity: "destroys", what: "reinstalled: its disk is wiped" },
      delete: { gravity: "destroys", what: "released: its disk is given up, the power is switched off" },
    },
  };
  return { kind: "machine", subject, ...meaning[phase][change.operation] };
}

function node(change: Change): Reading | undefined {
  const owner = change.parents.find(({ type }) => type === "homelab:k3s:Node");
  if (!owner || !change.type.startsWith("command:remote")) {
    return undefined;
  }
  const cluster = change.parents.find(({ type }) => type === "homelab:k3s:Cluster")?.name ?? "";
  const subject = owner.name.replace(`${cluster}-`, "");
  const part = change.name.slice(owner.name.length + 1);
  if (part === "membership" && change.operation === "delete") {
    return { kind: "node", subject, gravity: "destroys", what: "drained and removed from the cluster" };
  }
  if (part === "prepare" && change.operation !== "delete") {
    return {
      kind: "node",
      subject,
      gravity: change.operation === "create" ? "adds" : "interrupts",
      what: change.operation === "create" ? "checked before it joins" : "drained if it is upgraded",
    };
  }
  if (part === "k3s") {
    const what = {
      create: "k3s is installed and the node joins",
      update: "k3s is upgraded or configured anew, and restarted where that needs it",
      replace: "k3s is installed anew",
      delete: "k3s is uninstalled",
    }[change.operation];
    const gravity = ({ create: "adds", update: "interrupts", replace: "interrupts", delete: "destroys" } as const)[change.operation];
    return { kind: "node", subject, gravity, what };
  }
  return { kind: "node", subject, gravity: change.operation === "create" ? "adds" : "edits", what: `${part}: ${change.operation}d` };
}

function kubernetesObject(change: Change): Reading | undefined {
  if (!change.type.startsWith("kubernetes:")) {
    return undefined;
  }
  const kind = change.type.split(":").at(-1) ?? "";
  const gone = change.operation === "delete" || change.operation === "replace";
  if (kind === "PersistentVolumeClaim") {
    const what = {
      create: "created",
      update: "edited in place",
      replace: "made anew: what is on it is lost",
      delete: "deleted: what is on it is lost",
    }[change.operation];
    return { kind: "volume", gravity: gone ? "destroys" : change.operation === "create" ? "adds" : "edits", what };
  }
  if (kind === "Namespace" && gone) {
    return { kind: "namespace", gravity: "destroys", what: "deleted with everything in it, volumes included" };
  }
  if (workloads.has(kind)) {
    const restarts = change.properties.some((property) => property.startsWith("spec.template"));
    const what = {
      create: "started",
      update: restarts ? "restarted" : "edited without a restart",
      replace: "stopped, and started anew",
      delete: "stopped for good",
    }[change.operation];
    const gravity = change.operation === "create" ? "adds" : change.operation === "update" && !restarts ? "edits" : "interrupts";
    return { kind: "service", gravity, what };
  }
  return {
    kind: "resource",
    gravity: change.operation === "create" ? "adds" : "edits",
    what: `${kind} ${{ create: "created", update: "edited", replace: "made anew", delete: "deleted" }[change.operation]}`,
  };
}

function secret(change: Change): Reading | undefined {
  if (!/^(random|tls):/.test(change.type)) {
    return undefined;
  }
  // Keys and certificates restart nothing by themselves; what uses them is in the report with its own line.
  const what = {
    create: "generated",
    update: "renewed",
    replace: "generated anew: whoever uses the old one is given the new one",
    delete: "forgotten",
  }[change.operation];
  return { kind: "secret", gravity: change.operation === "create" ? "adds" : "edits", what };
}

/** A change in the lab's terms. */
export function effectOf(change: Change): Effect {
  const fallback: Reading = {
    kind: "resource",
    gravity: change.operation === "create" ? "adds" : change.operation === "update" ? "edits" : "interrupts",
    what: { create: "created", update: "edited", replace: "made anew", delete: "deleted" }[change.operation],
  };
  const reading = machine(change) ?? node(change) ?? kubernetesObject(change) ?? secret(change) ?? fallback;
  return { subject: change.name, urn: change.urn, properties: change.properties, ...reading };
}
