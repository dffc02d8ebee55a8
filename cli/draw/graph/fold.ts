import type { Resource } from "./resources";

/** A box of the picture: a component with how many resources it has of its own, or a resource. */
export interface Box {
  id: string;
  type: string;
  name: string;
  /** The component that it is drawn in. */
  within?: string;
  resources: number;
}

export interface Graph {
  boxes: Box[];
  /** From what is made first to what needs it. */
  arrows: [from: string, to: string][];
}

const isStack = ({ type }: Resource) => type === "pulumi:pulumi:Stack";
const isComponent = ({ type }: Resource) => type.startsWith("homelab:");
/** Providers that nobody configures; the engine makes them for itself. */
const isDefault = ({ type, name }: Resource) => type.startsWith("pulumi:providers:") && name.startsWith("default");

/**
 * The graph that is drawn. Folded, each resource is counted in its component; else it is a box in its component. What is in no
 * component is a box in both cases. An arrow that a longer way says already is left out, and so is one from a part back to the
 * component that it is drawn in, where the part needs that component: the frame says that they belong together.
 */
export function graphOf(all: readonly Resource[], { folded }: { folded: boolean }): Graph {
  const resources = all.filter((resource) => !isStack(resource) && !isDefault(resource));
  const byId = new Map(resources.map((resource) => [resource.id, resource]));
  const component = ({ parent }: Resource): Resource | undefined => {
    const above = parent === undefined ? undefined : byId.get(parent);
    return above === undefined || isComponent(above) ? above : component(above);
  };
  const boxOf = (resource: Resource) => (isComponent(resource) || !folded ? resource : (component(resource) ?? resource));
  const boxes = resources.filter((resource) => boxOf(resource) === resource);
  const own = (box: Resource) => resources.filter((each) => !isComponent(each) && component(each) === box).length;
  const isWithin = (id: string, outer: string): boolean => {
    const above = component(byId.get(id) as Resource);
    return above !== undefined && (above.id === outer || isWithin(above.id, outer));
  };
  const arrows = new Map<string, [string, string]>();
  for (const resource of resources) {
    for (const need of resource.needs.flatMap((id) => byId.get(id) ?? [])) {
      const [from, to] = [boxOf(need).id, boxOf(resource).id];
      if (from !== to) {
        arrows.set(`${from} ${to}`, [from, to]);
      }
    }
  }
  return {
    boxes: boxes.map((box) => ({
      id: box.id,
      type: box.type,
      name: box.name,
      within: component(box)?.id,
      resources: isComponent(box) ? own(box) : 1,
    })),
    arrows: reduced([...arrows.values()].filter(([from, to]) => !(arrows.has(`${to} ${from}`) && isWithin(from, to)))),
  };
}

/** Without the arrows that say what a longer way says too. Among boxes that need one another in a circle all are kept. */
function reduced(arrows: readonly [string, string][]): [string, string][] {
  const next = new Map<string, string[]>();
  for (const [from, to] of arrows) {
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  /** Every box that arrows lead to from one, by way of boxes that `through` lets pass. */
  const reached = (from: string, through: (box: string) => boolean): Set<string> => {
    const seen = new Set<string>();
    const open = [...(next.get(from) ?? [])];
    for (let box = open.pop(); box !== undefined; box = open.pop()) {
      if (!seen.has(box)) {
        seen.add(box);
        open.push(...(through(box) ? (next.get(box) ?? []) : []));
      }
    }
    return seen;
  };
  const all = new Map([...next.keys()].map((box) => [box, reached(box, () => true)]));
  const circular = (a: string, b: string) => a === b || (all.get(a)?.has(b) === true && all.get(b)?.has(a) === true);
  return arrows.filter(([from, to]) => {
    const between = (box: string) => !circular(box, from) && !circular(box, to);
    return circular(from, to) || !(next.get(from) ?? []).some((box) => between(box) && reached(box, between).has(to));
  });
}
