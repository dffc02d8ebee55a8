import { isStatus } from "../api/errors";
import { isMadeBy, markMade } from "../api/ownership";
import { StepError } from "../api/step-error";
import type { Context } from "../api/wait";
import { createShared } from "./ensure";
import { defineStep } from "./step";

/** A script with its metadata header read, ready to be sent; see `components/maas/script-metadata.ts`. */
export interface ScriptDesired {
  name: string;
  type: "commissioning" | "testing" | "release";
  content: string;
  /** Digest of the content: what tells revisions apart. */
  digest: string;
}

export interface ScriptObserved {
  id: number;
  digest: string;
  created: boolean;
}

interface Script {
  id: number;
  name: string;
  type_name: string;
  default: boolean;
  history: { id: number; comment: string | null }[];
}

/** The script is in MAAS with this content; a change adds a revision. */
export const scriptStep = defineStep({
  name: "script",
  title: ({ name }: ScriptDesired) => `script ${name}`,
  key: ["name"],
  marked: true,
  run: upload,
  read: async (context, desired) => {
    const found = await scriptNamed(context, desired.name);
    return found && { content: [commentOf(desired), digestIn(found)] };
  },
  remove: async ({ client }, desired, previous) => {
    if (previous?.created) {
      await client.delete(`scripts/${desired.name}`);
    }
  },
});

async function upload(context: Context, desired: ScriptDesired, previous?: ScriptObserved): Promise<ScriptObserved> {
  const { client, log } = context;
  const find = () => scriptNamed(context, desired.name);
  let found = await find();
  if (found?.default) {
    throw new StepError(
      `the script ${desired.name} is one of MAAS's own, which cannot be changed`,
      "give yours another name, in its header or under homelab:maas.scripts",
    );
  }
  const comment = commentOf(desired);
  if (!found) {
    log(`script ${desired.name}: uploading`);
    const form = { name: desired.name, type: desired.type, script: desired.content, comment: markMade(comment, context.stack) };
    const { object, made } = await createShared(() => client.post<Script>("scripts/", undefined, form, { settled: find }), find);
    if (made) {
      return { id: object.id, digest: desired.digest, created: true };
    }
    found = object;
  }
  if (digestIn(found) !== comment) {
    log(`script ${desired.name}: a new revision`);
    await client.put(`scripts/${desired.name}`, { type: desired.type, script: desired.content, comment });
  }
  // The revision that this stack made the script with says so; MAAS keeps all revisions.
  const made = found.history.some((each) => isMadeBy(each.comment, context.stack));
  return { id: found.id, digest: desired.digest, created: made || (previous?.created ?? false) };
}

function scriptNamed({ client }: Context, name: string): Promise<Script | undefined> {
  return client.get<Script>(`scripts/${name}`).catch((error: unknown) => {
    if (isStatus(error, 404)) {
      return undefined;
    }
    throw error;
  });
}

function commentOf({ digest }: ScriptDesired): string {
  return `sha256:${digest}`;
}

/** What the comment of the latest revision says first. */
function digestIn({ history }: Script): string | undefined {
  return [...history].sort((a, b) => b.id - a.id)[0]?.comment?.split(" ")[0];
}
