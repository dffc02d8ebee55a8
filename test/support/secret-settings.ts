/** A place of the settings where a secret may stand. */
export interface SecretPlace {
  name: string;
  keys: (string | number)[];
}

const PEM = (text: string) => `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`;
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/**
 * Settings that have every secret there is, each with a value of its own, and where these are. A test compares the list with the schema.
 *
 * @param canary a text for a place: letters, digits and dashes, so that every format takes it
 */
export function everySecret(canary: (place: string) => string): { plain: any; places: SecretPlace[] } {
  const places: SecretPlace[] = [];
  const at = (name: string, ...keys: (string | number)[]): string => {
    places.push({ name, keys });
    return canary(name);
  };
  const receivers = ["monitoring", "alertmanager", "receivers"];
  const preseed = ["maas", "preseeds", 0, "curtin"];
  const s3 = ["cluster", "backups", "s3"];
  const storage = ["taskServers", "backup", "objectStorage"];
  const userData = ["machines", 0, "userData"];
  const plain = {
    environment: "physical",
    maasApiKey: `consumer:token:${at("api-key", "maasApiKey")}`,
    maas: {
      url: "https://192.168.200.1:5443/MAAS",
      vmHosts: [
        {
          name: "attic",
          type: "lxd",
          address: "https://10.10.10.1:8443",
          password: at("vm-host-password", "maas", "vmHosts", 0, "password"),
          certificate: CERTIFICATE,
          key: at("vm-host-key", "maas", "vmHosts", 0, "key"),
        },
      ],
      host: {
        address: "192.168.200.1",
        hostKey: "ssh-ed25519 AAAA",
        privateKey: PEM(at("host-key", "maas", "host", "privateKey")),
      },
      install: {
        database: `postgres://maas:${at("maas-database", "maas", "install", "database")}@db/maas`,
        tls: { certificate: CERTIFICATE, key: PEM(at("maas-tls-key", "maas", "install", "tls", "key")) },
      },
      preseeds: [
        {
          prefix: "curtin_userdata",
          curtin: {
            earlyCommands: [at("early-command", ...preseed, "earlyCommands", 0)],
            lateCommands: [at("late-command", ...preseed, "lateCommands", 0)],
            storage: [{ key: at("curtin-storage", ...preseed, "storage") }],
            network: { password: at("curtin-network", ...preseed, "network") },
            webhook: `https://hooks.example/${at("curtin-webhook", ...preseed, "webhook")}`,
          },
        },
      ],
    },
    machines: [
      {
        name: "node1",
        role: "server",
        macAddresses: ["52:54:00:c8:00:01"],
        address: "192.168.200.11",
        power: { type: "ipmi", parameters: { power_pass: at("power", "machines", 0, "power", "parameters", "power_pass") } },
        commissioning: {
          scripts: ["inventory"],
          parameters: { inventory: { token: at("script-parameter", "machines", 0, "commissioning", "parameters", "inventory", "token") } },
        },
        userData: {
          files: [{ path: "/etc/app.conf", content: at("file", ...userData, "files", 0, "content") }],
          commands: [at("command", ...userData, "commands", 0)],
          bootCommands: [at("boot-command", ...userData, "bootCommands", 0)],
        },
      },
      { name: "node2", role: "agent", macAddresses: ["52:54:00:c8:00:02"], address: "192.168.200.12" },
    ],
    ingress: {
      enabled: true,
      oidc: {
        issuer: "https://login.example",
        clientId: "lab",
        clientSecret: at("oidc-client-secret", "ingress", "oidc", "clientSecret"),
        emailDomains: ["*"],
      },
      certificates: {
        acme: {
          dns: {
            provider: "cloudflare",
            secrets: { CF_DNS_API_TOKEN: at("acme-token", "ingress", "certificates", "acme", "dns", "secrets") },
          },
        },
      },
    },
    cluster: {
      datastore: { endpoint: `postgres://k3s:${at("datastore", "cluster", "datastore", "endpoint")}@db/k3s` },
      backups: {
        s3: {
          endpoint: "https://s3.example",
          bucket: "lab",
          accessKey: at("s3-access-key", ...s3, "accessKey"),
          secretKey: at("s3-secret-key", ...s3, "secretKey"),
        },
      },
      registries: {
        hosts: {
          "registry.example": {
            auth: {
              username: at("registry-user", "cluster", "registries", "hosts", "registry.example", "auth", "username"),
              password: at("registry-password", "cluster", "registries", "hosts", "registry.example", "auth", "password"),
            },
          },
        },
      },
      extraConfig: {
        server: { "etcd-s3-secret-key": at("extra-server", "cluster", "extraConfig", "server", "etcd-s3-secret-key") },
        agent: { "vpn-auth": at("extra-agent", "cluster", "extraConfig", "agent", "vpn-auth") },
      },
    },
    monitoring: {
      alertmanager: {
        deadMansSwitch: `https://deadman.example/${at("dead-mans-switch", "monitoring", "alertmanager", "deadMansSwitch")}`,
        receivers: [
          { type: "webhook", name: "hook", url: `https://hooks.example/${at("webhook", ...receivers, 0, "url")}` },
          { type: "slack", name: "chat", webhookUrl: `https://chat.example/${at("slack", ...receivers, 1, "webhookUrl")}` },
          {
            type: "email",
            name: "post",
            to: "a@example.org",
            from: "b@example.org",
            smarthost: "smtp.example:587",
            username: "lab",
            password: at("mail-password", ...receivers, 2, "password"),
          },
          {
            type: "ntfy",
            name: "phone",
            topic: at("ntfy-topic", ...receivers, 3, "topic"),
            token: at("ntfy-token", ...receivers, 3, "token"),
          },
        ],
      },
    },
    taskServers: {
      organisations: [{ name: "home", users: [{ name: "anna" }] }],
      certificates: {
        authority: {
          certificate: CERTIFICATE,
          privateKey: PEM(at("authority-key", "taskServers", "certificates", "authority", "privateKey")),
        },
      },
      backup: {
        objectStorage: {
          url: "https://s3.example/bucket",
          accessKeyId: at("object-storage-id", ...storage, "accessKeyId"),
          secretAccessKey: at("object-storage-secret", ...storage, "secretAccessKey"),
        },
      },
    },
  };
  return { plain, places };
}
