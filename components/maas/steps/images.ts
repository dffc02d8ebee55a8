import { span } from "../api/clock";
import { isStatus } from "../api/errors";
import { Journal } from "../api/journal";
import { StepError } from "../api/step-error";
import type { Context } from "../api/wait";
import { ensure } from "./ensure";
import { defineStep, type Reading } from "./step";

export interface ImagesDesired {
  source?: { url: string; keyring: string };
  releases: readonly { os: string; release: string; architectures: readonly string[] }[];
  /** Seconds to wait for the import. */
  limit: number;
}

export interface ImagesObserved {
  /** `ubuntu/noble/amd64`. */
  images: string[];
  /** Sources and selections that this stack made. */
  made: string[];
}

interface Source {
  id: number;
  url: string;
  keyring_filename: string;
  created: string;
}

interface Selection {
  id: number;
  os: string;
  release: string;
  arches: string[];
}

const LOOK = 15_000;
const LOOK_AT_SOURCE = 5_000;
/** A source that was made so long ago at most may not have been read yet, in milliseconds. */
const NEW = 30 * 60_000;

/** The boot source with its selections, imported. */
export const imagesStep = defineStep({
  name: "images",
  title: () => "images",
  marked: true,
  run,
  read,
  remove,
});

/** An image that is no longer selected goes at MAAS's next import. */
async function read(context: Context, desired: ImagesDesired): Promise<Reading> {
  const { client } = context;
  const sources = await client.get<Source[]>("boot-sources/");
  const source = desired.source ? sources.find(({ url }) => url === desired.source?.url) : sources[0];
  const selections = source ? await client.get<Selection[]>(`boot-sources/${source.id}/selections/`) : [];
  const selected = selections.flatMap(({ os, release, arches }) => arches.map((architecture) => `${os}/${release}/${architecture}`));
  const images = imagesOf(desired);
  const left = await missing(context, images);
  const kept = images.filter((each) => !left.includes(each) && (!source || selected.includes(each)));
  return { source: [desired.source?.url, source?.url], images: [images.join(", "), kept.join(", ")] };
}

function imagesOf({ releases }: ImagesDesired): string[] {
  return releases
    .flatMap(({ os, release, architectures }) => architectures.map((architecture) => `${os}/${release}/${architecture}`))
    .sort();
}

async function run(context: Context, desired: ImagesDesired, previous?: ImagesObserved): Promise<ImagesObserved> {
  const { client, log } = context;
  const made: string[] = [];
  const journal = await imagesJournal(context);
  const source = await sourceOf(context, desired, made, journal);
  const wanted = imagesOf(desired);
  for (const { os, release, architectures } of source ? desired.releases : []) {
    const path = `boot-sources/${source?.id}/selections/`;
    const select = () =>
      ensure<Selection>(context, {
        what: `images ${os}/${release}`,
        find: async () => (await client.get<Selection[]>(path)).find((each) => each.os === os && each.release === release),
        create: { path, form: { os, release, arches: architectures, subarches: ["*"], labels: ["*"] } },
        path: (each) => `${path}${each.id}/`,
        now: (each) => ({ arches: [...new Set(each.arches)].sort() }),
        wanted: { arches: [...architectures].sort() },
        journal,
      });
    const { object, made: isNew } = await onceListed(context, source as Source, desired.limit, select);
    if (isNew) {
      made.push(`${path}${object.id}/`);
    }
  }
  if (!(await missing(context, wanted)).length) {
    return { images: wanted, made: [...new Set([...(previous?.made ?? []), ...made])] };
  }
  log(`importing ${(await missing(context, wanted)).join(", ")}`);
  await client.post("boot-resources/", "import", {}, { settled: async () => undefined });
  await waitForImages(context, wanted, desired.limit);
  return { images: wanted, made: [...new Set([...(previous?.made ?? []), ...made])] };
}

/** Takes the selections back that this stack made; MAAS drops their images at its next import. */
async function remove(context: Context, _desired: ImagesDesired, previous?: ImagesObserved): Promise<void> {
  const { client, log } = context;
  for (const path of [...(previous?.made ?? [])].reverse()) {
    await client.delete(path).catch((error: Error) => log(`${path} stays: ${error.message}`));
  }
  await (await imagesJournal(context)).close();
}

/** A stack has one such step. */
function imagesJournal(context: Context): Promise<Journal> {
  return Journal.open(context, "images", "");
}

/** The source that is wanted, or MAAS's only one; none when MAAS has its own built-in one. */
async function sourceOf(context: Context, desired: ImagesDesired, made: string[], journal: Journal): Promise<Source | undefined> {
  const { client } = context;
  const { source } = desired;
  if (!source) {
    return (await client.get<Source[]>("boot-sources/"))[0];
  }
  const { object, made: isNew } = await ensure<Source>(context, {
    what: `boot source ${source.url}`,
    find: async () => (await client.get<Source[]>("boot-sources/")).find((each) => each.url === source.url),
    create: { path: "boot-sources/", form: { url: source.url, keyring_filename: source.keyring } },
    path: (each) => `boot-sources/${each.id}/`,
    now: (each) => ({ keyring_filename: each.keyring_filename }),
    wanted: { keyring_filename: source.keyring },
    journal,
  });
  if (isNew) {
    made.push(`boot-sources/${object.id}/`);
  }
  return object;
}

/** MAAS reads what a new source has after it was made, and refuses selections until then. One that it knows well is not waited for. */
async function onceListed<T>(context: Context, source: Source, limit: number, select: () => Promise<T>): Promise<T> {
  const { clock, log } = context;
  const started = clock.now();
  for (;;) {
    try {
      return await select();
    } catch (error) {
      if (!isStatus(error, 400) || !/no available images/i.test(error.text)) {
        throw error;
      }
      const isNew = started - Date.parse(source.created) < NEW;
      const waited = clock.now() - started;
      if (!isNew || waited + LOOK_AT_SOURCE > limit * 1000) {
        throw new StepError(
          `${source.url}: ${error.text}${isNew ? `, after ${span(waited)}` : ""}`,
          "check the release under homelab:maas.images.releases, and that the region controller reaches the source",
        );
      }
      log(`waiting for MAAS to read ${source.url}, ${span(waited)}`);
      await clock.sleep(LOOK_AT_SOURCE);
    }
  }
}

/** What is not there as a whole: MAAS lists images before it has downloaded them. */
async function missing({ client }: Context, wanted: string[]): Promise<string[]> {
  const have = await client.get<Resource[]>("boot-resources/");
  const left: string[] = [];
  for (const each of wanted) {
    const rows = have.filter(({ name, architecture }) => `${name}/${architecture.split("/")[0]}` === each);
    const complete = await Promise.all(rows.map((row) => isComplete({ client }, row)));
    if (complete.length === 0 || complete.includes(false)) {
      left.push(each);
    }
  }
  return left;
}

interface Resource {
  id: number;
  name: string;
  architecture: string;
}

/** Whether MAAS has all files of any version of it. */
export async function isComplete({ client }: Pick<Context, "client">, { id }: { id: number }): Promise<boolean> {
  const { sets } = await client.get<{ sets?: Record<string, { complete: boolean }> }>(`boot-resources/${id}/`);
  return Object.values(sets ?? {}).some(({ complete }) => complete);
}

async function waitForImages(context: Context, wanted: string[], limit: number): Promise<void> {
  const { client, clock, log } = context;
  const started = clock.now();
  for (let idle = 0; ; ) {
    const left = await missing(context, wanted);
    const importing = await client.get<boolean>("boot-resources/", { op: "is_importing" });
    if (left.length === 0 && !importing) {
      return;
    }
    const waited = clock.now() - started;
    idle = importing ? 0 : idle + 1;
    // An import that has just been asked for takes a moment to begin.
    if (waited > limit * 1000 || idle > 4) {
      throw new StepError(
        `${left.join(", ") || wanted.join(", ")} ${left.length === 1 ? "was" : "were"} not imported${idle > 4 ? ": MAAS has stopped importing" : ` within ${span(limit * 1000)}`}`,
        "see that the release exists and that the region controller reaches its image source; homelab:maas.images.wait is how long to wait",
      );
    }
    log(`importing images: ${left.length} of ${wanted.length} to go, ${span(waited)}`);
    await clock.sleep(LOOK);
  }
}
