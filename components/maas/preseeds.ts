import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { inClear } from "../core/secret-output";
import type { SshHostArgs } from "./args/installation";
import { type PreseedArgs, preseedName } from "./args/preseed";
import { type PlainPreseed, preseedTemplate } from "./curtin";
import { connectionTo } from "./host-connection";

/** Arguments of {@link MaasPreseeds}. */
export interface MaasPreseedsArgs {
  host: SshHostArgs;
  preseeds: readonly PreseedArgs[];
  /** MAAS's installation, where the stack does it: the snap's folder must be there. */
  after?: pulumi.Resource;
}

/** Where the snap keeps its templates, or the Debian package. */
const FOLDER = "D=/var/snap/maas/current/preseeds; [ -d /var/snap/maas ] || D=/etc/maas/preseeds; D=${PRESEEDS:-$D}";

/** Preseed files on the region controller, each with what was there before kept beside it and restored at the end. */
export class MaasPreseeds extends pulumi.ComponentResource {
  constructor(name: string, { host, preseeds, after }: MaasPreseedsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:maas:Preseeds", name, { files: preseeds.map(preseedName) }, opts);
    const connection = connectionTo(host);
    preseeds.forEach((preseed, index) => {
      const file = preseedName(preseed);
      new command.remote.Command(
        `${name}-${file}`,
        {
          connection,
          create: writeScript(file),
          update: writeScript(file),
          delete: restoreScript(file),
          // It may hold a webhook's address.
          stdin: pulumi.secret(inClear(preseed).apply((inner) => preseedTemplate(inner as PlainPreseed, index))),
          addPreviousOutputInEnv: false,
          logging: command.remote.Logging.Stderr,
        },
        { parent: this, deleteBeforeReplace: true, dependsOn: after },
      );
    });
    this.registerOutputs({});
  }
}

/** Writes stdin in one rename; what was there before the first time is kept, or that there was nothing. */
export function writeScript(file: string): string {
  return `sudo sh -euc '${FOLDER}
mkdir -p "$D"; cd "$D"
if [ ! -e ${file}.homelab-before ] && [ ! -e ${file}.homelab-none ]; then
  if [ -e ${file} ]; then cp -p ${file} ${file}.homelab-before; else : > ${file}.homelab-none; fi
fi
cat > .${file}.partial; chmod 0644 .${file}.partial; mv .${file}.partial ${file}'`;
}

export function restoreScript(file: string): string {
  return `sudo sh -euc '${FOLDER}
cd "$D" 2>/dev/null || exit 0
if [ -e ${file}.homelab-before ]; then mv ${file}.homelab-before ${file}; else rm -f ${file}; fi
rm -f ${file}.homelab-none .${file}.partial'`;
}
