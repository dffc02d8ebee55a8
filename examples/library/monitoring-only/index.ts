/** Monitoring of a cluster that is there already, and of a thing that the library does not know: a weather station. */
import { dashboard, inCluster, Monitoring, type Watched } from "@homelab/components";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const provider = new kubernetes.Provider("cluster", { kubeconfig: config.requireSecret("kubeconfig"), clusterIdentifier: "home" });

const weather: Watched = {
  name: "weather",
  exporter: ({ name, parent, provider, namespace }) => {
    const labels = { "app.kubernetes.io/name": "weather" };
    const metadata = { name: "weather", namespace, labels };
    const options = { parent, provider };
    const ports = [{ name: "http", containerPort: 9200 }];
    const container = {
      name: "weather",
      image: "registry.home.arpa/weather-exporter:1.4.0",
      ports,
      resources: { limits: { memory: "64Mi" } },
    };
    const template = { metadata: { labels }, spec: { containers: [container] } };
    new kubernetes.apps.v1.Deployment(`${name}-weather`, { metadata, spec: { selector: { matchLabels: labels }, template } }, options);
    new kubernetes.core.v1.Service(`${name}-weather`, { metadata, spec: { selector: labels, ports: [{ port: 9200 }] } }, options);
  },
  scrape: [inCluster("weather", 9200)],
  rules: [
    {
      name: "weather",
      rules: [{ alert: "Storm", expr: "weather_wind_speed > 20", for: "10m", severity: "warning", summary: "{{ $value }} m/s of wind" }],
    },
  ],
  dashboard: dashboard({
    uid: "weather",
    title: "Weather",
    description: "What it is like outside",
    rows: [
      {
        title: "Now",
        panels: [
          {
            title: "Wind",
            kind: "series",
            unit: "velocityms",
            queries: [["weather_wind_speed", "wind"]],
            description: "Mean of a minute.",
          },
        ],
      },
    ],
  }),
};

const monitoring = new Monitoring("monitoring", {
  provider,
  machines: [{ name: "pi1", role: "server", address: "192.168.1.11" }],
  watch: [weather],
  prometheus: { retention: "30 days" },
  alertmanager: { receivers: [{ type: "ntfy", name: "phone", topic: "home", token: config.requireSecret("ntfyToken") }] },
  runbooks: "https://home.arpa/runbooks",
  transform: ({ type, props, opts }) =>
    type === "kubernetes:core/v1:Service"
      ? { props: { ...props, metadata: { ...props.metadata, annotations: { owner: "me" } } }, opts }
      : undefined,
});

export const { prometheus } = monitoring;
