/** An operation of the engine in the lab's words: `node1: deploying` while it runs, `node1: deployed` when it is done. */
export interface OperationWords {
  subject: string;
  doing: string;
  done: string;
}

type Verbs = readonly [doing: string, done: string];

/** What is said of a resource when it is made or changed, and when it goes; `undefined` where the generic words fit. */
interface Words {
  /** Tried on the resource's name; its first group is the subject. */
  name: RegExp;
  make: Verbs;
  change?: Verbs;
  remove?: Verbs;
}

const commands: readonly Words[] = [
  { name: /^(.+)-enlistment$/, make: ["enlisting", "enlisted"], remove: ["removing from MAAS", "removed from MAAS"] },
  { name: /^(.+)-commissioning$/, make: ["commissioning", "commissioned"], remove: ["leaving the stack", "left the stack"] },
  { name: /^(.+)-deployment$/, make: ["deploying", "deployed"], remove: ["releasing", "released"] },
  { name: /^k3s-(.+)-ssh$/, make: ["waiting for SSH", "answers over SSH"] },
  { name: /^k3s-(.+)-script$/, make: ["copying the k3s scripts", "has the k3s scripts"] },
  { name: /^k3s-(.+)-k3s$/, make: ["installing k3s", "runs k3s"], change: ["updating k3s", "runs the updated k3s"] },
  { name: /^k3s-(.+)-prepare$/, make: ["preparing to join", "ready to join"] },
  { name: /^k3s-(.+)-admit$/, make: ["joining the cluster", "joined the cluster"], remove: ["leaving the cluster", "left the cluster"] },
  { name: /^k3s-(.+)-membership$/, make: ["recording membership", "is a member"] },
  { name: /^(k3s)-ready$/, make: ["waiting for the cluster", "cluster is ready"] },
  { name: /^(k3s)-kubeconfig$/, make: ["reading the kubeconfig", "kubeconfig read"] },
];

const workload: Words = {
  name: /^(.+)$/,
  make: ["starting", "runs"],
  change: ["restarting or updating", "updated"],
  remove: ["stopping", "stopped"],
};
const service: Words = { name: /^(.+)$/, make: ["waiting for endpoints and address", "is reachable"] };

const generic: Record<"make" | "change" | "remove", Verbs> = {
  make: ["creating", "created"],
  change: ["updating", "updated"],
  remove: ["deleting", "deleted"],
};

function kindOf(operation: string): "make" | "change" | "remove" {
  if (operation === "update") {
    return "change";
  }
  return /delete|discard/.test(operation) ? "remove" : "make";
}

/** The resource's own type and name: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`. */
export function partsOf(urn: string): { type: string; name: string } {
  const [, , types = "", ...name] = urn.split("::");
  return { type: types.split("$").at(-1) ?? "", name: name.join("::") };
}

export function operationWords(urn: string, operation: string): OperationWords {
  const { type, name } = partsOf(urn);
  const kind = kindOf(operation);
  const candidates = /^command:/.test(type)
    ? commands
    : /^kubernetes:apps\//.test(type)
      ? [workload]
      : type === "kubernetes:core/v1:Service"
        ? [service]
        : [];
  const words = candidates.find((each) => each.name.test(name));
  const [doing, done] = words?.[kind] ?? (kind === "change" ? generic.change : (words?.[kind] ?? generic[kind]));
  return { subject: words?.name.exec(name)?.[1] ?? name, doing, done };
}

/** Components do nothing themselves; the engine reports them all the same. */
export function isComponent(urn: string): boolean {
  const { type } = partsOf(urn);
  return type === "pulumi:pulumi:Stack" || type.startsWith("homelab:");
}
