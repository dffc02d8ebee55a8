/** All endpoints, in one list. More exact paths come before those with a parameter in the same place. */
import type { Context } from "../http/context";
import type { Endpoint } from "../http/router";
import { accountEndpoints } from "./account";
import { bootResourceEndpoints } from "./boot-resources";
import { configEndpoints } from "./config";
import { controllerEndpoints } from "./controllers";
import { describeEndpoints } from "./describe";
import { deviceEndpoints } from "./devices";
import { dnsEndpoints } from "./dns";
import { eventEndpoints } from "./events";
import { fabricEndpoints } from "./fabrics";
import { interfaceEndpoints } from "./interfaces";
import { ipAddressEndpoints } from "./ip-addresses";
import { ipRangeEndpoints } from "./ip-ranges";
import { machineEndpoints } from "./machines";
import { miscellaneousEndpoints } from "./miscellaneous";
import { nodeDeviceEndpoints } from "./node-devices";
import { nodeEndpoints } from "./nodes";
import { notificationEndpoints } from "./notifications";
import { olderEndpoints } from "./older";
import { poolEndpoints } from "./pools";
import { resultEndpoints } from "./results";
import { scriptEndpoints } from "./scripts";
import { sshKeyEndpoints } from "./ssh-keys";
import { storageEndpoints } from "./storage";
import { subnetEndpoints } from "./subnets";
import { tagEndpoints } from "./tags";
import { userEndpoints } from "./users";
import { versionEndpoints } from "./version";
import { vlanEndpoints } from "./vlans";
import { vmHostEndpoints } from "./vm-hosts";
import { zoneEndpoints } from "./zones";

const described: Endpoint<Context>[] = [
  ...versionEndpoints,
  ...accountEndpoints,
  ...userEndpoints,
  ...sshKeyEndpoints,
  ...zoneEndpoints,
  ...poolEndpoints,
  ...tagEndpoints,
  ...fabricEndpoints,
  ...vlanEndpoints,
  ...subnetEndpoints,
  ...ipRangeEndpoints,
  ...ipAddressEndpoints,
  ...dnsEndpoints,
  ...scriptEndpoints,
  ...configEndpoints,
  ...machineEndpoints,
  ...nodeEndpoints,
  ...nodeDeviceEndpoints,
  ...interfaceEndpoints,
  ...storageEndpoints,
  ...resultEndpoints,
  ...eventEndpoints,
  ...bootResourceEndpoints,
  ...controllerEndpoints,
  ...deviceEndpoints,
  ...vmHostEndpoints,
  ...notificationEndpoints,
  ...miscellaneousEndpoints,
];

export const endpoints = [...described, ...describeEndpoints(described), ...olderEndpoints];
