/** `POST machines/`: enlistment, by an admin, by a plain user, or by the machine itself. */
import type { Context } from "../http/context";
import { checkbox } from "../http/forms";
import { ScriptType } from "../machine/script-sets";
import { Status } from "../machine/status";
import type { Node } from "../state/model";
import { newInterface, newNode } from "../state/seed";
import { commissionOptions } from "./machine-actions";
import { readMachine } from "./machine-form";

function insert(context: Context): Node {
  const { maas } = context;
  const values = readMachine(context);
  const node = maas.store.insert(
    "nodes",
    newNode(
      {
        hostname: values.hostname!,
        architecture: values.architecture!,
        description: values.description ?? "",
        domainId: values.domainId ?? context.maas.defaultDomain.id,
        zoneId: values.zoneId ?? 1,
        poolId: values.poolId ?? 0,
        minHweKernel: values.minHweKernel ?? "",
        powerType: values.powerType ?? "",
        powerParameters: values.powerParameters ?? {},
        bmcId: values.powerType && values.powerType !== "manual" ? maas.store.nextId("bmcs") : null,
      },
      maas.timestamp(),
    ),
  );
  values.macs.forEach((mac, index) => {
    const card = maas.store.insert(
      "interfaces",
      newInterface({ id: maas.store.nextId("interfaces"), nodeId: node.systemId, name: `eth${index}`, macAddress: mac }),
    );
    node.bootInterfaceId ??= card.id;
  });
  return node;
}

export async function createMachine(context: Context) {
  const { maas } = context;
  const deployed = checkbox(context.form.get("deployed"));
  const commission =
    context.isAdmin &&
    !deployed &&
    (context.form.has("commission")
      ? checkbox(context.form.get("commission")) && !["0", "no"].includes(context.form.get("commission")!)
      : true);
  const node = insert(context);
  if (context.anonymous) return maas.render.node.enlisted(node);
  if (deployed) {
    node.status = Status.Deployed;
    node.ownerId = context.user.id;
    node.commissioningSet = maas.scripts.create(node, ScriptType.commissioning, []).id;
    return maas.render.node.machine(node);
  }
  if (!commission) return maas.render.node.machine(node);
  try {
    maas.power.requirePowerType(node);
  } catch (error) {
    // The transaction is rolled back: nothing of the machine stays.
    maas.removeNode(node);
    throw error;
  }
  const finish = maas.lifecycle.startCommissioning(node, context.user, commissionOptions(context));
  const shown = maas.render.node.machine(node);
  await finish();
  return shown;
}
