/** The printers: a watched thing with exporter, scrape job, rules and dashboard. Its runbook is `runbooks/PrinterJammed.md`. */
import {
  type AlertRule,
  type DashboardSpec,
  dashboard,
  inCluster,
  onMachines,
  type PanelSpec,
  type RecordingRule,
  type Relabel,
  type RuleGroup,
  type ScrapeJob,
  type Severity,
  type Watched,
  type WatchedDashboard,
  type WatchPlace,
} from "@homelab/components";
import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

const NAME = "printer-exporter";
const PORT = 9300;

function exporter({ name, parent, provider, namespace, images }: WatchPlace, printers: pulumi.Output<string[]>): void {
  const labels = { "app.kubernetes.io/name": NAME };
  const metadata = { name: NAME, namespace, labels };
  const container = {
    name: NAME,
    image: "registry.home.arpa/printer-exporter:2.0.1",
    args: printers.apply((names) => names.map((printer) => `--printer=${printer}`)),
    ports: [{ containerPort: PORT }],
    readinessProbe: { httpGet: { path: "/metrics", port: PORT } },
    resources: { limits: { memory: "64Mi" } },
  };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  new kubernetes.apps.v1.Deployment(
    `${name}-printer`,
    { metadata, spec: { selector: { matchLabels: labels }, template } },
    { parent, provider },
  );
  new kubernetes.core.v1.Service(
    `${name}-printer`,
    { metadata, spec: { selector: labels, ports: [{ port: PORT }] } },
    { parent, provider },
  );
  void images.ref("prometheus");
}

const withoutDomain: Relabel = { source_labels: ["printer"], regex: "([^.]+)\\..*", target_label: "printer" };
const job: ScrapeJob = { ...inCluster(NAME, PORT), metric_relabel_configs: [withoutDomain] };
const spooler: ScrapeJob = { job_name: "spooler", ...onMachines(9631, "server"), scrape_interval: "1m" };

const severity: Severity = "warning";
const pages: RecordingRule = { record: "printer:pages:rate1h", expr: "rate(printer_pages_total[1h])" };
const jammed: AlertRule = {
  alert: "PrinterJammed",
  expr: "printer_jammed == 1",
  for: "15m",
  severity,
  summary: "{{ $labels.printer }} has paper where none should be",
};
const rules: RuleGroup = { name: "printers", rules: [pages, jammed] };

const panel = (printer: string): PanelSpec => ({
  title: printer,
  kind: "series",
  unit: "short",
  queries: [[`printer:pages:rate1h{printer="${printer}"}`, "pages"]],
  description: "Pages an hour.",
});

/** A panel for each printer: as many as the inventory knows. */
function board(printers: pulumi.Output<string[]>): WatchedDashboard {
  const { uid, title } = { uid: "printers", title: "Printers" };
  const spec = printers.apply(
    (names): DashboardSpec => ({ uid, title, description: "Who prints", rows: [{ title: "Now", panels: names.map(panel) }] }),
  );
  return { uid, title, spec };
}

/** @param printers host names */
export function printer({ printers }: { printers: pulumi.Output<string[]> }): Watched {
  return {
    name: "printer",
    exporter: (place) => exporter(place, printers),
    scrape: printers.apply((names) => (names.length > 0 ? [job, spooler] : [spooler])),
    rules: [rules],
    dashboard: board(printers),
  };
}

/** The same without an inventory. */
export const fixed = dashboard({
  uid: "paper",
  title: "Paper",
  description: "How much is left",
  rows: [{ title: "Now", panels: [panel("laser")] }],
});
