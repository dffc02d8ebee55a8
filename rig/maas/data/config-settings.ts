/** MAAS's settings (`maas/?op=get_config`), in its order, with the defaults of a fresh region and how a value is checked. */

export type SettingKind =
  | "string"
  | "boolean"
  | "integer"
  | "ip-list"
  | "host-list"
  | "os"
  | "series"
  | "kernel"
  | "text-or-null"
  | { choices: string[] };

const storageLayouts = ["bcache", "blank", "custom", "flat", "lvm", "vmfs6", "vmfs7"];

const rows: [name: string, kind: SettingKind, fallback: unknown][] = [
  ["maas_name", "string", "maas"],
  ["theme", "string", ""],
  ["kernel_opts", "text-or-null", null],
  ["enable_http_proxy", "boolean", true],
  ["maas_proxy_port", "integer", 8000],
  ["use_peer_proxy", "boolean", false],
  ["prefer_v4_proxy", "boolean", false],
  ["http_proxy", "text-or-null", null],
  ["default_dns_ttl", "integer", 30],
  ["upstream_dns", "ip-list", null],
  ["dnssec_validation", { choices: ["auto", "yes", "no"] }, "auto"],
  ["maas_internal_domain", "string", "maas-internal"],
  ["dns_trusted_acl", "text-or-null", null],
  ["ntp_servers", "host-list", "ntp.ubuntu.com"],
  ["ntp_external_only", "boolean", false],
  ["allow_only_trusted_transfers", "boolean", true],
  ["remote_syslog", "text-or-null", null],
  ["maas_syslog_port", "integer", 5247],
  ["network_discovery", { choices: ["enabled", "disabled"] }, "enabled"],
  ["active_discovery_interval", "integer", 10800],
  ["default_boot_interface_link_type", { choices: ["auto", "static", "dhcp", "link_up"] }, "auto"],
  ["default_osystem", "os", "ubuntu"],
  ["default_distro_series", "series", "noble"],
  ["default_min_hwe_kernel", "kernel", ""],
  ["enable_kernel_crash_dump", "boolean", false],
  ["default_storage_layout", { choices: storageLayouts }, "flat"],
  ["commissioning_distro_series", "series", "noble"],
  ["enable_third_party_drivers", "boolean", true],
  ["windows_kms_host", "text-or-null", null],
  ["enable_disk_erasing_on_release", "boolean", false],
  ["disk_erase_with_secure_erase", "boolean", true],
  ["disk_erase_with_quick_erase", "boolean", false],
  ["boot_images_auto_import", "boolean", true],
  ["boot_images_no_proxy", "boolean", false],
  ["curtin_verbose", "boolean", true],
  ["force_v1_network_yaml", "boolean", false],
  ["enable_analytics", "boolean", true],
  ["completed_intro", "boolean", true],
  ["max_node_commissioning_results", "integer", 10],
  ["max_node_testing_results", "integer", 10],
  ["max_node_installation_results", "integer", 3],
  ["max_node_release_results", "integer", 3],
  ["subnet_ip_exhaustion_threshold_count", "integer", 16],
  ["release_notifications", "boolean", true],
  ["use_rack_proxy", "boolean", true],
  ["node_timeout", "integer", 30],
  ["prometheus_enabled", "boolean", false],
  ["prometheus_push_gateway", "text-or-null", null],
  ["prometheus_push_interval", "integer", 60],
  ["promtail_enabled", "boolean", false],
  ["promtail_port", "integer", 5238],
  ["enlist_commissioning", "boolean", true],
  ["maas_auto_ipmi_user", "string", "maas"],
  ["maas_auto_ipmi_user_privilege_level", { choices: ["USER", "OPERATOR", "ADMIN"] }, "ADMIN"],
  ["maas_auto_ipmi_k_g_bmc_key", "string", ""],
  ["maas_auto_ipmi_cipher_suite_id", { choices: ["17", "3", "", "8", "12"] }, "3"],
  ["maas_auto_ipmi_workaround_flags", "text-or-null", null],
  ["vcenter_server", "string", ""],
  ["vcenter_username", "string", ""],
  ["vcenter_password", "string", ""],
  ["vcenter_datacenter", "string", ""],
  ["hardware_sync_interval", "string", "15m"],
  ["tls_cert_expiration_notification_enabled", "boolean", false],
  ["tls_cert_expiration_notification_interval", "integer", 30],
  ["session_length", "integer", 1209600],
  ["auto_vlan_creation", "boolean", true],
];

export const settings = new Map(rows.map(([name, kind, fallback]) => [name, { kind, fallback }]));
export const settingNames = rows.map(([name]) => name);
export { storageLayouts };
