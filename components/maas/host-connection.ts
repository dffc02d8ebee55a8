import type { types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { MaasHost } from "../../settings/maas-host";

/** How remote commands reach the region controller's host. */
export function connectionTo(host: MaasHost): types.input.remote.ConnectionArgs {
  return {
    host: host.address,
    port: host.port,
    user: host.user,
    privateKey: pulumi.secret(host.privateKey),
    hostKey: host.hostKey,
  };
}
