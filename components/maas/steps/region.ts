import { isStatus, MaasUnreachable } from "../api/errors";
import { StepError } from "../api/step-error";
import type { Context } from "../api/wait";
import { isComplete } from "./images";
import { defineStep } from "./step";

export interface RegionDesired {
  /** That MAAS must have, as far as it is given: `3.7`. */
  version: string;
  /** Seconds. */
  limit: number;
  /** Also wait for an image that machines can be commissioned with: nothing else waits for one. */
  image?: boolean;
}

/** How the region controller is: its version, the services of its racks that do not run, whether it gets images now. */
export interface RegionHealth {
  version: string;
  /** By rack: services that should run and do not, with what MAAS says of them. */
  racks: Record<string, string[]>;
  importing: boolean;
  images: number;
}

interface Rack {
  hostname: string;
  service_set: { name: string; status: string; status_info: string }[];
}

/** A service that is off is so by settings: DHCP without a subnet, the proxy of another host. */
const FINE = ["running", "off"];
const LOOK_EVERY = 5_000;

/** Without a login up to the racks, so that a MAAS that still starts is told from one that refuses the key. */
export async function regionHealth({ client }: Pick<Context, "client">): Promise<RegionHealth> {
  const { version } = await client.get<{ version: string }>("version/");
  const racks = await client.get<Rack[]>("rackcontrollers/");
  const images = await client.get<unknown[]>("boot-resources/");
  return {
    version,
    racks: Object.fromEntries(
      racks.map(({ hostname, service_set: services }) => [
        hostname,
        services
          .filter(({ status }) => !FINE.includes(status))
          .map(({ name, status, status_info: info }) => [name, status, info].filter(Boolean).join(" ")),
      ]),
    ),
    importing: await client.get<boolean>("boot-resources/", { op: "is_importing" }),
    images: images.length,
  };
}

/** Waits until MAAS answers in the wanted version and a rack's services run. MAAS itself stays. */
export const regionStep = defineStep({
  name: "region",
  title: () => "MAAS",
  run: awaitRegion,
  read: async ({ client }, wanted) => {
    const { version } = await client.get<{ version: string }>("version/");
    return { version: [wanted.version, isOfVersion(version, wanted) ? wanted.version : version] };
  },
  repair: { says: "nothing: install the version of homelab:maas.install.channel, or name the channel of the present one", by: "none" },
});

async function awaitRegion(context: Context, desired: RegionDesired): Promise<{ version: string }> {
  const { clock, log } = context;
  const started = clock.now();
  for (let told = ""; ; await clock.sleep(LOOK_EVERY)) {
    const { health, missing: ill } = await look(context, desired);
    const missing =
      ill ??
      (desired.image && !(await hasCommissioningImage(context)) ? "no image to commission machines with is complete yet" : undefined);
    if (!missing) {
      const { version, importing, images } = health as RegionHealth;
      log(`MAAS ${version} is up; ${images} images${importing ? ", importing more" : ""}`);
      return { version };
    }
    if (clock.now() - started > desired.limit * 1000) {
      throw new StepError(`MAAS is not as it should be: ${missing}`, "look at it with: sudo maas status; sudo snap logs maas");
    }
    if (missing !== told) {
      log(`waiting for MAAS: ${missing}`);
      told = missing;
    }
  }
}

/** The newest complete set is enough, of any architecture. */
async function hasCommissioningImage({ client }: Context): Promise<boolean> {
  const [os, series] = await Promise.all(
    ["commissioning_osystem", "commissioning_distro_series"].map((name) => client.get<string>("maas/", { op: "get_config", name })),
  );
  for (const resource of await client.get<{ id: number; name: string }[]>("boot-resources/")) {
    if (resource.name === `${os}/${series}` && (await isComplete({ client }, resource))) {
      return true;
    }
  }
  return false;
}

/** MAAS shows racks to administrators only: to others it says that there are none. */
export async function requireAdministrator({ client }: Pick<Context, "client">): Promise<void> {
  const user = await client.get<{ username: string; is_superuser: boolean }>("users/", { op: "whoami" });
  if (user.is_superuser === false) {
    throw new StepError(
      `the API key belongs to ${user.username}, who is no administrator of MAAS`,
      "pulumi config set --secret homelab:maasApiKey, with what `maas apikey --username NAME` prints for an administrator",
    );
  }
}

function isOfVersion(now: string, { version }: Pick<RegionDesired, "version">): boolean {
  return `${now}.`.startsWith(`${version}.`);
}

async function look(context: Context, { version }: RegionDesired): Promise<{ health?: RegionHealth; missing?: string }> {
  let health: RegionHealth;
  try {
    health = await regionHealth(context);
  } catch (error) {
    // A region that starts answers 502 or nothing at all.
    if (error instanceof MaasUnreachable || isStatus(error, 500, 502, 503, 504)) {
      return { missing: error.message };
    }
    throw error;
  }
  if (!isOfVersion(health.version, { version })) {
    return { missing: `it is ${health.version}, and ${version} is wanted` };
  }
  const racks = Object.entries(health.racks);
  if (racks.length === 0) {
    await requireAdministrator(context);
  }
  const ill = racks.flatMap(([rack, services]) => services.map((service) => `${service} on ${rack}`));
  // One healthy rack is enough to work with.
  const missing =
    racks.length === 0 ? "no rack controller is there yet" : racks.every(([, services]) => services.length > 0) && ill.join(", ");
  return { health, missing: missing || undefined };
}
