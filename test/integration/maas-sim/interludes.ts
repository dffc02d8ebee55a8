/**
 * What happened on the recorded region between two recordings: mostly waiting until machines had done what they were
 * told, a few calls that were not recorded.
 */
import type { Mapping } from "./mapping";
import type { Rig } from "./rig";

type Interlude = (rig: Rig, mapping: Mapping) => Promise<unknown>;

const settle: Interlude = (rig) => rig.settle();
const settled = (...names: string[]) => Object.fromEntries(names.map((name) => [name, settle]));

async function reallocate(rig: Rig, mapping: Mapping) {
  await rig.settle();
  await rig.call("POST", `machines/${mapping.live("node", "8sm4sb")}/?op=release`);
  await rig.settle();
  return rig.call("POST", "machines/?op=allocate", [["name", "m1"]]);
}

async function disconnect(rig: Rig, mapping: Mapping) {
  const machine = mapping.live("node", "fppay7");
  for (const card of ["3", "4"]) await rig.call("POST", `nodes/${machine}/interfaces/${mapping.live("interface", card)}/?op=disconnect`);
}

/** The recorder wrote into the database here: no API call leads from New to Ready without a rack. */
async function makeReady(rig: Rig, mapping: Mapping) {
  rig.maas.maas.node(mapping.live("node", "w4hkmr")).status = 4;
}

async function linkBootCard(rig: Rig, mapping: Mapping) {
  const { maas } = rig.maas;
  const node = maas.node(mapping.live("node", "w4hkmr"));
  const card = maas.network.bootInterface(node)!;
  card.vlanId = maas.tables.vlans[0]!.id;
  maas.network.addLink(card, 0, maas.tables.subnets[0]!.id);
}

/** There was no host at the address: MAAS registers it, and knows nothing of it. */
async function silentHost(rig: Rig) {
  rig.maas.maas.faults.add({ kind: "vm-host", machine: "h" });
}

export const before: Record<string, Interlude> = {
  ...settled(
    "machines.list",
    "machines.get_ready",
    "machines.commission_abort_start",
    "machines.commission_ready",
    "machines.get_ready_two_nics",
    "machines.commission_skip_zero_is_true",
    "machines.commission_skip_false",
    "machines.create_fail_commission",
    "machines.get_failed_commissioning",
    "machines.get_failed_testing",
    "machines.get_after_test",
    "machines.get_deployed",
    "machines.deploy_from_ready_ipmi",
    "machines.get_deployed_ipmi",
    "machines.get_rescue_mode",
    "machines.get_exited_rescue_mode",
    "machines.deploy_m3_again",
    "machines.release_erase",
    "machines.rename_fail_deploy",
    "machines.get_failed_deployment",
    "machines.release_with_unknown_script",
    "machines.release_erase_that_fails",
    "machines.get_failed_disk_erasing",
    "machines.rename_stuck",
    "machines.get_after_abort",
    "machines.plain_get_own",
    "machines.accept_all",
    "machines.get_ephemeral_deployed",
    "machines.get_created_deployed",
  ),
  "machines.get_after_bad_user_data": reallocate,
  "machines.deploy_no_network": disconnect,
  "machines.update_tags_ignored": (rig) => rig.maas.idle(),
  "machines.release_releasing": (rig) => rig.step(),
  "vmhosts.create": silentHost,
  "norack.deploy_ready": makeReady,
  "norack.deploy_ready_linked": linkBootCard,
};

/** What the recording rig made up, or saw only because of its own timing. */
export const ignored: Record<string, (string | RegExp)[]> = {
  "rackcontrollers.list": ["[*].interface_set[*].vendor", "[*].interface_set[*].product", "[*].interface_set[*].tags"],
  // Ends with the id of a link, which counts every address the region ever saw.
  "interfaces.unlink_missing": [".id[*]"],
  // Controllers and cards have no hardware that anybody described.
  "gomaasclient.RackControllers.Get": [/cpu_speed|interface_set|power_type|architecture|service_set|version/],
  "gomaasclient.RackController.Get": [/cpu_speed|interface_set|power_type|architecture|service_set|version/],
  "terraform, apply one: GET rackcontrollers/": [/fqdn|hostname|interface_set|power_type|architecture|service_set|version/],
  "terraform, import: GET users/": [""],
  // A composed machine's kernel is null before anybody has set it.
  "terraform, apply one: GET machines/8p8cpw/": [".min_hwe_kernel"],
  // Unlike: with its last address gone, MAAS has forgotten the gateway as well.
  "terraform, destroy: GET machines/": ["[*].default_gateways.ipv4.gateway_ip"],
  "gomaasclient.NodeDevices.Get": [/vendor|product|commissioning_driver|resource_uri$/],
  "gomaasclient.NodeDevices.Get by bus": [/vendor|product|commissioning_driver|resource_uri$/],
  "gomaasclient.BlockDevices.Get": [/partitions\[\*\]\.(size|path)$/],
};
