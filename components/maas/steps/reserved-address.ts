import { isMadeBy, keepMark, markMade } from "../api/ownership";
import { StepError } from "../api/step-error";
import type { Context } from "../api/wait";
import { type Ensure, ensure, type Owned, readingOf } from "./ensure";
import { defineStep } from "./step";

export interface ReservedAddressDesired {
  address: string;
  macAddress: string;
  /** Whatever it is when absent. */
  comment?: string;
}

export interface ReservedAddressObserved extends Owned {
  id: number;
}

interface ReservedAddress {
  id: number;
  ip: string;
  mac_address: string;
  comment: string;
}

/** An address that DHCP gives to one network card only. */
export const reservedAddressStep = defineStep({
  name: "reserved-address",
  title,
  key: ["address", "macAddress"],
  marked: true,
  run: async (context: Context, desired: ReservedAddressDesired, previous?: ReservedAddressObserved): Promise<ReservedAddressObserved> => {
    await freeOtherCard(context, desired, previous);
    const { object, made } = await ensure(context, wanted(context, desired));
    return { id: object.id, created: made || (previous?.created ?? false) };
  },
  read: (context, desired) => readingOf(wanted(context, desired)),
  remove: async ({ client }, _desired, previous) => {
    if (previous?.created) {
      await client.delete(`reservedips/${previous.id}/`);
    }
  },
});

function title({ address }: ReservedAddressDesired): string {
  return `reserved address ${address}`;
}

/** MAAS does not edit the card of a reservation: this stack's own goes, somebody else's is refused. */
async function freeOtherCard(context: Context, desired: ReservedAddressDesired, previous?: ReservedAddressObserved): Promise<void> {
  const { address, macAddress } = desired;
  const former = await wanted(context, desired).find();
  if (!former || former.mac_address.toLowerCase() === macAddress.toLowerCase()) {
    return;
  }
  if (!isMadeBy(former.comment, context.stack) && previous?.id !== former.id) {
    throw new StepError(
      `the address ${address} is reserved for ${former.mac_address} already${former.comment && ` (${former.comment})`}, not for ${macAddress}`,
      `take another address, or delete that reservation: maas $PROFILE reserved-ip delete ${former.id}`,
    );
  }
  context.log(`${title(desired)}: was for ${former.mac_address}`);
  await context.client.delete(`reservedips/${former.id}/`);
}

function wanted({ client, stack }: Context, desired: ReservedAddressDesired): Ensure<ReservedAddress> {
  const { address, macAddress, comment } = desired;
  return {
    what: title(desired),
    find: async () => (await client.get<ReservedAddress[]>("reservedips/")).find((each) => each.ip === address),
    create: { path: "reservedips/", form: { ip: address, mac_address: macAddress, comment: markMade(comment, stack) || undefined } },
    path: (each) => `reservedips/${each.id}/`,
    now: (each) => ({ comment: each.comment }),
    wanted: (each) => ({ comment: comment === undefined ? undefined : keepMark(comment, each.comment) }),
    isMade: (each) => isMadeBy(each.comment, stack),
  };
}
