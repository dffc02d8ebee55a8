/**
 * MAAS's power types and what each asks for, as `rackcontrollers/?op=describe_power_types` tells and as machine forms check.
 * Compact rows: name, label, then options.
 */

export interface PowerField {
  name: string;
  label: string;
  required: boolean;
  field_type: "string" | "choice" | "password" | "ip_address" | "mac_address" | "multiple_choice" | "virsh_address" | "lxd_address";
  choices: [string, string][];
  default: string | string[];
  scope: "bmc" | "node";
  secret: boolean;
}

export interface PowerType {
  driver_type: "power";
  name: string;
  description: string;
  chassis: boolean;
  can_probe: boolean;
  can_set_boot_order: boolean;
  missing_packages: string[];
  queryable: boolean;
  fields: PowerField[];
}

type Options = Partial<Omit<PowerField, "name" | "label">>;
const field = (name: string, label: string, options: Options = {}): PowerField => ({
  name,
  label,
  required: false,
  field_type: "string",
  choices: [],
  default: "",
  scope: "bmc",
  secret: false,
  ...options,
});
const must: Options = { required: true };
const node: Options = { required: true, scope: "node" };
const secret: Options = { field_type: "password", secret: true };
const address = (label = "IP address") => field("power_address", label, { ...must, field_type: "ip_address" });
const user = (options: Options = {}) => field("power_user", "Power user", options);
const password = (options: Options = {}) => field("power_pass", "Power password", { ...secret, ...options });
const choice = (values: Record<string, string>, fallback: string, options: Options = {}): Options => ({
  field_type: "choice",
  choices: Object.entries(values),
  default: fallback,
  ...options,
});
const yesNo = (fallback: string): Options => choice({ n: "No", y: "Yes" }, fallback, must);

const delay = field("power_on_delay", "Power ON outlet delay (seconds)", { default: "5" });
const outlet = field("node_outlet", "Outlet ID", node);

function type(
  name: string,
  description: string,
  fields: PowerField[],
  traits: { chassis?: boolean; can_probe?: boolean; queryable?: boolean } = {},
): PowerType {
  const { chassis = false, can_probe = false, queryable = true } = traits;
  return {
    driver_type: "power",
    name,
    description,
    chassis,
    can_probe,
    can_set_boot_order: false,
    missing_packages: [],
    queryable,
    fields,
  };
}

const ipmiWorkarounds = {
  opensesspriv: "Opensesspriv",
  authcap: "Authcap",
  idzero: "Idzero",
  unexpectedauth: "Unexpectedauth",
  forcepermsg: "Forcepermsg",
  endianseq: "Endianseq",
  intel20: "Intel20",
  supermicro20: "Supermicro20",
  sun20: "Sun20",
  nochecksumcheck: "Nochecksumcheck",
  integritycheckvalue: "Integritycheckvalue",
  ipmiping: "Ipmiping",
  "": "None",
};

export const powerTypes: PowerType[] = [
  type(
    "apc",
    "American Power Conversion (APC) PDU",
    [
      field("power_address", "IP for APC PDU", { ...must, field_type: "ip_address" }),
      field("node_outlet", "APC PDU node outlet number (1-16)", node),
      delay,
      field("pdu_type", "PDU type", choice({ RPDU: "rPDU", MASTERSWITCH: "masterswitch" }, "RPDU")),
    ],
    { chassis: true, queryable: true },
  ),
  type(
    "recs_box",
    "Christmann RECS|Box Power Driver",
    [field("node_id", "Node ID", node), address("IP for RECS Box"), field("power_port", "Port"), user(), password()],
    { chassis: true, can_probe: true },
  ),
  type(
    "ucsm",
    "Cisco UCS Manager",
    [field("uuid", "Server UUID", node), field("power_address", "URL for XML API", must), user({ field_type: "string" }), password()],
    { chassis: true, can_probe: true },
  ),
  type("dli", "Digital Loggers, Inc. PDU", [field("outlet_id", "Outlet ID", node), address("Power address"), user(), password()], {
    chassis: true,
  }),
  type("eaton", "Eaton PDU", [address("IP for Eaton PDU"), field("node_outlet", "Eaton PDU node outlet number (1-24)", node), delay], {
    chassis: true,
  }),
  type("wedge", "Facebook's Wedge", [address(), user(), password()]),
  type(
    "mscm",
    "HP Moonshot - iLO Chassis Manager",
    [
      address("IP for MSCM CLI API"),
      user(),
      password(),
      field("node_id", "Node ID - Must adhere to cXnY format (X=cartridge number, Y=node number).", node),
    ],
    { chassis: true, can_probe: true },
  ),
  type(
    "moonshot",
    "HP Moonshot - iLO4 (IPMI)",
    [address("Power address"), user(), password(), field("power_hwaddress", "Power hardware address", node)],
    { chassis: true },
  ),
  type(
    "hmc",
    "IBM Hardware Management Console (HMC) for PowerPC",
    [
      address("IP for HMC"),
      user(),
      password(),
      field("server_name", "HMC Managed System server name", node),
      field("lpar", "HMC logical partition", node),
    ],
    { chassis: true },
  ),
  type(
    "hmcz",
    "IBM Hardware Management Console (HMC) for Z",
    [
      field("power_address", "HMC Address", must),
      field("power_user", "HMC username", must),
      field("power_pass", "HMC password", { ...must, ...secret }),
      field("power_partition_name", "HMC partition name", node),
      field("power_verify_ssl", "Verify SSL connections with system CA certificates", yesNo("y")),
    ],
    { chassis: true, can_probe: true },
  ),
  type("ipmi", "IPMI", [
    field("power_driver", "Power driver", choice({ LAN: "LAN [IPMI 1.5]", LAN_2_0: "LAN_2_0 [IPMI 2.0]" }, "LAN_2_0", must)),
    field("power_boot_type", "Power boot type", choice({ auto: "Automatic", legacy: "Legacy boot", efi: "EFI boot" }, "auto")),
    address(),
    user(),
    password(),
    field("k_g", "K_g BMC key", secret),
    field(
      "cipher_suite_id",
      "Cipher Suite ID",
      choice(
        {
          "17": "17 - HMAC-SHA256::HMAC_SHA256_128::AES-CBC-128",
          "3": "3 - HMAC-SHA1::HMAC-SHA1-96::AES-CBC-128",
          "": "freeipmi-tools default",
          "8": "8 - HMAC-MD5::HMAC-MD5-128::AES-CBC-128",
          "12": "12 - HMAC-MD5::MD5-128::AES-CBC-128",
        },
        "3",
      ),
    ),
    field("privilege_level", "Privilege Level", choice({ USER: "User", OPERATOR: "Operator", ADMIN: "Administrator" }, "OPERATOR")),
    {
      ...field("workaround_flags", "Workaround Flags"),
      field_type: "multiple_choice",
      choices: Object.entries(ipmiWorkarounds),
      default: ["opensesspriv"],
    },
    field("mac_address", "Power MAC", { field_type: "mac_address", scope: "node" }),
    field("power_off_mode", "Power off mode", choice({ soft: "Soft power off", hard: "Power off" }, "hard", { scope: "node" })),
  ]),
  type("amt", "Intel AMT", [
    field("power_user", "Power user", { default: "admin" }),
    password(),
    field("port", "Port", choice({ "16992": "16992", "16993": "16993 (TLS)" }, "16992")),
    address("Power address"),
  ]),
  type(
    "lxd",
    "LXD (virtual systems)",
    [
      field("power_address", "LXD address", { ...must, field_type: "lxd_address" }),
      field("instance_name", "Instance name", node),
      field("project", "LXD project", { ...must, default: "default" }),
      field("password", "LXD password (optional)", secret),
      field("certificate", "LXD certificate (optional)"),
      field("key", "LXD private key (optional)", secret),
    ],
    { chassis: true, can_probe: true },
  ),
  type("manual", "Manual", [], { queryable: false }),
  type(
    "msftocs",
    "Microsoft OCS - Chassis Manager",
    [address("Power address"), field("power_port", "Power port"), user(), password(), field("blade_id", "Blade ID (Typically 1-24)", node)],
    { chassis: true, can_probe: true },
  ),
  type("openbmc", "OpenBMC Power Driver", [address("OpenBMC address"), user(must), password(must)]),
  type(
    "nova",
    "OpenStack Nova",
    [
      field("nova_id", "Host UUID", node),
      field("os_tenantname", "Tenant name", must),
      field("os_username", "Username", must),
      field("os_password", "Password", { ...must, ...secret }),
      field("os_authurl", "Auth URL", must),
    ],
    { chassis: true },
  ),
  type(
    "proxmox",
    "Proxmox",
    [
      field("power_address", "Proxmox host name or IP", must),
      field("power_user", "Proxmox username, including realm", must),
      field("power_pass", "Proxmox password, required if a token name and secret aren't given", secret),
      field("power_token_name", "Proxmox API token name"),
      field("power_token_secret", "Proxmox API token secret", secret),
      field("power_vm_name", "Node ID", node),
      field("power_verify_ssl", "Verify SSL connections with system CA certificates", yesNo("n")),
    ],
    { chassis: true, can_probe: true },
  ),
  type("raritan", "Raritan PDU", [address("IP for Raritan PDU"), outlet, delay], { chassis: true }),
  type("redfish", "Redfish", [address("Redfish address"), user(must), password(must), field("node_id", "Node ID", { scope: "node" })]),
  type(
    "sm15k",
    "SeaMicro 15000",
    [
      field("system_id", "System ID", node),
      address("Power address"),
      user(),
      password(),
      field(
        "power_control",
        "Power control type",
        choice({ ipmi: "IPMI", restapi: "REST API v0.9", restapi2: "REST API v2.0" }, "ipmi", must),
      ),
    ],
    { chassis: true, can_probe: true },
  ),
  type(
    "vmware",
    "VMware",
    [
      field("power_vm_name", "VM Name (if UUID unknown)", { scope: "node" }),
      field("power_uuid", "VM UUID (if known)", { scope: "node" }),
      field("power_address", "VMware IP", must),
      field("power_user", "VMware username", must),
      field("power_pass", "VMware password", { ...must, ...secret }),
      field("power_port", "VMware API port (optional)"),
      field("power_protocol", "VMware API protocol (optional)"),
    ],
    { chassis: true, can_probe: true },
  ),
  type(
    "virsh",
    "Virsh (virtual systems)",
    [
      field("power_address", "Address", { ...must, field_type: "virsh_address" }),
      field("power_pass", "Password (optional)", secret),
      field("power_id", "Virsh VM ID", node),
    ],
    { chassis: true, can_probe: true },
  ),
  type("webhook", "Webhook", [
    field("power_on_uri", "URI to power on the node", node),
    field("power_off_uri", "URI to power off the node", node),
    field("power_query_uri", "URI to query the nodes power status", node),
    field("power_on_regex", "Regex to confirm the node is on", { ...node, default: "status.*\\:.*running" }),
    field("power_off_regex", "Regex to confirm the node is off", { ...node, default: "status.*\\:.*stopped" }),
    field("power_user", "Power user"),
    password(),
    field("power_token", "Power token, will be used in place of power_user and power_pass", secret),
    field("power_verify_ssl", "Verify SSL connections with system CA certificates", yesNo("n")),
  ]),
];

export const powerType = (name: string) => powerTypes.find((candidate) => candidate.name === name);
