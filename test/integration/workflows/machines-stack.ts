import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Machine } from "../../../components/maas/api/types";
import { Workplace } from "../../support/workplace";
import { Lab } from "../maas/lab";

/** Secrets of the stacks and of the forge; nothing that a job leaves behind may show one. */
export const secrets = {
  GITHUB_TOKEN: "canary-token-0001",
  PULUMI_CONFIG_PASSPHRASE: "canary-passphrase-0002",
  power: "canary-power-0003",
};

/**
 * Stacks that the workflows' jobs really deploy: the real `./lab`, engine, plugins and steps, a file backend, and a simulated MAAS for each,
 * whose machines take tenths of seconds. They have no operating system, so the program ends after the machines.
 */
export class MachinesStacks {
  private constructor(
    private readonly place: Workplace,
    private readonly labs: ReadonlyMap<string, Lab>,
    /** The main branch with the stacks' files. */
    readonly main: string,
  ) {}

  static async create(place: Workplace, names: readonly string[]): Promise<MachinesStacks> {
    const labs = new Map<string, Lab>();
    for (const name of names) {
      labs.set(name, await Lab.start());
    }
    const edit = async (folder: string) => {
      await fs.writeFile(path.join(folder, "index.ts"), 'export * from "./test/integration/maas/program";\n');
      for (const [name, { url }] of labs) {
        await fs.copyFile(path.join(folder, "Pulumi.lab.yaml"), path.join(folder, `Pulumi.${name}.yaml`)).catch(() => undefined);
        await Workplace.settings(folder, name, (config) => {
          config["homelab:maas"] = { url, waits: { commission: "5 minutes", deploy: "5 minutes" } };
        });
      }
    };
    const plain = await place.commit(place.main, "refs/heads/main", edit);
    await fs.mkdir(backendOf(place), { recursive: true });
    await fs.chmod(backendOf(place), 0o777);
    const main = await place.commit(plain, "refs/heads/main", async (folder) => {
      for (const [name, lab] of labs) {
        const config = (key: string, value: string) =>
          `printf %s '${value}' | ./lab pulumi config set --secret --path '${key}' --stack ${name}`;
        const line = [
          `./lab pulumi stack init ${name}`,
          config("homelab:maasApiKey", lab.simulator.adminApiKey()),
          config("homelab:machines[0].power.parameters.power_pass", secrets.power),
        ];
        const { code, log, clone } = await place.shell(plain, line.join("\n"), {
          LAB_BACKEND_URL: `file://${backendOf(place)}`,
          PULUMI_CONFIG_PASSPHRASE: secrets.PULUMI_CONFIG_PASSPHRASE,
        });
        if (code !== 0) {
          throw new Error(log);
        }
        await fs.copyFile(path.join(clone, `Pulumi.${name}.yaml`), path.join(folder, `Pulumi.${name}.yaml`));
      }
    });
    return new MachinesStacks(place, labs, main);
  }

  get backend(): string {
    return backendOf(this.place);
  }

  lab(name = "lab"): Lab {
    return this.labs.get(name) as Lab;
  }

  /** What MAAS says of a stack's machines, by name. */
  async machines(name = "lab"): Promise<Record<string, Pick<Machine, "status_name" | "osystem" | "tag_names"> & { notes: string }>> {
    const all = await this.lab(name).context().client.get<(Machine & { description: string })[]>("machines/");
    return Object.fromEntries(
      all.map(({ hostname, status_name, osystem, tag_names, description }) => [
        hostname,
        { status_name, osystem, tag_names, notes: description.split("\n")[0] },
      ]),
    );
  }

  async close(): Promise<void> {
    for (const lab of this.labs.values()) {
      await lab.close();
    }
  }
}

const backendOf = (place: Workplace) => path.join(place.folder, "backend");
