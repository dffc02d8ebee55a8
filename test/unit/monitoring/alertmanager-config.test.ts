import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { Secret } from "../../../components/core/secret";
import { type PlainReceiver, plainReceivers, renderAlertmanagerConfig } from "../../../components/monitoring/alertmanager-config";
import { ALERTMANAGER_DEFAULTS } from "../../../components/monitoring/args";
import { checkMonitoring, monitoringSettings } from "../../../settings/monitoring";
import { debianProgram } from "../../support/debian";
import { settled } from "../../support/mocks";

const run = promisify(execFile);

const receivers: PlainReceiver[] = [
  { type: "webhook", name: "hook", url: "http://192.168.200.1:8080/alerts" },
  { type: "slack", name: "chat", webhookUrl: "https://chat.test/hooks/x", channel: "#lab" },
  {
    type: "email",
    name: "post",
    to: "a@home.test",
    from: "b@home.test",
    smarthost: "mail.test:587",
    username: "u",
    password: "p",
    severity: "critical",
  },
  { type: "ntfy", name: "phone", server: "https://ntfy.test", topic: "lab", token: "tk_x" },
];

describe("Alertmanager's configuration", () => {
  let folder: string;
  let file: string;
  let amtool: string;

  beforeAll(async () => {
    amtool = await debianProgram("prometheus-alertmanager", "amtool");
    folder = await mkdtemp(path.join(tmpdir(), "homelab-amtool-"));
    file = path.join(folder, "alertmanager.yml");
    await writeFile(file, renderAlertmanagerConfig(ALERTMANAGER_DEFAULTS, { receivers, deadMansSwitch: "https://deadman.test/ping" }));
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("passes amtool with every kind of receiver, and with none", async () => {
    expect((await run(amtool, ["check-config", file])).stdout).toContain("SUCCESS");
    const bare = path.join(folder, "bare.yml");
    await writeFile(bare, renderAlertmanagerConfig(ALERTMANAGER_DEFAULTS, { receivers: [] }));
    expect((await run(amtool, ["check-config", bare])).stdout).toContain("SUCCESS");
  });

  test.each([
    ["critical goes to everybody", ["alertname=NodeDown", "severity=critical"], "hook,chat,post,phone"],
    ["a warning does not go where only critical is wanted", ["alertname=DiskFillsWithinADay", "severity=warning"], "hook,chat,phone"],
    ["the watchdog goes to the dead man's switch alone", ["alertname=Watchdog", "severity=none"], "dead-mans-switch"],
  ])("%s", async (_, labels, told) => {
    const { stdout } = await run(amtool, ["config", "routes", "test", `--config.file=${file}`, ...labels]);
    expect(stdout.trim()).toBe(told);
  });

  test("secrets of receivers are revealed to Alertmanager alone, as a secret", async () => {
    const { value, secret } = await settled(
      plainReceivers({
        receivers: [{ type: "ntfy", name: "phone", topic: "lab", token: new Secret("tk_hush") }],
        deadMansSwitch: new Secret("https://deadman.test/ping"),
      }),
    );
    expect(secret).toBe(true);
    expect(value).toEqual({
      receivers: [{ type: "ntfy", name: "phone", topic: "lab", token: "tk_hush" }],
      deadMansSwitch: "https://deadman.test/ping",
    });
  });

  test("two receivers of one name are refused, naming both", () => {
    const twice = monitoringSettings.parse({
      alertmanager: { receivers: [1, 2].map(() => ({ type: "webhook", name: "hook", url: "http://a.test" })) },
    });
    expect(checkMonitoring({ monitoring: twice })).toMatchObject([
      { path: "homelab:monitoring.alertmanager.receivers[1].name", message: expect.stringContaining("receivers[0]") },
    ]);
  });
});
