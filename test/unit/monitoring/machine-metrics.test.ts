import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { installText, removeText } from "../../../components/monitoring/machine-metrics";
import { debianProgram } from "../../support/debian";

const run = promisify(execFile);
const script = path.resolve(__dirname, "../../../components/monitoring/machine-metrics.sh");

describe("the machine's own metrics", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "homelab-metrics-"));
    mkdirSync(path.join(folder, "k3s/server/tls"), { recursive: true });
    mkdirSync(path.join(folder, "k3s/server/db/snapshots"), { recursive: true });
    const [key, crt] = ["k.pem", "k3s/server/tls/client-admin.crt"].map((name) => path.join(folder, name));
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        key,
        "-out",
        crt,
        "-subj",
        "/CN=x",
        "-days",
        "30",
      ],
      { stdio: "ignore" },
    );
    writeFileSync(path.join(folder, "k3s/server/tls/broken.crt"), "not a certificate");
    for (const [name, time] of [
      ["old", 1_000_000_000],
      ["new", 1_700_000_000],
    ] as const) {
      const file = path.join(folder, "k3s/server/db/snapshots", `${name} snapshot`);
      writeFileSync(file, name);
      utimesSync(file, time, time);
    }
    mkdirSync(path.join(folder, "backups"));
    const archive = path.join(folder, "backups", "node1.tar.gz");
    writeFileSync(archive, "backup");
    utimesSync(archive, 1_600_000_000, 1_600_000_000);
    execFileSync("/bin/sh", [script, path.join(folder, "k3s"), path.join(folder, "out"), path.join(folder, "backups")]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const text = () => readFileSync(path.join(folder, "out/homelab.prom"), "utf8");

  test("have the end of each certificate and the newest snapshot", () => {
    const end = execFileSync("openssl", ["x509", "-noout", "-enddate", "-in", path.join(folder, "k3s/server/tls/client-admin.crt")], {
      encoding: "utf8",
    });
    const seconds = Date.parse(end.replace("notAfter=", "")) / 1000;
    expect(text()).toContain(`homelab_certificate_expiry_timestamp_seconds{certificate="server/tls/client-admin"} ${seconds}\n`);
    expect(text()).not.toContain("broken");
    expect(text()).toMatch(/homelab_etcd_snapshot_timestamp_seconds 1700000000\.0+\n/);
    expect(text()).toContain("homelab_etcd_snapshot_size_bytes 3\n");
    expect(text()).toMatch(/homelab_cluster_backup_timestamp_seconds 1600000000\.0+\n/);
    expect(text()).toContain("homelab_cluster_backup_size_bytes 6\n");
  });

  test("count a server without a backup from its own beginning", () => {
    const token = path.join(folder, "k3s/server/token");
    writeFileSync(token, "x");
    utimesSync(token, 1_500_000_000, 1_500_000_000);
    execFileSync("/bin/sh", [script, path.join(folder, "k3s"), path.join(folder, "none"), path.join(folder, "absent")]);
    expect(readFileSync(path.join(folder, "none/homelab.prom"), "utf8")).toContain("homelab_cluster_backup_timestamp_seconds 1500000000\n");
  });

  test("count no backup that was not copied to where the settings want it", () => {
    const made = () => {
      execFileSync("/bin/sh", [script, path.join(folder, "k3s"), path.join(folder, "copied"), path.join(folder, "backups")]);
      return /^homelab_cluster_backup_timestamp_seconds (\d+)/m.exec(readFileSync(path.join(folder, "copied/homelab.prom"), "utf8"))?.[1];
    };
    const finished = path.join(folder, "last-backup");
    writeFileSync(finished, "1599990000\n");
    expect(made()).toBe("1599990000");
    writeFileSync(finished, "1600000007\n");
    expect(made()).toBe("1600000000");
    rmSync(finished);
    expect(made()).toBe("1600000000");
  });

  test("say whether an update waits for a restart", () => {
    const needed = (name: string) => {
      execFileSync("/bin/sh", [
        script,
        path.join(folder, "k3s"),
        path.join(folder, name),
        path.join(folder, "absent"),
        path.join(folder, "run"),
      ]);
      return /^homelab_restart_needed (.*)$/m.exec(readFileSync(path.join(folder, name, "homelab.prom"), "utf8"))?.[1];
    };
    expect(needed("before")).toBe("0");
    mkdirSync(path.join(folder, "run"));
    writeFileSync(path.join(folder, "run/reboot-required"), "");
    expect(needed("after")).toBe("1");
  });

  test("pass promtool", async () => {
    const promtool = spawn(await debianProgram("prometheus", "promtool"), ["check", "metrics"], { stdio: ["pipe", "ignore", "pipe"] });
    let said = "";
    promtool.stderr.on("data", (chunk) => {
      said += chunk;
    });
    promtool.stdin.end(text());
    const code = await new Promise((resolve) => promtool.once("close", resolve));
    expect({ code, said }).toEqual({ code: 0, said: "" });
  }, 60_000);

  test("are installed and removed by texts that a shell understands", async () => {
    for (const command of [installText("/var/lib/rancher/k3s"), removeText()]) {
      await run("/bin/sh", ["-n", "-c", command]);
    }
    expect(installText("/var/lib/rancher/k3s")).toContain(
      "ExecStart=/usr/local/lib/homelab/machine-metrics /var/lib/rancher/k3s /var/lib/node-exporter/textfile\n",
    );
  });
});
