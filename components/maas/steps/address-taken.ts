import { isStatus } from "../api/errors";
import { StepError } from "../api/step-error";
import type { Context } from "../api/wait";

/** As `subnets/ID/?op=ip_addresses` lists it. */
interface UsedAddress {
  ip: string;
  user?: string;
  node_summary?: { hostname: string; via?: string };
  bmcs?: { power_type: string }[];
  dns_records?: { name: string; domain: string }[];
}

/** Says who has an address that MAAS refuses as used; any other error is thrown as it came. */
export async function explainTaken(
  { client }: Pick<Context, "client">,
  error: unknown,
  what: string,
  address: string | undefined,
  subnet: { id: number; cidr: string } | undefined,
): Promise<never> {
  if (!address || !subnet || !isStatus(error, 404) || !/in use/.test(error.text)) {
    throw error;
  }
  const used = await client.get<UsedAddress[]>(`subnets/${subnet.id}/`, { op: "ip_addresses" });
  const holder = used.find(({ ip }) => ip === address);
  throw new StepError(
    `${what} cannot get ${address}: MAAS has it in use${holder ? ` (${describe(holder)})` : ""}`,
    `use another address, or free this one: maas $PROFILE ipaddresses release ip=${address} force=true`,
  );
}

function describe({ node_summary: node, bmcs, dns_records: records, user }: UsedAddress): string {
  if (node) {
    return `${node.hostname}${node.via ? `, ${node.via}` : ""}`;
  }
  if (records?.length) {
    return `DNS record ${records.map(({ name, domain }) => (name === "@" ? domain : `${name}.${domain}`)).join(", ")}`;
  }
  return bmcs?.length ? `the ${bmcs[0].power_type} controller of a machine` : `reserved by ${user ?? "somebody"}`;
}
