import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { KubernetesApi } from "../../../cli/live/kubernetes-api";
import type { Preview } from "../../../cli/report/preview";
import type { Machine } from "../../../components/maas/api/types";
import { installLibrary, libraryExamples } from "../../support/packed-library";
import { RealEngine } from "../../support/real-engine";
import type { TestLab } from "../support/lab";
import { imageArchives, machine, mirror } from "../support/three-servers";

const minutes = 60_000;

/** What MAAS has, apart from ids and times. */
async function contents(lab: TestLab): Promise<object> {
  const resources = ["machines", "subnets", "ipranges", "tags", "domains", "zones", "resourcepools", "dnsresources"];
  const all = await Promise.all(
    resources.map((resource) => lab.maas<{ hostname?: string; cidr?: string; name?: string }[]>(`${resource}/`)),
  );
  return Object.fromEntries(
    resources.map((resource, index) => [resource, all[index].map(({ hostname, cidr, name }) => hostname ?? cidr ?? name).sort()]),
  );
}

/**
 * A program of somebody who has never seen this repository: the packed library and an example in a folder of their own, and the
 * engine's own commands. It takes a machine that the lab's stack leaves alone.
 *
 * @param number of a machine of the lab that is in no stack
 */
export function plainProgramSteps(lab: TestLab, number: number): void {
  it(
    "has a machine left for a program of somebody else's: the packed library, brought up, changed and taken down by plain pulumi",
    async () => {
      const before = await contents(lab);
      const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-plain-"));
      try {
        await fs.cp(path.join(libraryExamples, "one-machine"), folder, { recursive: true });
        await fs.writeFile(path.join(folder, "package.json"), "{}\n");
        // What the engine's Node.js loads TypeScript with.
        installLibrary(folder, ["typescript", "ts-node"]);
        const engine = await RealEngine.in(folder);
        const pulumi = (...args: string[]) => {
          lab.note(`pulumi ${args[0]}`);
          return engine.pulumi(folder, ...args);
        };
        const { macAddresses, address, power } = machine(number, "server") as {
          macAddresses: string[];
          address: string;
          power: { type: string; parameters: object };
        };
        pulumi("stack", "init", "attic");
        for (const [key, value] of Object.entries({
          maasUrl: "http://192.168.200.1:5240/MAAS",
          subnet: "192.168.200.0/24",
          macAddress: macAddresses[0],
          address,
          powerType: power.type,
          power: JSON.stringify(power.parameters),
          protect: "false",
          k3sMirror: mirror,
          k3sImages: JSON.stringify(imageArchives),
        })) {
          pulumi("config", "set", key, value);
        }
        const key = (await fs.readFile(path.join(lab.state, "sim", "api-key"), "utf8")).trim();
        pulumi("config", "set", "--secret", "maasApiKey", key);

        expect(pulumi("up", "--yes")).toMatch(/^\s+\+ \d+ created$/m);
        const found = async () => (await lab.maas<(Machine & { description: string })[]>("machines/?hostname=attic"))[0];
        expect(await found()).toMatchObject({ status_name: "Deployed", ip_addresses: [address] });
        const cluster = new KubernetesApi(pulumi("stack", "output", "kubeconfig", "--show-secrets"));
        const { items } = await cluster.get<{ items: { metadata: { name: string } }[] }>("/api/v1/nodes");
        expect(items.map(({ metadata }) => metadata.name)).toEqual(["attic"]);
        await cluster.get("/api/v1/namespaces/apps");

        const again = pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
        expect(again).toMatch(/^\s+\d+ unchanged$/m);

        pulumi("config", "set", "notes", "under the roof");
        const { steps } = JSON.parse(pulumi("preview", "--json")) as Preview;
        const changed = steps.filter(({ op }) => op !== "same").map(({ op, urn }) => [op, urn.split("::").at(-1)]);
        expect(changed).toEqual([["update", "attic-enlistment"]]);
        expect(pulumi("up", "--yes", "--skip-preview")).toMatch(/^\s+~ 1 updated$/m);
        expect((await found()).description).toContain("under the roof");

        expect(pulumi("destroy", "--yes")).toMatch(/^\s+- \d+ deleted$/m);
        const { deployment } = JSON.parse(pulumi("stack", "export")) as { deployment: { resources?: unknown[] } };
        expect(deployment.resources ?? []).toEqual([]);
        pulumi("stack", "rm", "--yes");
        expect(await contents(lab)).toEqual(before);
      } finally {
        await fs.rm(folder, { recursive: true, force: true });
      }
    },
    10 * minutes,
  );
}
