import type { Cause } from "./causes";
import type { Change, ResourceState } from "./preview";

/**
 * What a change means for the lab, from the gravest to the slightest.
 * `destroys` loses data; `interrupts` stops something for a while; `adds` and `edits` disturb nothing.
 */
export type Gravity = "destroys" | "interrupts" | "adds" | "edits";

export interface Effect {
  gravity: Gravity;
  /** What it happens to: a machine, a node, a service, a volume, or another resource. */
  subject: string;
  kind: "machine" | "node" | "service" | "volume" | "namespace" | "object" | "maas" | "command" | "secret" | "resource";
  /** For example `reinstalled: its disk is wiped`. */
  what: string;
  urn: string;
  properties: string[];
  /** The settings that it may come from, where two revisions of the stack file are compared. */
  causes?: Pick<Cause, "setting" | "file" | "line">[];
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

type Meanings = Partial<Record<Change["operation"], Pick<Reading, "gravity" | "what">>>;

const INSTALLER = "gets the installation scripts";

/** The parts of a node's component, by the end of their names. A part that goes, goes with its machine. */
const nodeParts: Record<string, Meanings> = {
  script: { create: { gravity: "adds", what: INSTALLER }, update: { gravity: "edits", what: "gets new installation scripts" } },
  installer: { create: { gravity: "adds", what: INSTALLER }, update: { gravity: "edits", what: "gets new installation scripts" } },
  prepare: {
    create: { gravity: "adds", what: "checked before it joins" },
    update: { gravity: "interrupts", what: "drained if it is upgraded" },
    delete: { gravity: "edits", what: "no longer drained by another server" },
  },
  k3s: {
    create: { gravity: "adds", what: "k3s is installed and the node joins" },
    replace: { gravity: "interrupts", what: "k3s is installed anew" },
  },
  admit: {
    create: { gravity: "adds", what: "admitted with its labels and taints" },
    update: { gravity: "edits", what: "its labels and taints are set" },
  },
  membership: {
    create: { gravity: "adds", what: "registered as a member of the cluster" },
    update: { gravity: "edits", what: "registered again as a member of the cluster" },
    delete: { gravity: "destroys", what: "drained and removed from the cluster" },
    replace: { gravity: "interrupts", what: "drained and removed until its machine is redeployed" },
  },
};

/** An update of k3s on a node. What k3s reads at its start, on stdin, shows in the command's text as well. */
function k3sUpdate(properties: readonly string[], nodeUpdated: boolean): Pick<Reading, "gravity" | "what"> {
  if (properties.join() === "stdin") {
    return { gravity: "edits", what: "its files are written anew; k3s keeps running" };
  }
  const [same, updated] = properties.includes("stdin")
    ? ["configured anew: k3s is restarted", "in another role or version: drained if it is upgraded, k3s restarted"]
    : ["k3s is restarted where its new instructions need it", "upgraded: drained where its pods have somewhere to go, k3s restarted"];
  return { gravity: "interrupts", what: nodeUpdated ? updated : same };
}

/** The taints of a node's command that send away pods which run there already: `taints=key=value:NoExecute`. */
function evictingTaints(state: ResourceState | null | undefined): string[] {
  const words = String(state?.inputs?.create ?? "").split(/[\s'"]+/);
  return words.map((word) => word.replace(/^taints=/, "")).filter((word) => word.endsWith(":NoExecute"));
}

function isEvicted({ newState, oldState }: Change["step"]): boolean {
  const before = evictingTaints(oldState);
  return evictingTaints(newState).some((taint) => !before.includes(taint));
}

function node(change: Change): Reading | undefined {
  const owner = change.parents.find(({ type }) => type === "homelab:k3s:Node");
  if (!owner || !change.type.startsWith("command:remote")) {
    return undefined;
  }
  const cluster = change.parents.find(({ type }) => type === "homelab:k3s:Cluster")?.name ?? owner.name.split("-")[0];
  const subject = owner.name.slice(cluster.length + 1);
  const part = change.name.slice(owner.name.length + 1);
  const meanings = nodeParts[part] ?? {};
  if (part === "k3s" && change.operation === "update") {
    return { kind: "node", subject, ...k3sUpdate(change.properties, owner.updated) };
  }
  if (part === "admit" && change.operation === "update" && isEvicted(change.step)) {
    return { kind: "node", subject, gravity: "interrupts", what: "tainted: pods that do not tolerate it are evicted" };
  }
  const meaning = meanings[change.operation] ?? (change.operation === "replace" ? meanings.update : undefined);
  const otherwise = { create: "set up", update: "updated", replace: "set up again", delete: "goes with its machine" }[change.operation];
  return {
    kind: "node",
    subject,
    ...(meaning ?? { gravity: change.operation === "create" ? "adds" : "edits", what: `${part}: ${otherwise}` }),
  };
}

/** Other commands: the settings of MAAS as a whole, and small things on machines. */
function command(change: Change): Reading | undefined {
  if (!change.type.startsWith("command:")) {
    return undefined;
  }
  if (change.type.startsWith("command:local")) {
    const what = {
      create: "made in MAAS, or adopted",
      update: "edited in MAAS",
      replace: "made anew in MAAS",
      delete: "removed from MAAS",
    };
    return { kind: "maas", gravity: change.operation === "create" ? "adds" : "edits", what: what[change.operation] };
  }
  // These write small files or only look; those that stop something are told above.
  const what = { create: "run for the first time", update: "run again", replace: "run again", delete: "undone, or gone with its machine" };
  return { kind: "command", gravity: change.operation === "create" ? "adds" : "edits", what: what[change.operation] };
}

function kubernetesObject(change: Change): Reading | undefined {
  if (!change.type.startsWith("kubernetes:")) {
    return undefined;
  }
  if (change.operation === "update" && change.properties.length === 0) {
    // Where the cluster's address or certificates are not known yet, the engine expects an update of all that is in it.
    return { kind: "object", gravity: "edits", what: "compared again, as the access to the cluster changes" };
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
    kind: "object",
    gravity: change.operation === "create" ? "adds" : "edits",
    what: `${kind} ${{ create: "created", update: "edited", replace: "made anew", delete: "deleted" }[change.operation]}`,
  };
}

function secret(change: Change): Reading | undefined {
  if (!/^(random|tls):/.test(change.type)) {
    return undefined;
  }
  if (change.name.endsWith("-incarnation")) {
    return { kind: "secret", gravity: change.operation === "create" ? "adds" : "edits", what: "names the deployment" };
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
  const reading = machine(change) ?? node(change) ?? command(change) ?? kubernetesObject(change) ?? secret(change) ?? fallback;
  return { subject: change.name, urn: change.urn, properties: change.properties, ...reading };
}
