import * as yaml from "js-yaml";
import type { MachineRole } from "../core/machine-access";
import type { RemoteFile } from "./scripts";

/**
 * What k3s leaves to its operator of the CIS Kubernetes benchmark.
 *
 * @see https://docs.k3s.io/security/hardening-guide
 */

const ADMISSION = "/etc/rancher/k3s/admission.yaml";
const AUDIT = "/etc/rancher/k3s/audit.yaml";

/** Ciphers of TLS 1.2 with forward secrecy; TLS 1.3 has no others. */
const CIPHERS = [
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
];

/** Keys of `config.yaml`. */
export function hardenedConfig(role: MachineRole): Record<string, boolean | string[]> {
  return {
    "protect-kernel-defaults": true,
    "kubelet-arg": ["streaming-connection-idle-timeout=5m", `tls-cipher-suites=${CIPHERS.join(",")}`],
    ...(role === "server" && {
      "kube-apiserver-arg": [
        `admission-control-config-file=${ADMISSION}`,
        `audit-policy-file=${AUDIT}`,
        "audit-log-path=/var/lib/rancher/k3s/server/logs/audit.log",
        "audit-log-maxage=30",
        "audit-log-maxbackup=10",
        "audit-log-maxsize=100",
        "service-account-extend-token-expiration=false",
      ],
      "kube-controller-manager-arg": ["terminated-pod-gc-threshold=10"],
    }),
  };
}

/** What a kubelet with `protect-kernel-defaults` insists on finding. */
const SYSCTLS = `# kubelet's protect-kernel-defaults refuses to start with other values.
vm.panic_on_oom=0
vm.overcommit_memory=1
kernel.panic=10
kernel.panic_on_oops=1
`;

const admission = {
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "AdmissionConfiguration",
  plugins: [
    {
      name: "PodSecurity",
      configuration: {
        apiVersion: "pod-security.admission.config.k8s.io/v1",
        kind: "PodSecurityConfiguration",
        // Namespaces say by label when they need more.
        defaults: { enforce: "restricted", "enforce-version": "latest", audit: "restricted", warn: "restricted" },
        exemptions: { usernames: [], runtimeClasses: [], namespaces: ["kube-system"] },
      },
    },
  ],
};

/** Who did what, without bodies: secrets never get into the log, and reads of them are noted. */
const audit = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    {
      level: "None",
      users: ["system:kube-proxy", "system:kube-scheduler", "system:kube-controller-manager"],
      verbs: ["get", "list", "watch"],
    },
    { level: "None", nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi*"] },
    {
      level: "None",
      resources: [
        { group: "", resources: ["events"] },
        { group: "coordination.k8s.io", resources: ["leases"] },
      ],
    },
    { level: "Metadata" },
  ],
};

/** The files that the keys name; all are taken away when hardening is turned off. */
export function hardeningFiles(role: MachineRole, on: boolean): RemoteFile[] {
  const server = on && role === "server";
  return [
    { path: "/etc/sysctl.d/90-homelab-kubelet.conf", mode: "0644", content: on ? SYSCTLS : undefined },
    { path: ADMISSION, mode: "0600", content: server ? yaml.dump(admission, { sortKeys: true }) : undefined },
    { path: AUDIT, mode: "0600", content: server ? yaml.dump(audit, { sortKeys: true }) : undefined },
  ];
}
