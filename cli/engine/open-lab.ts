import { noApiKey } from "../live/lab-facts";
import { installPackages } from "./host-packages";
import { requireStack } from "./known-stack";
import { preflight } from "./preflight";
import { say, stage } from "./progress";
import { readableSecrets } from "./readable-secrets";
import { checkStackFile } from "./settings-file";
import { startSimulator } from "./simulator-process";
import { ensureSimStack, podsLeftOut, simStack } from "./stack";
import { artefactsCached, ensureArtefacts, ensurePulumi, imagesOfPages, type Toolchain } from "./toolchain";

/** A stack with everything below it running: what the engine needs to work on it. */
export interface OpenLab extends Toolchain {
  stack: string;
  /** Settles when all images are made; absent where nothing is being built. */
  building?: Promise<void>;
}

/**
 * Prepares a stack for the engine. For `sim` that is all of the embedded lab: packages, artefacts, the running simulator and
 * the stack's own configuration; the other stacks need the engine and its plugins only.
 *
 * @param options.installs whether machines may be installed: a preview or a destruction compiles no Kubernetes
 */
export async function openLab(stack: string, { installs }: { installs: boolean } = { installs: true }): Promise<OpenLab> {
  // First of all: nobody should wait for a compiler to be told of a misspelt setting.
  const { settings, hasApiKey } = await stage("Settings", () => checkStackFile(stack));
  for (const line of readableSecrets(settings)) {
    say(line.replace(/^/gm, "    "));
  }
  if (stack !== simStack) {
    const toolchain = await ensurePulumi();
    await requireStack(toolchain, stack);
    if (settings.maas.install === undefined && !hasApiKey) {
      throw noApiKey(stack);
    }
    return { ...toolchain, stack };
  }
  await stage("Checking this computer", async () => preflight({ cold: installs && !(await artefactsCached(settings.ingress.enabled)) }));
  await stage("Debian packages", installPackages);
  const [pulumi, artefacts] = await Promise.allSettled([ensurePulumi(), ensureArtefacts({ installs, ingress: false })]);
  if (artefacts.status === "rejected") {
    throw artefacts.reason;
  }
  if (pulumi.status === "rejected") {
    throw pulumi.reason;
  }
  await stage("Embedded lab (simulated MAAS, machines, mirror)", startSimulator);
  await stage("Stack configuration", () => ensureSimStack(pulumi.value));
  const later = installs && settings.ingress.enabled ? await imagesOfPages() : undefined;
  if (installs) {
    for (const program of podsLeftOut()) {
      say(`    no image of ${program} can be assembled for the embedded lab: its objects are applied, and no pod of it runs`);
    }
  }
  return { ...pulumi.value, stack, building: later?.made };
}
