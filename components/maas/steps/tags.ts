import { isStatus } from "../api/errors";
import type { Machine } from "../api/types";
import type { Context } from "../api/wait";
import { createShared } from "./ensure";

/** A tag of one machine's own that carries its kernel options: MAAS has no other place for them. */
export function kernelTag(name: string): string {
  return `kernel-options-${name}`;
}

const COMMENT = "made by the home lab's stack";

/** Puts on the tags that are wanted, makes those that MAAS does not have, and takes off what was put on before and is no longer wanted. */
export async function adjustTags(
  { client }: Context,
  machine: Machine,
  wanted: readonly string[],
  before: readonly string[],
): Promise<void> {
  for (const tag of wanted.filter((each) => !machine.tag_names.includes(each))) {
    const put = async () => {
      await ensureTag({ client }, tag, {});
      await client.post(`tags/${tag}/`, "update_nodes", { add: [machine.system_id] }, { settled: async () => undefined });
    };
    // Another machine's step may take the tag away in between, as nobody had it.
    await put().catch((error: unknown) => (isStatus(error, 404) ? put() : Promise.reject(error)));
  }
  for (const tag of before.filter((each) => !wanted.includes(each) && machine.tag_names.includes(each))) {
    await client
      .post(`tags/${tag}/`, "update_nodes", { remove: [machine.system_id] }, { settled: async () => undefined })
      .catch((error: unknown) => (isStatus(error, 404) ? undefined : Promise.reject(error)));
    await dropUnused({ client }, tag);
  }
}

/** A tag that a stack made goes with the last machine that had it. */
export async function dropUnused({ client }: Pick<Context, "client">, tag: string): Promise<void> {
  const path = `tags/${tag}/`;
  try {
    const { comment, definition } = await client.get<Tag>(path);
    if (comment === COMMENT && !definition && (await client.get<unknown[]>(path, { op: "nodes" })).length === 0) {
      await client.delete(path);
    }
  } catch (error) {
    if (!isStatus(error, 404)) {
      throw error;
    }
  }
}

/** Kernel options take effect at the machine's next boot from the network. */
export async function adjustKernelOptions(context: Context, machine: Machine, name: string, options: string | undefined): Promise<void> {
  const tag = kernelTag(name);
  if (!options) {
    await (machine.tag_names.includes(tag) ? context.client.delete(`tags/${tag}/`) : undefined);
    return;
  }
  await ensureTag(context, tag, { kernel_opts: options, comment: `kernel options of ${name}` });
  await adjustTags(context, machine, [tag], []);
}

interface Tag {
  kernel_opts: string;
  comment?: string;
  definition?: string;
}

async function ensureTag(
  { client }: Pick<Context, "client">,
  name: string,
  fields: { kernel_opts?: string; comment?: string },
): Promise<void> {
  const path = `tags/${name}/`;
  const find = () => client.get<Tag>(path).catch((error: unknown) => (isStatus(error, 404) ? undefined : Promise.reject(error)));
  let found = await find();
  if (!found) {
    const form = { name, comment: COMMENT, ...fields };
    const created = await createShared(() => client.post<Tag>("tags/", undefined, form, { settled: find }), find);
    if (created.made) {
      return;
    }
    found = created.object;
  }
  if (fields.kernel_opts !== undefined && found.kernel_opts !== fields.kernel_opts) {
    await client.put(path, { name, ...fields });
  }
}
