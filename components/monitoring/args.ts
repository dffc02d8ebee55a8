import type * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import type { MachineAccess, MachineRole } from "../core/machine-access";
import type { Duration, Size } from "../core/notations";
import type { SecretInput } from "../core/secret";
import { given, type Transform } from "../core/transform";
import type { Watched } from "../core/watched";

/** How people reach a service from outside the cluster. */
export type ServiceType = "LoadBalancer" | "NodePort" | "ClusterIP";

/** What all receivers have. */
export interface AnyReceiver {
  /** Unique among the receivers. */
  name: string;
  /** `all` (default): everything; `critical`: what needs somebody today. */
  severity?: "all" | "critical";
}

/** Who is told of alerts. */
export type ReceiverArgs =
  | (AnyReceiver & {
      /** Any web server. */
      type: "webhook";
      /** Gets Alertmanager's JSON by POST. */
      url: SecretInput;
    })
  | (AnyReceiver & {
      /** A chat. */
      type: "slack";
      /** An incoming webhook of Slack, or of anything that speaks the same (Mattermost, Rocket.Chat). */
      webhookUrl: SecretInput;
      /** `#channel` or `@user`. Default: the webhook's own. */
      channel?: pulumi.Input<string>;
    })
  | (AnyReceiver & {
      /** Mail. */
      type: "email";
      /** Addresses, separated by commas. */
      to: pulumi.Input<string>;
      /** Sender. */
      from: pulumi.Input<string>;
      /** `host:port` of the mail server. */
      smarthost: pulumi.Input<string>;
      /** Default: no login. */
      username?: pulumi.Input<string>;
      /** For `username`; a secret. */
      password?: SecretInput;
      /** Refuse servers without STARTTLS. Default true. */
      requireTls?: boolean;
    })
  | (AnyReceiver & {
      /** Push messages by ntfy. */
      type: "ntfy";
      /** URL of the server. Default `https://ntfy.sh`. */
      server?: pulumi.Input<string>;
      /** Who knows the topic may read it. */
      topic: pulumi.Input<string> | SecretInput;
      /** Access token; a secret. Default: no login. */
      token?: SecretInput;
    });

/** Prometheus. */
export interface PrometheusOptions {
  /** Whichever comes first ends a sample's life: this, or 80 % of `storage`. Default `15 days`. */
  retention: Duration;
  /** Size of its volume. Default `8 GiB`. */
  storage: Size;
  /** Class of its volume, and of Alertmanager's. Default: the cluster's. */
  storageClass?: pulumi.Input<string>;
  /** Default `30 seconds`. */
  scrapeInterval: Duration;
  /** Default `768 MiB`. */
  memoryLimit: Size;
  /** Default `ClusterIP`: it has no login, so with another type everybody on the network can read it. */
  service: ServiceType;
}

/** Alertmanager. */
export interface AlertmanagerOptions {
  /** Default nobody. */
  receivers: readonly ReceiverArgs[];
  /** URL that is called every five minutes as long as alerts come through, and whose owner tells you when they stop. Default none. */
  deadMansSwitch?: SecretInput;
  /** How long the first alert of a group waits for others. Default `30 seconds`. */
  groupWait: Duration;
  /** How long after a message about a group the next one may follow. Default `5 minutes`. */
  groupInterval: Duration;
  /** How often a group that goes on is reported again. Default `12 hours`. */
  repeatInterval: Duration;
  /** Default `ClusterIP`. */
  service: ServiceType;
}

/** Grafana. */
export interface GrafanaOptions {
  /** 0 applies its objects without the pod. Default 1. */
  replicas: 0 | 1;
  /** Default `LoadBalancer`. */
  service: ServiceType;
  /** Raise it to have a new password for `admin`. Default 1. */
  passwordGeneration: number;
  /** Whether dashboards can be seen without logging in. Default false. */
  anonymous: pulumi.Input<boolean>;
}

/** kube-state-metrics. */
export interface KubeStateMetricsOptions {
  /** 0 applies its objects without the pod. Default 1. */
  replicas: 0 | 1;
}

/** A machine that is measured. */
export interface MeasuredMachine {
  /** The label `instance` of its metrics. */
  name: string;
  /** IPv4 address, where node-exporter and the kubelet answer. */
  address: pulumi.Input<string>;
  /** A server has an API server as well. Default `agent`. */
  role?: MachineRole;
  /** SSH to it, for a timer that writes what only the machine can tell: ends of k3s' certificates, ages of snapshots. Default: no timer. */
  access?: MachineAccess;
}

/** An ingress that serves the pages behind a login: then they are open nowhere else. */
export interface PagesBehindLogin {
  /** Where people find each page. A page without a URL is not served. */
  urls: Partial<Record<"prometheus" | "alertmanager" | "grafana", pulumi.Input<string>>>;
  /** Namespace of the controller's pods, which may ask each page. */
  controllerNamespace: pulumi.Input<string>;
  /** Header that tells Grafana who is logged in. */
  userHeader: string;
  /** Path that logs out. */
  logout: string;
}

/** A machine beside the cluster. */
export interface ScrapedMachine {
  /** The label `instance` of its metrics. */
  name: string;
  /** IPv4 address. */
  address: pulumi.Input<string>;
}

/** Arguments of {@link Monitoring}. */
export interface MonitoringArgs {
  /** Of the cluster that is watched, and that monitoring runs in. */
  provider: kubernetes.Provider;
  /** The cluster's machines. The load balancer and node ports answer on the first one's address. */
  machines: readonly MeasuredMachine[];
  /** Whether the load balancer gives each service an address of its own instead (MetalLB, not k3s' servicelb). Default false. */
  ownAddresses?: boolean;
  /** What is watched beside the cluster and its machines. Default nothing. */
  watch?: readonly Watched[];
  /** Machines beside the cluster's where node-exporter answers on port 9100. Default none. */
  alsoScrape?: pulumi.Input<readonly pulumi.Input<ScrapedMachine>[]>;
  /** Default: as `PrometheusOptions` says. */
  prometheus?: Partial<PrometheusOptions>;
  /** `false` leaves it out. Default: as `AlertmanagerOptions` says. */
  alertmanager?: Partial<AlertmanagerOptions> | false;
  /** `false` leaves it out. Default: as `GrafanaOptions` says. */
  grafana?: Partial<GrafanaOptions> | false;
  /** `false` leaves it out. Default: as `KubeStateMetricsOptions` says. */
  kubeStateMetrics?: Partial<KubeStateMetricsOptions> | false;
  /** `pods` (default) of the cluster, or the `machines` bring it along, for example by {@link withNodeExporter}. */
  nodeExporter?: "pods" | "machines";
  /** Factor on how long trouble has to last before it is an alert, 0.01 to 10. Default 1. */
  patience?: number;
  /** URL of the folder of runbooks, for the links in alerts. Default `docs/runbooks`. */
  runbooks?: pulumi.Input<string>;
  /** Default: none; each page is as open as its service is. With one, services are of type `ClusterIP` by default. */
  ingress?: PagesBehindLogin;
  /** Made by the component. Default `monitoring`. */
  namespace?: pulumi.Input<string>;
  /** Where image references come from. Default: upstream's. */
  images?: Images;
  /** The last word on every resource that the component makes. */
  transform?: Transform;
}

export const PROMETHEUS_DEFAULTS: PrometheusOptions = {
  retention: "15 days",
  storage: "8 GiB",
  scrapeInterval: "30 seconds",
  memoryLimit: "768 MiB",
  // It has no login of its own.
  service: "ClusterIP",
};

export const ALERTMANAGER_DEFAULTS: AlertmanagerOptions = {
  receivers: [],
  groupWait: "30 seconds",
  groupInterval: "5 minutes",
  repeatInterval: "12 hours",
  service: "ClusterIP",
};

export const GRAFANA_DEFAULTS: GrafanaOptions = { replicas: 1, service: "LoadBalancer", passwordGeneration: 1, anonymous: false };

/** The arguments with every default in place; a part that is left out is undefined. */
export interface MonitoringOptions {
  namespace: pulumi.Input<string>;
  nodeExporter: "pods" | "machines";
  prometheus: PrometheusOptions;
  alertmanager?: AlertmanagerOptions;
  grafana?: GrafanaOptions;
  kubeStateMetrics?: KubeStateMetricsOptions;
  patience: number;
  runbooks: pulumi.Input<string>;
}

/** Fills in the defaults. */
export function withDefaults(args: Omit<MonitoringArgs, "provider" | "machines">): MonitoringOptions {
  const { alertmanager, grafana, kubeStateMetrics } = args;
  const service = args.ingress && ({ service: "ClusterIP" } as const);
  return {
    namespace: args.namespace ?? "monitoring",
    nodeExporter: args.nodeExporter ?? "pods",
    prometheus: { ...PROMETHEUS_DEFAULTS, ...service, ...given(args.prometheus) },
    alertmanager: alertmanager === false ? undefined : { ...ALERTMANAGER_DEFAULTS, ...given(alertmanager) },
    grafana: grafana === false ? undefined : { ...GRAFANA_DEFAULTS, ...service, ...given(grafana) },
    kubeStateMetrics: kubeStateMetrics === false ? undefined : { replicas: 1, ...given(kubeStateMetrics) },
    patience: args.patience ?? 1,
    runbooks: args.runbooks ?? "docs/runbooks",
  };
}
