import type { StepName } from "../../../components/maas/steps";
import { Lab } from "./lab";

const keyring = "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg";
/** One of everything that steps make of the region: step, desired state, secrets. */
export const things: [StepName, object, Record<string, string>?][] = [
  ["group", { kind: "zone", name: "attic" }],
  ["group", { kind: "pool", name: "lab" }],
  ["range", { subnet: "192.168.200.0/24", type: "reserved", start: "192.168.200.200", end: "192.168.200.210", comment: "printers" }],
  ["reserved-address", { address: "192.168.200.30", macAddress: "52:54:00:00:00:99", comment: "a printer" }],
  ["script", { name: "45-look", type: "commissioning", content: "#!/bin/sh\ntrue\n", digest: "0123456789abcdef" }],
  ["subnet", { cidr: "10.99.0.0/24", dnsServers: ["1.1.1.1"], fabric: "lab", vlan: 100, space: "dmz" }],
  ["route", { source: "192.168.200.0/24", destination: "10.98.0.0/16", gateway: "192.168.200.1", metric: 5 }],
  [
    "domain",
    {
      name: "lab.test",
      authoritative: true,
      records: [
        { name: "www", type: "A", data: "192.168.200.31" },
        { name: "www", type: "A", data: "192.168.200.32" },
        { name: "@", type: "TXT", data: "hello" },
      ],
    },
  ],
  ["config", { values: { ntp_servers: "192.168.200.1", enable_http_proxy: false } }],
  ["dhcp", { subnet: "192.168.200.0/24", on: true }],
  ["images", { source: { url: "http://images.test/maas/", keyring }, releases: [], limit: 30 }],
  ["images", { releases: [{ os: "ubuntu", release: "jammy", architectures: ["amd64"] }], limit: 30 }],
  ["ssh-key", { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDMbAkZpV8mZ2dBnNBmPsiZzBpEg9vVVkMdaWMbIvTJ6 someone@home" }],
  [
    "vm-host",
    { name: "loft", type: "lxd", address: "https://10.10.10.1:8443", project: "default", tags: [] },
    { VM_HOST_SECRETS: JSON.stringify({ password: "hush" }) },
  ],
];

/** A lab in which all of them can be made. */
export async function labForThings(): Promise<Lab> {
  const lab = await Lab.start(undefined, { images: { readSource: 0, import: 0 } });
  // A selection belongs to a source.
  await lab.context().client.post("boot-sources/", undefined, { url: "http://former.test/maas/", keyring_filename: keyring });
  // MAAS serves DHCP where there is a dynamic range only.
  const { client } = lab.context();
  await client.post("ipranges/", undefined, { type: "dynamic", start_ip: "192.168.200.220", end_ip: "192.168.200.230" });
  // MAAS keeps the rack of a VLAN whose DHCP goes off again.
  const [rack] = await client.get<{ system_id: string }[]>("rackcontrollers/");
  const subnets = await client.get<{ cidr: string; vlan: { id: number } }[]>("subnets/");
  const vlan = subnets.find(({ cidr }) => cidr === "192.168.200.0/24")?.vlan.id;
  await client.put(`vlans/${vlan}/`, { primary_rack: rack.system_id });
  return lab;
}
