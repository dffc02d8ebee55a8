import { isStatus } from "../api/errors";
import { Journal } from "../api/journal";
import type { Identity } from "../api/lookup";
import type { Machine } from "../api/types";
import type { Context } from "../api/wait";

/** What of a machine that was in MAAS before goes back to what it was. */
const PLACES = ["zone", "pool", "domain"] as const;

interface Wanted extends Identity {
  stack: string;
  zone?: string;
  pool?: string;
  domain?: string;
  tags: string[];
}

/** What a stack changes on a machine that it found in MAAS, noted there before it does so. */
export class Adoption {
  private constructor(private readonly journal: Journal) {}

  static async open(context: Context, { stack, name, macAddresses, vmHost }: Wanted): Promise<Adoption> {
    const key = macAddresses[0]?.toLowerCase() ?? `${name} on ${vmHost}`;
    return new Adoption(await Journal.open({ client: context.client, stack: context.stack ?? stack }, "enlist", key));
  }

  /** To be called before the machine is changed. */
  async note(machine: Machine, wanted: Wanted): Promise<void> {
    const places = PLACES.flatMap((place) =>
      wanted[place] !== undefined && machine[place].name !== wanted[place] ? [[place, machine[place].name]] : [],
    );
    const tags = wanted.tags.filter((tag) => !machine.tag_names.includes(tag)).map((tag) => [`tag ${tag}`, true]);
    await this.journal.intendAll(Object.fromEntries([...places, ...tags]));
  }

  /** Those of the tags that the stack has put on. */
  tags(among: readonly string[]): string[] {
    return among.filter((tag) => this.journal.has(`tag ${tag}`));
  }

  /** Zone, pool and domain that the machine had, where it still is where the stack has put it. */
  async putBack({ client, log }: Context, machine: Machine, wanted: Wanted): Promise<void> {
    for (const place of PLACES.filter((each) => this.journal.has(each) && machine[each].name === wanted[each])) {
      const former = String(this.journal.value(place));
      try {
        await client.put(`machines/${machine.system_id}/`, { [place]: former });
      } catch (error) {
        if (!isStatus(error, 400)) {
          throw error;
        }
        log(`${wanted.name}: stays in ${place} ${wanted[place]}, as MAAS has no ${place} ${former} any more`);
      }
    }
  }

  close(): Promise<void> {
    return this.journal.close();
  }
}
