import { MaasError } from "../api/errors";
import type { Machine } from "../api/types";
import type { Context } from "../api/wait";

/** A tag of one machine's own that carries its kernel options: MAAS has no other place for them. */
export function kernelTag(name: string): string {
  return `kernel-options-${name}`;
}

/** Puts on the tags that are wanted, makes those that MAAS does not have, and takes off what was put on before and is no longer wanted. */
export async function adjustTags(
  { client }: Context,
  machine: Machine,
  wanted: readonly string[],
  before: readonly string[],
): Promise<void> {
  for (const tag of wanted.filter((each) => !machine.tag_names.includes(each))) {
    await ensureTag({ client }, tag, {});
    await client.post(`tags/${tag}/`, "update_nodes", { add: [machine.system_id] }, { settled: async () => undefined });
  }
  for (const tag of before.filter((each) => !wanted.includes(each) && machine.tag_names.includes(each))) {
    await client.post(`tags/${tag}/`, "update_nodes", { remove: [machine.system_id] }, { settled: async () => undefined });
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

async function ensureTag(
  { client }: Pick<Context, "client">,
  name: string,
  fields: { kernel_opts?: string; comment?: string },
): Promise<void> {
  const path = `tags/${name}/`;
  const found = await client.get<{ kernel_opts: string }>(path).catch((error: unknown) => {
    if (error instanceof MaasError && error.status === 404) {
      return undefined;
    }
    throw error;
  });
  if (!found) {
    const form = { name, comment: "made by the home lab's stack", ...fields };
    await client.post("tags/", undefined, form, { settled: () => client.get(path).catch(() => undefined) });
  } else if (fields.kernel_opts !== undefined && found.kernel_opts !== fields.kernel_opts) {
    await client.put(path, { name, ...fields });
  }
}
