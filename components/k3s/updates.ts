import { toSeconds } from "../core/notations";
import { DRAIN_LIMIT, type TimeoutOptions, type UpdateOptions } from "./args";
import { type RemoteFile, SCRIPT_PATH } from "./scripts";

/** Days of a week as `date +%u` numbers them. */
const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

/** The timer that updates a machine and restarts it in turn, and its settings; see `homelab-k3s/85-updates.sh`. */
export function updateFiles(updates: UpdateOptions | undefined, { drain }: Pick<TimeoutOptions, "drain">): RemoteFile[] {
  const file = (path: string, content: string): RemoteFile => ({ path, mode: "0644", content: updates && content });
  return [
    file("/etc/homelab/updates.conf", updates ? conf(updates, drain) : ""),
    file("/etc/systemd/system/homelab-updates.service", SERVICE),
    file("/etc/systemd/system/homelab-updates.timer", TIMER),
  ];
}

function conf({ packages, restart, days, from, to }: UpdateOptions, drain: TimeoutOptions["drain"]): string {
  const values = {
    PACKAGES: packages,
    RESTART: restart,
    DAYS: days.map((day) => DAYS.indexOf(day) + 1).join(" "),
    FROM: from.replace(":", ""),
    TO: to.replace(":", ""),
    ...(toSeconds(drain) !== toSeconds(DRAIN_LIMIT) && { DRAIN_TIMEOUT: toSeconds(drain) }),
  };
  return Object.entries(values)
    .map(([key, value]) => `${key}='${value}'\n`)
    .join("");
}

const SERVICE = `[Unit]
Description=Updates of this machine, and its restart when it is its turn
ConditionPathExists=/etc/rancher/k3s/config.yaml

[Service]
Type=oneshot
ExecStart=/bin/sh ${SCRIPT_PATH} keep-up
Nice=10
`;

const TIMER = `[Unit]
Description=Updates and restarts of this machine in their window

[Timer]
OnBootSec=1min
OnActiveSec=1min
OnUnitActiveSec=5min
RandomizedDelaySec=20s

[Install]
WantedBy=timers.target
`;
