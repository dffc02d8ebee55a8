import * as fs from "node:fs";
import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { changed } from "../core/inputs";
import { toGoDuration, toSeconds } from "../core/notations";
import { inClear } from "../core/secret-output";
import type { InstallArgs, SshHostArgs } from "./args/installation";
import { connectionTo } from "./host-connection";
import { installCommand, SCRIPT, secretsOnStdin } from "./region-install";
import { stepCommand } from "./step-command";
import { regionStep } from "./steps/region";

/** Arguments of {@link MaasInstallation}. */
export interface MaasInstallationArgs {
  /** MAAS's base URL, once it is there. */
  url: pulumi.Input<string>;
  caFile?: pulumi.Input<string>;
  host: SshHostArgs;
  install: InstallArgs;
  /** Wait for an image to commission machines with, too: nothing else does where no images are imported. */
  awaitImage?: boolean;
}

const PLACE = `sudo -n sh -c 'umask 022 && mkdir -p ${path.posix.dirname(SCRIPT)} && cat >${SCRIPT}.partial && mv ${SCRIPT}.partial ${SCRIPT}'`;

/**
 * A region and rack controller from the snap on an Ubuntu computer, over SSH: installed where there is none, upgraded
 * when the channel changes, otherwise left alone. Done when MAAS answers in the version of the channel and the rack's
 * services run. Nothing is taken away when the stack goes: MAAS knows more than one stack.
 */
export class MaasInstallation extends pulumi.ComponentResource {
  /** `consumer:token:secret` of the administrator, once MAAS is healthy; secret. */
  readonly apiKey: pulumi.Output<string>;
  /** Of the administrator, where this stack made the account; secret. */
  readonly password: pulumi.Output<string>;

  constructor(name: string, { url, caFile, host, install, awaitImage }: MaasInstallationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:maas:Region", name, { url, channel: install.channel }, opts);
    const parent = { parent: this };
    const connection = connectionTo(host);
    const shared = { connection, addPreviousOutputInEnv: false, logging: command.remote.Logging.Stderr };
    const password = new random.RandomPassword(`${name}-admin`, { length: 32, special: false }, parent);
    const script = new command.remote.Command(
      `${name}-script`,
      { ...shared, create: PLACE, update: PLACE, stdin: fs.readFileSync(path.join(__dirname, "scripts/region.sh"), "utf8") },
      parent,
    );
    const { channel, admin } = install;
    const run = changed({ url, channel, admin }, ({ url, ...parts }) => installCommand(url, parts));
    const timeout = toGoDuration(install.wait ?? "30 minutes");
    const installation = new command.remote.Command(
      `${name}-installation`,
      {
        ...shared,
        create: run,
        update: run,
        stdin: pulumi.secret(
          pulumi
            .all([password.result, inClear({ database: install.database, tls: install.tls })])
            .apply(([result, secrets]) => secretsOnStdin(secrets, result)),
        ),
      },
      { ...parent, dependsOn: script, customTimeouts: { create: timeout, update: timeout }, additionalSecretOutputs: ["stdout"] },
    );
    const apiKey = pulumi.secret(installation.stdout.apply((text) => (JSON.parse(text) as { apiKey: string }).apiKey));
    const health = stepCommand(
      regionStep,
      `${name}-health`,
      {
        maas: { url, apiKey, caFile },
        desired: {
          version: pulumi.output(channel).apply((text) => text.split("/")[0]),
          limit: toSeconds(install.wait ?? "30 minutes"),
          ...(awaitImage && { image: true }),
        },
      },
      { ...parent, dependsOn: installation },
    );
    // Through the health check, so that nothing is asked of a MAAS that is still starting.
    this.apiKey = pulumi.secret(pulumi.all([health.stdout, apiKey]).apply(([, key]) => key));
    this.password = pulumi.secret(password.result);
    this.registerOutputs({ apiKey: this.apiKey, password: this.password });
  }
}
