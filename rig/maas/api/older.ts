/** Endpoints of MAAS that clients of a home lab hardly use: what is not there is refused in MAAS's words, lists are empty. */
import { ApiError, contentTypes, deleted, notFound, notFoundText, refusal } from "../http/answers";
import type { Context } from "../http/context";
import { mandatory } from "../http/forms";
import type { Endpoint } from "../http/router";

const gone = (context: Context): never => {
  context.requireAdmin();
  throw new ApiError(410, "Gone", contentTypes.bareText, { Vary: "Authorization, Cookie", "X-Frame-Options": "DENY" });
};
const none = (model: string) => (): never => {
  throw notFound(model);
};
const noneForAdmins =
  (model: string) =>
  (context: Context): never => {
    context.requireAdmin();
    throw notFound(model);
  };
const noCluster = (): never => {
  throw notFoundText("Not Found");
};

function noDatastore(context: Context): never {
  context.maas.node(context.parameter("system_id"), "Machine");
  throw refusal(400, "the simulator has no datastores");
}

function noDatastores(context: Context): unknown[] {
  context.maas.node(context.parameter("system_id"), "Machine");
  return [];
}

function byScripts(context: Context): never {
  mandatory(context.form, "content");
  throw refusal(400, "the simulator takes scripts by scripts/ only");
}

const commissioningScripts = ({ maas }: Context) => maas.tables.scripts.filter(({ type }) => type === 0).map(({ name }) => name);

function byScriptsName(context: Context): never {
  if (!commissioningScripts(context).includes(context.parameter("name"))) throw notFound("Script");
  throw refusal(400, "the simulator takes scripts by scripts/ only");
}

export const olderEndpoints: Endpoint<Context>[] = [
  { path: "networks/", operations: { GET: () => [], POST: gone } },
  {
    path: "networks/{name}/",
    operations: {
      GET: none("Subnet"),
      PUT: gone,
      DELETE: gone,
      "GET list_connected_macs": none("Subnet"),
      "POST connect_macs": gone,
      "POST disconnect_macs": gone,
    },
  },
  { path: "vm-clusters/", operations: { GET: () => [] } },
  { path: "vm-clusters/{id}", operations: { GET: noCluster, PUT: noneForAdmins("VMCluster"), DELETE: noneForAdmins("VMCluster") } },
  { path: "nodes/{system_id}/vmfs-datastores/", operations: { GET: noDatastores, POST: noDatastore } },
  {
    path: "nodes/{system_id}/vmfs-datastore/{id}/",
    operations: { GET: none("VMFS"), PUT: none("VMFS"), DELETE: none("VMFS") },
  },
  {
    path: "license-key/{osystem}/{release}",
    adminsOnly: true,
    operations: { GET: none("LicenseKey"), PUT: none("LicenseKey"), DELETE: deleted },
  },
  { path: "commissioning-scripts/", adminsOnly: true, operations: { GET: commissioningScripts, POST: byScripts } },
  { path: "commissioning-scripts/{name}", adminsOnly: true, operations: { GET: byScriptsName, PUT: byScriptsName, DELETE: byScriptsName } },
];
