import * as fc from "fast-check";
import * as yaml from "js-yaml";
import { renderAccounts } from "../../../components/taskserver/accounts";
import { TASKD_DEFAULTS, withDefaults } from "../../../components/taskserver/args";
import { composeFiles } from "../../../components/taskserver/compose";
import { memoryLimit } from "../../../components/taskserver/taskd";
import { renderTaskdConfig } from "../../../components/taskserver/taskd-config";
import { clientFiles, mergeTaskrc, renderTaskrc, type UserAccess } from "../../../components/taskserver/taskrc";
import { checkTaskServers, taskServersSettings } from "../../../settings/task-servers";

const settings = withDefaults({ organisations: [{ name: "Home", users: [{ name: "Ada Lovelace" }] }], taskchampion: {} });
const access: UserAccess = {
  user: "Ada Lovelace",
  organisation: "Home",
  taskd: { server: "192.168.200.11:53589", credentials: "Home/Ada Lovelace/key", ca: "CA", certificate: "CERT", key: "KEY" },
  taskchampion: { url: "http://192.168.200.11:8080", clientId: "id", encryptionSecret: "secret" },
};

describe("taskd's configuration", () => {
  test("is sorted, and follows the settings", () => {
    const text = renderTaskdConfig(TASKD_DEFAULTS, { data: "/d", certificates: "/c" });
    expect(text).toMatchInlineSnapshot(`
"ca.cert=/c/ca.pem
ciphers=NORMAL:-VERS-TLS1.0:-VERS-TLS1.1
confirmation=0
debug=0
ip.log=1
log=-
pid.file=/tmp/taskd.pid
queue.size=128
request.limit=33554432
root=/d
server=0.0.0.0:53589
server.cert=/c/server.pem
server.key=/c/server.key
trust=strict
verbose=1
"
`);
  });

  test("memory follows the largest request", () => {
    expect(memoryLimit({ requestLimit: "1 MiB" })).toBe("128Mi");
    expect(memoryLimit({ requestLimit: "32 MiB" })).toBe("512Mi");
  });
});

describe("accounts", () => {
  test("an account without a key is a bug, not a user without one", () => {
    expect(() => renderAccounts(settings, {})).toThrow("no key was made for Home/Ada Lovelace");
  });
});

describe("taskrc", () => {
  test("for Taskwarrior 2 and for Taskwarrior 3", () => {
    expect(renderTaskrc(access, 2, "~/.task")).toContain("taskd.certificate=~/.task/Ada_Lovelace.cert.pem\n");
    expect(renderTaskrc(access, 3, "~/.task")).toBe(
      "sync.server.url=http://192.168.200.11:8080\nsync.server.client_id=id\nsync.encryption_secret=secret\n",
    );
    expect(clientFiles(access, 2).map(({ name, mode }) => [name, mode])).toEqual([
      ["ca.cert.pem", 0o644],
      ["Ada_Lovelace.cert.pem", 0o644],
      ["Ada_Lovelace.key.pem", 0o600],
    ]);
    expect(clientFiles(access, 3)).toEqual([]);
  });

  test("merging keeps every other line and is the same to do twice", () => {
    const line = fc.string({ maxLength: 20 }).filter((text) => !/[\n\r]/.test(text) && !text.startsWith("taskd."));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const once = mergeTaskrc(lines.join("\n"), access, 2, "~/.task");
        expect(mergeTaskrc(once, access, 2, "~/.task")).toBe(once);
        for (const kept of lines.filter((text) => text.trim() !== "")) {
          expect(once.split("\n")).toContain(kept);
        }
      }),
    );
  });

  test("says what is missing", () => {
    expect(() => renderTaskrc({ ...access, taskchampion: undefined }, 3, "~/.task")).toThrow("no access to TaskChampion's sync server");
  });
});

describe("the compose file", () => {
  const files = composeFiles(settings, {
    images: {
      taskd: "registry.example/taskd:1",
      "taskchampion-sync-server": "registry.example/champion:1",
      haproxy: "registry.example/haproxy:3",
    },
    clientIds: ["11111111-1111-4111-8111-111111111111"],
    keys: { "Home/Ada Lovelace": "11111111-1111-4111-8111-111111111111" },
    authority: "CA",
    server: { certificate: "CERT", privateKey: "KEY" },
  });
  const byName = Object.fromEntries(files.map((file) => [file.name, file]));

  test("runs what the cluster runs", () => {
    const compose = yaml.load(byName["compose.yaml"].content) as any;
    const services: [string, any][] = Object.entries(compose.services);
    expect(services.map(([name]) => name)).toEqual(["taskd-gate", "taskd-layout", "taskd", "taskchampion-gate", "taskchampion"]);
    expect(compose.services.taskd).toMatchObject({ read_only: true, user: "10589:10589", mem_limit: "512m" });
    expect(services.flatMap(([, { ports }]) => ports ?? [])).toEqual(["53589:53589", "8443:8443"]);
    for (const [, service] of services) {
      // Every server is behind the gate whose network it shares.
      expect(service.network_mode === undefined || service.network_mode.slice("service:".length) in compose.services).toBe(true);
      for (const volume of service.volumes) {
        const source = volume.split(":")[0];
        const there = source.startsWith("./")
          ? files.some(({ name }) => name.startsWith(`${source.slice(2)}/`))
          : source in compose.volumes;
        expect({ volume, there }).toEqual({ volume, there: true });
      }
    }
  });

  test("keeps secrets out of everybody's sight", () => {
    for (const { name, mode, content } of files) {
      if (/KEY|11111111/.test(content)) {
        expect({ name, mode }).toEqual({
          name: expect.stringMatching(/^(taskd-(accounts|tls|gate-tls)|taskchampion-tls)\/|^taskchampion\.env$/),
          mode: 0o400,
        });
      }
    }
  });
});

describe("settings of the task servers", () => {
  const problems = (input: unknown) => checkTaskServers({ taskServers: taskServersSettings.parse(input) });

  test("are refused when two users, or a user and a former name, are one", () => {
    const users = [{ name: "alice" }, { name: "bob", formerly: "alice" }];
    expect(problems({ organisations: [{ name: "Home", users }] })).toMatchObject([
      { path: "homelab:taskServers.organisations[0].users[1].formerly", message: expect.stringContaining("users[0]") },
    ]);
    expect(problems({ organisations: [{ name: "Home" }, { name: "Home" }] })).toMatchObject([
      { path: "homelab:taskServers.organisations[1].name" },
    ]);
  });

  test.each([
    ["renewBefore", { certificates: { lifetime: "30 days", renewBefore: "30 days" } }],
    ["lifetime", { certificates: { lifetime: "400 days", authorityLifetime: "300 days" } }],
  ])("are refused when %s makes no sense", (key, input) => {
    expect(problems(input)).toMatchObject([{ path: `homelab:taskServers.certificates.${key}` }]);
  });

  test.each(["a/b", " a", "a  b", "", "../x", "a\tb", "-a"])("refuse the name %j", (name) => {
    expect(taskServersSettings.safeParse({ organisations: [{ name }] }).success).toBe(false);
  });
});
