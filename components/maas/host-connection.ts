import type { types } from "@pulumi/command";
import { secretOutput } from "../core/secret-output";
import type { SshHostArgs } from "./args/installation";

/** How remote commands reach the region controller's host. */
export function connectionTo(host: SshHostArgs): types.input.remote.ConnectionArgs {
  return {
    host: host.address,
    port: host.port ?? 22,
    user: host.user ?? "ubuntu",
    privateKey: secretOutput(host.privateKey),
    hostKey: host.hostKey,
  };
}
