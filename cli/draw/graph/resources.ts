/** A resource of the stack, and what of the others it needs. Ids are those of the engine's DOT. */
export interface Resource {
  id: string;
  /** Type token, for example `homelab:k3s:Cluster`. */
  type: string;
  name: string;
  urn: string;
  parent?: string;
  needs: string[];
}

/** The colour by which `pulumi stack graph` tells an arrow to a parent from one to something needed. */
const parentColour = "#AA6639";

/** Reads what `pulumi stack graph` writes. Its arrows lead from a resource to its parent, and to those that need it. */
export function readDot(dot: string): Resource[] {
  const resources = new Map<string, Resource>();
  for (const [, id, urn] of dot.matchAll(/^\s*(\w+) \[label="(.+)"\];$/gm)) {
    const [, , types, ...name] = urn.split("::");
    resources.set(id, { id, urn, type: types.split("$").at(-1) ?? "", name: name.join("::"), needs: [] });
  }
  for (const [, from, to, colour] of dot.matchAll(/^\s*(\w+) -> (\w+) \[color = "(#\w+)".*\];$/gm)) {
    const [resource, other] = [resources.get(from), resources.get(to)];
    if (resource && colour === parentColour) {
      resource.parent = to;
    } else if (other && !other.needs.includes(from)) {
      other.needs.push(from);
    }
  }
  return [...resources.values()].sort((a, b) => (a.urn < b.urn ? -1 : 1));
}

/** The engine's DOT leaves out by which provider a resource is made. `providers` has that by URN, as the state names it: `URN::ID`. */
export function withProviders(resources: readonly Resource[], providers: ReadonlyMap<string, string>): Resource[] {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource.id]));
  return resources.map((resource) => {
    const provider = byUrn.get(providers.get(resource.urn)?.replace(/::[^:]*$/, "") ?? "");
    return provider === undefined || resource.needs.includes(provider) ? resource : { ...resource, needs: [...resource.needs, provider] };
  });
}
