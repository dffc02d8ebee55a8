import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { UserError } from "../../components/core/user-error";
import { paths } from "../paths";
import { run } from "./process";
import type { Report } from "./progress";

/** What the embedded lab calls on this computer, and the Debian package that has it. */
const labPackages: Record<string, string> = {
  "systemd-nspawn": "systemd-container",
  mmdebstrap: "mmdebstrap",
  ip: "iproute2",
  iptables: "iptables",
  "ssh-keygen": "openssh-client",
  git: "git",
  gcc: "gcc",
};

/** What the tests call beside that: real clients and checkers. */
export const testPackages: Record<string, string> = {
  ...labPackages,
  task: "taskwarrior",
  taskd: "taskd",
  certtool: "gnutls-bin",
  promtool: "prometheus",
  amtool: "prometheus-alertmanager",
  sshd: "openssh-server",
  pip3: "python3-pip",
  shellcheck: "shellcheck",
  etcd: "etcd-server",
  sudo: "sudo",
  curl: "curl",
  "chromium-headless-shell": "chromium-headless-shell",
  certutil: "libnss3-tools",
};

async function onPath(program: string): Promise<boolean> {
  for (const directory of [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"]) {
    const found = await fs.access(path.join(directory, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (directory && found) {
      return true;
    }
  }
  return false;
}

export async function missingPackages(wanted: Record<string, string> = labPackages): Promise<string[]> {
  const missing = new Set<string>();
  for (const [program, debianPackage] of Object.entries(wanted)) {
    if (!(await onPath(program))) {
      missing.add(debianPackage);
    }
  }
  return [...missing].sort();
}

/** Installs what is missing with apt-get; nothing is installed when everything is there. */
export async function installPackages(report: Report, wanted: Record<string, string> = labPackages): Promise<void> {
  const missing = await missingPackages(wanted);
  if (missing.length === 0) {
    return;
  }
  const log = path.join(paths.logs, "apt.log");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  report(`installing ${missing.join(", ")}`);
  // A service that a package starts on this computer is never wanted: the lab runs its own, in its own machines.
  const install = ["-q", "-y", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends", "install", ...missing];
  let result = await run("apt-get", install, { env, log, allowFailure: true });
  if (result.code !== 0) {
    report("refreshing the package lists");
    await run("apt-get", ["-q", "update"], { env, log, allowFailure: true });
    result = await run("apt-get", install, { env, log, allowFailure: true });
  }
  if (result.code !== 0) {
    throw new UserError({
      path: "Debian packages",
      message: `apt-get could not install ${missing.join(", ")}`,
      found: result.stderr.trim().split("\n").slice(-3).join(" / "),
      allowed: "a Debian or Ubuntu package archive that apt-get can reach",
      fix: `make 'apt-get install ${missing.join(" ")}' work (log: ${log}), then run this again`,
    });
  }
}
