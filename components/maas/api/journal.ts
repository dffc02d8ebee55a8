import { createHash } from "node:crypto";
import { isStatus } from "./errors";
import type { Context } from "./wait";

type Notes = Record<string, unknown>;

const PREFIX = "homelab-notes-";

function parse(comment: string | undefined): { step: string; key: string; notes: Notes } | undefined {
  try {
    const parsed = JSON.parse(comment ?? "") as { step: string; key: string; notes?: Notes };
    return typeof parsed.notes === "object" && parsed.notes !== null ? { ...parsed, notes: parsed.notes } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What a step is about to make or change, written down in MAAS before it does so: an empty tag, whose comment holds the notes.
 * The engine learns what a step made only when the step has ended. A step that was cut off before finds its notes at the next
 * run, on any computer, and so tells its own things from those that were there before. For things whose description or comment
 * MAAS shows, a mark there does the same (ownership.ts). Without a stack's name there are no notes.
 */
export class Journal {
  private constructor(
    private readonly context: Pick<Context, "client" | "stack">,
    private readonly about: { step: string; key: string },
    private notes: Notes | undefined,
  ) {}

  /**
   * @param step name of the step
   * @param key what tells this resource from others of the step
   */
  static async open(context: Pick<Context, "client" | "stack">, step: string, key: string): Promise<Journal> {
    const journal = new Journal(context, { step, key }, undefined);
    journal.notes = context.stack ? await journal.read() : undefined;
    return journal;
  }

  has(what: string): boolean {
    return this.notes !== undefined && what in this.notes;
  }

  /** What was noted with it. */
  value(what: string): unknown {
    return this.notes?.[what];
  }

  /** All that is noted. */
  names(): string[] {
    return Object.keys(this.notes ?? {});
  }

  /** To be called before the request that makes or changes it. What is noted already stays as it is. */
  async intend(what: string, value: unknown = true): Promise<void> {
    await this.intendAll({ [what]: value });
  }

  async intendAll(notes: Notes): Promise<void> {
    const fresh = Object.keys(notes).some((what) => !this.has(what));
    if (fresh) {
      await this.write({ ...notes, ...this.notes });
    }
  }

  /** It was somebody else who made it, or MAAS has refused it. */
  async forget(what: string): Promise<void> {
    if (this.has(what)) {
      const { [what]: _, ...kept } = this.notes as Notes;
      // A step that made nothing is not asked to delete anything.
      await (Object.keys(kept).length > 0 ? this.write(kept) : this.close());
    }
  }

  /**
   * Whether MAAS's refusal of what exists already was about this stack's own request, which came twice: it was not there a moment
   * ago, this stack has noted it, and no other stack has.
   */
  async isAlone(what: string): Promise<boolean> {
    if (!this.has(what)) {
      return false;
    }
    const tags = await this.context.client.get<{ name: string; comment?: string }[]>("tags/");
    const { step, key } = this.about;
    return !tags
      .filter(({ name }) => name.startsWith(PREFIX) && name !== this.name)
      .map(({ comment }) => parse(comment))
      .some((other) => other?.step === step && other.key === key && what in other.notes);
  }

  /** When what was noted is gone again. Until then the notes stay: a step never learns whether the engine has kept what it printed. */
  async close(): Promise<void> {
    if (this.notes !== undefined) {
      await this.context.client.delete(this.path);
      this.notes = undefined;
    }
  }

  private get name(): string {
    const { step, key } = this.about;
    const digest = createHash("sha256")
      .update(JSON.stringify([this.context.stack, step, key]))
      .digest("hex");
    return `${PREFIX}${digest.slice(0, 16)}`;
  }

  private get path(): string {
    return `tags/${this.name}/`;
  }

  private async read(): Promise<Notes | undefined> {
    try {
      const { comment } = await this.context.client.get<{ comment: string }>(this.path);
      return parse(comment)?.notes;
    } catch (error) {
      if (isStatus(error, 404)) {
        return undefined;
      }
      throw error;
    }
  }

  private async write(notes: Notes): Promise<void> {
    const { client, stack } = this.context;
    if (!stack) {
      return;
    }
    const form = { name: this.name, comment: JSON.stringify({ stack, ...this.about, notes }) };
    if (this.notes === undefined) {
      // A 400 says that the tag is there: the same request came twice.
      await client
        .post("tags/", undefined, form, { settled: () => this.read() })
        .catch((error: unknown) => (isStatus(error, 400) ? client.put(this.path, form) : Promise.reject(error)));
    } else {
      await client.put(this.path, form);
    }
    this.notes = notes;
  }
}
