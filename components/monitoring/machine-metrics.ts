import { readFileSync } from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { MachineAccess } from "../core/machine-access";
import { machineCommand } from "../core/machine-command";
import { TEXTFILE_FOLDER } from "./node-exporter";

/** Arguments of {@link MachineMetrics}. */
export interface MachineMetricsArgs {
  machine: MachineAccess;
  /** k3s's data folder. */
  k3sData?: string;
}

const PROGRAM = "/usr/local/lib/homelab/machine-metrics";
const UNITS = "/etc/systemd/system";

/** A timer on a machine that writes what only the machine can tell to where node-exporter reads it. */
export class MachineMetrics extends pulumi.ComponentResource {
  constructor(name: string, args: MachineMetricsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:monitoring:MachineMetrics", name, { machine: args.machine.name }, opts);
    const { machine, k3sData = "/var/lib/rancher/k3s" } = args;
    const installed = machineCommand(name, { machine, run: installText(k3sData), timeout: "2 minutes" }, { parent: this });
    machineCommand(`${name}-removal`, { machine, remove: removeText(), timeout: "2 minutes" }, { parent: this, dependsOn: [installed] });
    this.registerOutputs({});
  }
}

/** Shell text that installs the timer, or brings it to this version; runs it once. */
export function installText(k3sData: string): string {
  const service = [
    "[Unit]",
    "Description=Certificates and snapshots of k3s as metrics",
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=${PROGRAM} ${k3sData} ${TEXTFILE_FOLDER}`,
    "ProtectSystem=full",
    "PrivateTmp=yes",
    "NoNewPrivileges=yes",
  ];
  const timer = [
    "[Unit]",
    "Description=Certificates and snapshots of k3s as metrics, every five minutes",
    "",
    "[Timer]",
    "OnBootSec=1min",
    "OnUnitActiveSec=5min",
    "",
    "[Install]",
    "WantedBy=timers.target",
  ];
  return [
    "set -eu",
    `sudo install -d -m 755 ${path.dirname(PROGRAM)} ${TEXTFILE_FOLDER}`,
    put(PROGRAM, readFileSync(path.join(__dirname, "machine-metrics.sh"), "utf8")),
    `sudo chmod 755 ${PROGRAM}`,
    put(`${UNITS}/homelab-metrics.service`, `${service.join("\n")}\n`),
    put(`${UNITS}/homelab-metrics.timer`, `${timer.join("\n")}\n`),
    "sudo systemctl daemon-reload",
    "sudo systemctl enable --now homelab-metrics.timer",
    "sudo systemctl start homelab-metrics.service",
    "",
  ].join("\n");
}

export function removeText(): string {
  return [
    "sudo systemctl disable --now homelab-metrics.timer || true",
    `sudo rm -f ${UNITS}/homelab-metrics.service ${UNITS}/homelab-metrics.timer ${PROGRAM} ${TEXTFILE_FOLDER}/homelab.prom`,
    "sudo systemctl daemon-reload",
    "",
  ].join("\n");
}

function put(file: string, content: string): string {
  return `sudo tee ${file} >/dev/null <<'HOMELAB_END'\n${content}HOMELAB_END`;
}
