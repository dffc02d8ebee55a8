import type * as pulumi from "@pulumi/pulumi";
import type { SecretInput } from "../../core/secret";
import type { CommandArgs } from "./user-data";

type CurtinNetwork = Readonly<Record<string, unknown>>;
type CurtinStorage = readonly CurtinNetwork[];

/** What curtin does beside MAAS's own instructions; see https://curtin.readthedocs.io. */
export interface CurtinArgs {
  /** Before it touches the disks. Default none. */
  earlyCommands?: readonly (pulumi.Input<CommandArgs> | SecretInput<CommandArgs>)[];
  /** After installation; `curtin in-target -- COMMAND` runs in the installed system. Default none. */
  lateCommands?: readonly (pulumi.Input<CommandArgs> | SecretInput<CommandArgs>)[];
  /** curtin's `storage: config:`, instead of MAAS's. */
  storage?: pulumi.Input<CurtinStorage> | SecretInput<CurtinStorage>;
  /** netplan's or curtin's `network:`, instead of MAAS's. */
  network?: pulumi.Input<CurtinNetwork> | SecretInput<CurtinNetwork>;
  /** Gets a message at start and finish, and curtin's reports. */
  webhook?: pulumi.Input<string> | SecretInput;
}

/** A preseed template by MAAS's file-name rules. A part can be named only when all before it are. */
export interface PreseedArgs {
  /** What the template is for, as MAAS's file names begin. */
  prefix: "enlist" | "enlist_userdata" | "commissioning" | "curtin" | "curtin_userdata";
  /** Only for this operating system. Default: all. */
  os?: string;
  /** Only for this architecture. Default: all. */
  architecture?: string;
  /** Only for this subarchitecture. Default: all. */
  subarchitecture?: string;
  /** Only for this release. Default: all. */
  release?: string;
  /** Only for the machine of this name. Default: all. */
  node?: string;
  /** A template in a file below the program's folder … */
  file?: string;
  /** … or one that is rendered from these, for `curtin_userdata`. */
  curtin?: CurtinArgs;
}

/** Parts of a preseed's file name, the first one the least specific. */
export const PRESEED_PARTS = ["os", "architecture", "subarchitecture", "release", "node"] as const;

/** `curtin_userdata_ubuntu_amd64_generic_noble_node1`. */
export function preseedName(preseed: Pick<PreseedArgs, "prefix" | (typeof PRESEED_PARTS)[number]>): string {
  return [preseed.prefix, ...PRESEED_PARTS.map((key) => preseed[key])].filter(Boolean).join("_");
}
