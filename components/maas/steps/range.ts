import { type AddressRange, addressNumber, overlaps, parseRange } from "../api/addresses";
import { isMadeBy, keepMark, markMade } from "../api/ownership";
import { StepError } from "../api/step-error";
import type { Subnet } from "../api/types";
import type { Context } from "../api/wait";
import { type Ensure, ensure, readingOf } from "./ensure";
import { defineStep } from "./step";

export interface RangeDesired {
  subnet: string;
  type: "dynamic" | "reserved";
  start: string;
  end: string;
  /** Whatever it is when absent. */
  comment?: string;
}

interface Range {
  id: number;
  type: string;
  start_ip: string;
  end_ip: string;
  comment: string;
  subnet: Subnet;
}

export interface RangeObserved {
  id: number;
  created: boolean;
}

/** A dynamic or reserved range of the subnet. */
export const rangeStep = defineStep({
  name: "range",
  title,
  key: ["subnet"],
  marked: true,
  run,
  read: (context, desired, done) => readingOf(wanted(context, desired, done.id)),
  remove: async ({ client }, _desired, previous) => {
    if (previous?.created) {
      await client.delete(`ipranges/${previous.id}/`);
    }
  },
});

function title({ type, start, end }: RangeDesired): string {
  return `${type} range ${start}-${end}`;
}

async function run(context: Context, desired: RangeDesired, previous?: RangeObserved): Promise<RangeObserved> {
  const { client } = context;
  const { type, start, end } = desired;
  const subnet = (await client.get<Subnet[]>("subnets/")).find((each) => each.cidr === desired.subnet);
  const ranges = (await client.get<Range[]>("ipranges/")).filter((each) => each.subnet.id === subnet?.id);
  const clash = ranges.find(
    (each) => each.id !== previous?.id && !isSame(each, desired) && overlaps(asRange(each), parseRange(`${start}-${end}`)),
  );
  if (clash) {
    throw new StepError(
      `the ${type} range ${start}-${end} overlaps the ${clash.type} range ${clash.start_ip}-${clash.end_ip}${clash.comment ? ` (${clash.comment})` : ""}, which MAAS has already`,
      `write the same range, or delete that one: maas $PROFILE iprange delete ${clash.id}`,
    );
  }
  const { object, made } = await ensure(context, wanted(context, desired, previous?.id, subnet));
  return { id: object.id, created: made || (previous?.created ?? false) };
}

function wanted({ client, stack }: Context, desired: RangeDesired, id?: number, subnet?: Subnet): Ensure<Range> {
  const { type, start, end, comment } = desired;
  return {
    what: title(desired),
    find: async () =>
      (await client.get<Range[]>("ipranges/")).find((each) => each.type === type && (each.id === id || isSame(each, desired))),
    create: {
      path: "ipranges/",
      form: { type, start_ip: start, end_ip: end, comment: markMade(comment, stack) || undefined, subnet: subnet?.id },
    },
    path: (each) => `ipranges/${each.id}/`,
    now: (each) => ({ start_ip: each.start_ip, end_ip: each.end_ip, comment: each.comment }),
    wanted: (each) => ({ start_ip: start, end_ip: end, comment: comment === undefined ? undefined : keepMark(comment, each.comment) }),
    isMade: (each) => isMadeBy(each.comment, stack),
  };
}

function isSame(range: Range, desired: RangeDesired): boolean {
  return addressNumber(range.start_ip) === addressNumber(desired.start) && addressNumber(range.end_ip) === addressNumber(desired.end);
}

function asRange(range: Range): AddressRange {
  return parseRange(`${range.start_ip}-${range.end_ip}`);
}
