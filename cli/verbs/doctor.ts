import Table from "cli-table3";
import type { Command } from "commander";
import { isUserError } from "../../components/core/user-error";
import {
  describeLab,
  engineFound,
  howToStop,
  imagesCached,
  k3sCached,
  kubernetesProviderCached,
  rootFileSystemCached,
  vendorReachable,
} from "../../rig";
import { missingPackages } from "../engine/host-packages";
import { preflight } from "../engine/preflight";
import { otherLabs, simulatorRunning } from "../engine/simulator-process";
import { pastEnd, pinnedInStacks, pinnedLines } from "../engine/support";
import { checkout } from "../paths";

interface Finding {
  what: string;
  /** `missing` is what `lab up` provides by itself; `wrong` stops it; `old` is no longer supported by those who make it. */
  state: "present" | "missing" | "wrong" | "old";
  detail: string;
}

async function findings(): Promise<Finding[]> {
  const found: Finding[] = [];
  const reachable = await vendorReachable();
  const cached = { system: await rootFileSystemCached(), k3s: await k3sCached(), images: await imagesCached() };
  const cold = !Object.values(cached).every(Boolean);
  await preflight({ cold }).then(
    () =>
      found.push({
        what: "this computer",
        state: "present",
        detail: "root, system, disk, memory and Go are as the embedded lab needs them",
      }),
    (error: unknown) => {
      if (!isUserError(error)) {
        throw error;
      }
      found.push({ what: "this computer", state: "wrong", detail: error.message });
    },
  );
  const packages = await missingPackages();
  found.push({
    what: "Debian packages",
    state: packages.length === 0 ? "present" : "missing",
    detail: packages.length === 0 ? "all installed" : `'lab up' installs ${packages.join(", ")}`,
  });
  found.push({
    what: "vendors' downloads",
    state: reachable ? "present" : "missing",
    detail: reachable
      ? "reachable: the official engine, plugins, k3s and images are used"
      : "not reachable: what they would give is built or stood in for",
  });
  const engine = await engineFound();
  found.push({
    what: "Pulumi engine",
    state: engine ? "present" : "missing",
    detail: engine
      ? `${engine.version}, ${engine.source}`
      : reachable
        ? "'lab up' downloads it"
        : "'lab up' builds it from its Go module (about 3 minutes, once)",
  });
  const plugin = reachable || (await kubernetesProviderCached());
  found.push({
    what: "Kubernetes plugin",
    state: plugin ? "present" : "missing",
    detail: reachable
      ? "the vendor's download"
      : plugin
        ? "built from its Go module"
        : "'lab up' builds it from its Go module (about 5 minutes, once)",
  });
  const artefact = (what: string, there: boolean, otherwise: string) =>
    found.push({ what, state: there ? "present" : "missing", detail: there ? "cached" : otherwise });
  artefact("machine image", cached.system, "'lab up' makes it from Debian packages (about a minute, once)");
  artefact("Kubernetes", cached.k3s, "'lab up' compiles the k3s stand-in from upstream's Go modules (about 9 minutes, once)");
  artefact("container images", cached.images, "'lab up' assembles them from Debian packages and Go modules (some minutes, once)");
  for (const { what, line, ends, read } of pastEnd(new Date(), pinnedLines())) {
    found.push({ what, state: "old", detail: `support of ${line}, which versions.json pins, ended on ${ends} (${read}): plan an upgrade` });
  }
  for (const { stack, line, ends, read } of pastEnd(new Date(), await pinnedInStacks(checkout))) {
    found.push({
      what: `k3s of ${stack}`,
      state: "old",
      detail: `support of ${line}, which Pulumi.${stack}.yaml pins, ended on ${ends} (${read}): docs/how-to/k3s-upgrade.md`,
    });
  }
  const running = await simulatorRunning();
  found.push({
    what: "embedded lab",
    state: running ? "present" : "missing",
    detail: running ? `MAAS at ${running.url}` : "not running; 'lab up' starts it",
  });
  for (const lab of await otherLabs().catch(() => [])) {
    found.push({
      what: lab.process && lab.folder ? "another lab" : "leftovers",
      // Labs share the bridge's name and MAAS's ports.
      state: "wrong",
      detail: `${describeLab(lab)}. To use the embedded lab here, ${howToStop(lab)}`,
    });
  }
  return found;
}

export function register(program: Command): void {
  program
    .command("doctor")
    .description("say what is present, what is missing, and which fallback would be used")
    .option("--json", "print JSON instead of a table")
    .addHelpText("after", "\nExit code 2 when something would stop 'lab up'; what it provides by itself is not an error.")
    .action(async (options: { json?: boolean }) => {
      const found = await findings();
      if (options.json) {
        process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
      } else {
        const table = new Table({
          head: ["part", "state", "detail"],
          style: { head: [], border: [] },
          colWidths: [20, 10, 90],
          wordWrap: true,
        });
        table.push(...found.map(({ what, state, detail }) => [what, state, detail]));
        process.stdout.write(`${table.toString()}\n`);
      }
      process.exitCode = found.some(({ state }) => state === "wrong") ? 2 : 0;
    });
}
