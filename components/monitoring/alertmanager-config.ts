import * as pulumi from "@pulumi/pulumi";
import * as yaml from "js-yaml";
import { toGoDuration } from "../core/notations";
import { type InClear, inClear } from "../core/secret-output";
import type { AlertmanagerOptions, ReceiverArgs } from "./args";

/** A receiver with its secrets in clear. */
export type PlainReceiver = InClear<ReceiverArgs>;

/** The secrets of the receivers, as one secret output. */
export function plainReceivers({ receivers, deadMansSwitch }: Pick<AlertmanagerOptions, "receivers" | "deadMansSwitch">) {
  return pulumi.secret(inClear({ receivers, deadMansSwitch }));
}

/** What `receiver` is called in Alertmanager's configuration. */
const DEAD_MANS_SWITCH = "dead-mans-switch";
const NOBODY = "nobody";

/** Alertmanager's configuration file, for 0.25 and later. Contains the receivers' secrets. */
export function renderAlertmanagerConfig(
  settings: Pick<AlertmanagerOptions, "groupWait" | "groupInterval" | "repeatInterval">,
  { receivers, deadMansSwitch }: { receivers: readonly PlainReceiver[]; deadMansSwitch?: string },
): string {
  const config = {
    route: {
      // One message for one trouble of one machine, not one for all machines nor one for each container.
      group_by: ["alertname", "instance", "namespace"],
      group_wait: toGoDuration(settings.groupWait),
      group_interval: toGoDuration(settings.groupInterval),
      repeat_interval: toGoDuration(settings.repeatInterval),
      receiver: NOBODY,
      routes: [
        {
          matchers: ['alertname = "Watchdog"'],
          receiver: deadMansSwitch ? DEAD_MANS_SWITCH : NOBODY,
          group_wait: "0s",
          repeat_interval: "5m",
        },
        ...receivers.map((receiver) => ({
          receiver: receiver.name,
          continue: true,
          matchers: [receiver.severity === "critical" ? 'severity = "critical"' : 'severity =~ "critical|warning"'],
        })),
      ],
    },
    inhibit_rules: [
      // A machine that is down explains everything else about it.
      { source_matchers: ['alertname = "NodeDown"'], target_matchers: ['alertname != "NodeDown"'], equal: ["instance"] },
      {
        source_matchers: ['severity = "critical"'],
        target_matchers: ['severity = "warning"'],
        equal: ["alertname", "instance", "namespace"],
      },
    ],
    receivers: [
      { name: NOBODY },
      ...(deadMansSwitch ? [{ name: DEAD_MANS_SWITCH, webhook_configs: [{ url: deadMansSwitch, send_resolved: false }] }] : []),
      ...receivers.map((receiver) => ({ name: receiver.name, ...integration(receiver) })),
    ],
  };
  return yaml.dump(config, { lineWidth: -1, noRefs: true });
}

const TITLE =
  '{{ if eq .Status "resolved" }}Over: {{ end }}{{ .CommonLabels.alertname }}{{ with .CommonLabels.instance }} on {{ . }}{{ end }}';
const TEXT = "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.runbook_url }}\n{{ end }}";

function integration(receiver: PlainReceiver): Record<string, unknown[]> {
  switch (receiver.type) {
    case "webhook":
      return { webhook_configs: [{ url: receiver.url, send_resolved: true }] };
    case "slack":
      return {
        slack_configs: [
          {
            api_url: receiver.webhookUrl,
            ...(receiver.channel ? { channel: receiver.channel } : {}),
            send_resolved: true,
            title: TITLE,
            text: TEXT,
          },
        ],
      };
    case "email": {
      const { to, from, smarthost, username, password, requireTls } = receiver;
      return {
        email_configs: [
          {
            to,
            from,
            smarthost,
            ...(username ? { auth_username: username, auth_password: password ?? "" } : {}),
            require_tls: requireTls ?? true,
            send_resolved: true,
            headers: { Subject: TITLE },
            text: TEXT,
            html: "",
          },
        ],
      };
    }
    case "ntfy":
      return {
        webhook_configs: [
          {
            // ntfy's own template for Alertmanager's messages, from 2.14 on.
            url: `${receiver.server ?? "https://ntfy.sh"}/${receiver.topic}?template=alertmanager`,
            send_resolved: true,
            ...(receiver.token ? { http_config: { authorization: { credentials: receiver.token } } } : {}),
          },
        ],
      };
  }
}
