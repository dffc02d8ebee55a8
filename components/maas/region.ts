import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { toSeconds } from "../core/notations";
import type { SecretInput } from "../core/secret";
import { inClear, secretOutput } from "../core/secret-output";
import { given, type Transform, withTransform } from "../core/transform";
import { UserError } from "../core/user-error";
import type { Watched } from "../core/watched";
import { type MaasAccess, REPAIR_DEFAULTS, type RepairOptions, WAIT_DEFAULTS, type WaitOptions } from "./args/access";
import type { InstallArgs, SshHostArgs } from "./args/installation";
import { NETWORK_DEFAULTS, type NetworkOptions } from "./args/network";
import type { PreseedArgs } from "./args/preseed";
import type { DefaultsArgs, ImagesArgs, ScriptArgs, VmHostArgs } from "./args/region";
import { MaasInstallation } from "./installation";
import { MaasNetwork } from "./network";
import { MaasPreseeds } from "./preseeds";
import { regionConfig } from "./region-config";
import { readScript } from "./script-metadata";
import { askStep, stepCommand } from "./step-command";
import { configStep } from "./steps/config";
import { groupStep } from "./steps/group";
import { imagesStep } from "./steps/images";
import { type OtherMachine, othersStep } from "./steps/others";
import { scriptStep } from "./steps/script";
import { sshKeyStep } from "./steps/ssh-key";
import { vmHostStep } from "./steps/vm-host";
import { maasWatched } from "./watched";

/** Arguments of {@link MaasRegion}. */
export interface MaasRegionArgs {
  /** With its path, for example `http://192.168.200.1:5240/MAAS`. */
  url: pulumi.Input<string>;
  /** `consumer:token:secret` of an administrator. Default: that of the installation. */
  apiKey?: SecretInput;
  /** Installs MAAS, or brings it to the channel, on `host`. Default: MAAS is there. */
  install?: InstallArgs;
  /** Needed for `install` and `preseeds`. */
  host?: SshHostArgs;
  /** File with the certificate authority of MAAS's own TLS, in PEM. */
  caFile?: pulumi.Input<string>;
  /** The subnet that machines share. Default: as `NetworkOptions` says. */
  network?: Partial<NetworkOptions>;
  /** Fixed addresses of machines. Where MAAS chooses addresses for others it must leave these alone. Default none. */
  keep?: readonly string[];
  /** Images that MAAS imports. Default: as MAAS has them. */
  images?: ImagesArgs;
  /** Zones and pools that are made where MAAS has none of that name. */
  groups?: {
    /** Names of zones. Default none. */
    zones?: readonly string[];
    /** Names of resource pools. Default none. */
    pools?: readonly string[];
  };
  /** MAAS's own settings. Default: as MAAS has them. */
  defaults?: DefaultsArgs;
  /** Commissioning and test scripts to upload. Default none. */
  scripts?: readonly ScriptArgs[];
  /** VM hosts to register. Default none. */
  vmHosts?: readonly VmHostArgs[];
  /** Preseed templates to write on `host`. Default none. */
  preseeds?: readonly PreseedArgs[];
  /** Public keys of the API key's user, which MAAS gives to every machine. Default none. */
  sshKeys?: readonly string[];
  /** Default: as `RepairOptions` says. */
  repair?: Partial<RepairOptions>;
  /** Default: as `WaitOptions` says. */
  waits?: Partial<WaitOptions>;
  /** The last word on every resource that the component makes. */
  transform?: Transform;
}

/**
 * A MAAS region as machines need it: installed where `install` says so, and with the network, images, defaults, scripts and VM hosts
 * that the arguments name. A part that they do not name stays as MAAS has it. Machines depend on the whole.
 */
export class MaasRegion extends pulumi.ComponentResource {
  /** What machines need to know of it. */
  readonly access: MaasAccess;
  /** `consumer:token:secret` of an administrator; a secret. */
  readonly apiKey: pulumi.Output<string>;
  /** Of the administrator, where this stack made the account; a secret. */
  readonly password?: pulumi.Output<string>;
  /** What it is made of, for options that this component does not offer. */
  readonly nodes: {
    /** Undefined where MAAS was there. */
    installation?: MaasInstallation;
    /** The subnet and what belongs to it. */
    network: MaasNetwork;
  };

  /**
   * Makes what the arguments name.
   *
   * @param name prefix of the names of all that it makes
   * @param args see {@link MaasRegionArgs}
   * @throws UserError where something that is asked for lacks what it needs, or a script or preseed is wrong
   */
  constructor(name: string, args: MaasRegionArgs, opts?: pulumi.ComponentResourceOptions) {
    const { url, caFile, install, host } = args;
    const network = { ...NETWORK_DEFAULTS, ...given(args.network) };
    const options = withTransform(opts, args.transform);
    // The token is of the time before this component installed MAAS as well: with another one every resource would be another.
    super("homelab:maas:Maas", name, { url, network }, options);
    const installation =
      install &&
      new MaasInstallation(
        `${name}-region`,
        { url, caFile, host: required(host, "install"), install, awaitImage: !args.images },
        besides(options),
      );
    this.apiKey = args.apiKey ? secretOutput(args.apiKey) : required(installation, "apiKey").apiKey;
    this.password = installation?.password;
    const maas = { url, caFile, apiKey: this.apiKey };
    const settings = { scripts: [], vmHosts: [], preseeds: [], sshKeys: [], ...given(args), defaults: args.defaults ?? {} };
    const scripts = settings.scripts.map(readScript);
    const parent = { parent: this };

    const networkOfMaas = new MaasNetwork(`${name}-network`, { maas, network, keep: args.keep }, parent);
    const images =
      settings.images &&
      stepCommand(
        imagesStep,
        `${name}-images`,
        {
          maas,
          desired: {
            source: settings.images.source,
            releases: settings.images.releases,
            limit: pulumi.output(settings.images.wait ?? "1 hour").apply(toSeconds),
          },
        },
        parent,
      );
    for (const kind of ["zone", "pool"] as const) {
      for (const group of new Set(args.groups?.[`${kind}s`]?.filter((each) => each !== "default"))) {
        stepCommand(groupStep, `${name}-${kind}-${group}`, { maas, desired: { kind, name: group } }, parent);
      }
    }
    if (Object.keys(given(args.defaults)).length > 0) {
      const values = pulumi.output(settings.defaults).apply(regionConfig);
      // A default release must have been imported.
      stepCommand(configStep, `${name}-defaults`, { maas, desired: { values } }, { ...parent, dependsOn: images ?? [] });
    }
    for (const key of settings.sshKeys) {
      stepCommand(sshKeyStep, `${name}-ssh-key-${digest(key)}`, { maas, desired: { key } }, parent);
    }
    for (const script of scripts) {
      stepCommand(scriptStep, `${name}-script-${script.name}`, { maas, desired: script }, parent);
    }
    for (const { password, certificate, key, ...host } of settings.vmHosts) {
      const secrets = inClear({ password, certificate, key });
      stepCommand(
        vmHostStep,
        `${name}-vm-host-${host.name}`,
        { maas, desired: { project: "default", tags: [], ...host }, secrets },
        parent,
      );
    }

    if (settings.preseeds.length > 0) {
      const preseeds = { host: required(host, "preseeds"), preseeds: settings.preseeds, after: installation };
      new MaasPreseeds(`${name}-preseeds`, preseeds, parent);
    }

    this.access = {
      ...maas,
      subnet: network.subnet,
      scripts: Object.fromEntries(scripts.map((script) => [script.name, script.digest])),
      repair: { ...REPAIR_DEFAULTS, ...given(args.repair) },
      waits: { ...WAIT_DEFAULTS, ...given(args.waits) },
    };
    this.nodes = { installation, network: networkOfMaas };
    this.registerOutputs({ url, apiKey: this.apiKey, password: this.password });
  }

  /** For `Monitoring`: MAAS's own metrics. `racks` are addresses of rack controllers; the region controller's host when empty. */
  watched(racks?: pulumi.Input<readonly pulumi.Input<string>[]>): Watched {
    return maasWatched({ url: this.access.url, racks });
  }

  /** Machines that MAAS has deployed beside these, for `Monitoring`'s `alsoScrape`: all but the `known`, or those with the tag. */
  othersDeployed(filter: {
    /** Names of this program's machines. */
    known: pulumi.Input<readonly pulumi.Input<string>[]>;
    /** A tag in MAAS. Default: any machine. */
    tag?: pulumi.Input<string>;
  }): pulumi.Output<OtherMachine[]> {
    return askStep(othersStep, { maas: this.access, desired: filter });
  }
}

/** Options for what stands beside the region and not in it, as the installation's URNs were before there was this component. */
function besides(opts: pulumi.ComponentResourceOptions): pulumi.ComponentResourceOptions {
  return { ...opts, aliases: undefined };
}

function required<T>(value: T | undefined, by: "install" | "preseeds" | "apiKey"): T {
  if (value === undefined) {
    throw new UserError(
      by === "apiKey"
        ? { path: "apiKey", message: "is required where MAAS is not installed", fix: "give apiKey, or install" }
        : { path: "host", message: `is required by ${by}, which needs SSH to the region controller`, fix: `give host, or leave ${by} out` },
    );
  }
  return value;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
