import versions from "../../../versions.json";
import type { Trimmed } from "../trimmed";

/** How a container image is put together where its registry cannot be reached. */
export interface Recipe {
  /** Name in versions.json's `images`. */
  name: string;
  /** Full reference that the image is imported under. */
  reference: string;
  /** Debian packages that the files come from, with all they depend on. */
  packages: string[];
  /** Files of these packages that the image holds; the shared libraries they load come along. */
  files: string[];
  /** A program of a Go module of this repository, and where it goes. */
  goModule?: {
    /** Import path, or a path below the module. */
    package: string;
    program: string;
    /** The module's folder; that of the stand-ins unless given. */
    module?: string;
    /** Folders of this repository that the program is compiled from. */
    sources?: string[];
    /** Modules that it is compiled from with less in them. */
    trimmed?: Trimmed[];
  };
  /** Made only for a lab whose settings have this. */
  only?: "ingress";
  /** A Rust crate of this repository, built in the unpacked packages; its program is the tree's `usr/bin/<program>`. */
  crate?: { folder: string; program: string };
  entrypoint: string[];
  /** Numeric `uid:gid`. */
  user: string;
  /** A shell and its tools, for scripts and probes. */
  shell: boolean;
}

type Table = Record<string, { standIn?: string }>;

function recipe(name: string, made: Omit<Recipe, "name" | "reference">): Recipe[] {
  const reference = (versions.images as Table)[name]?.standIn;
  return reference ? [{ name, reference, ...made }] : [];
}

/** The recipes for a lab with or without an ingress. */
export function recipesFor(lab: { ingress: boolean }): readonly Recipe[] {
  return recipes.filter(({ only }) => only === undefined || lab[only]);
}

/** Every image that can be made here. Each one's entry point is its program, as in the upstream image. */
export const recipes: readonly Recipe[] = [
  ...recipe("pause", {
    packages: [],
    files: [],
    goModule: { package: "./images/pause", program: "pause", sources: ["rig/stand-ins/images/pause"] },
    entrypoint: ["/pause"],
    user: "65535:65535",
    shell: false,
  }),
  ...recipe("coredns", {
    packages: [],
    files: [],
    goModule: { package: "./coredns", program: "coredns", sources: ["rig/stand-ins/coredns"] },
    entrypoint: ["/coredns"],
    user: "0:0",
    shell: false,
  }),
  ...recipe("kube-vip", {
    packages: [],
    files: [],
    goModule: { package: "./k3s/kube-vip", program: "kube-vip", sources: ["rig/stand-ins/k3s/kube-vip"] },
    entrypoint: ["/kube-vip"],
    user: "0:0",
    shell: false,
  }),
  // Upstream's own, where k3s's manifest looks for it.
  ...recipe("local-path-provisioner", {
    packages: [],
    files: [],
    goModule: { package: "github.com/rancher/local-path-provisioner", program: "usr/bin/local-path-provisioner" },
    entrypoint: ["/usr/bin/local-path-provisioner"],
    user: "0:0",
    shell: false,
  }),
  ...recipe("local-path-helper", { packages: [], files: [], entrypoint: ["/bin/sh"], user: "0:0", shell: true }),
  ...recipe("prometheus", {
    packages: ["prometheus"],
    files: ["usr/bin/prometheus", "usr/bin/promtool"],
    entrypoint: ["/usr/bin/prometheus"],
    user: "65534:65534",
    shell: true,
  }),
  ...recipe("alertmanager", {
    packages: ["prometheus-alertmanager"],
    files: [
      "usr/bin/prometheus-alertmanager",
      "usr/bin/amtool",
      "usr/share/prometheus/alertmanager/default.tmpl",
      "usr/share/prometheus/alertmanager/email.tmpl",
    ],
    entrypoint: ["/usr/bin/prometheus-alertmanager"],
    user: "65534:65534",
    shell: true,
  }),
  ...recipe("node-exporter", {
    packages: ["prometheus-node-exporter"],
    files: ["usr/bin/prometheus-node-exporter"],
    entrypoint: ["/usr/bin/prometheus-node-exporter"],
    user: "65534:65534",
    shell: false,
  }),
  ...recipe("kube-state-metrics", {
    // Cron jobs have time zones, and the program ends at one that it does not know.
    packages: ["tzdata"],
    files: ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Etc", "Europe", "Indian", "Pacific", "UTC"].map(
      (region) => `usr/share/zoneinfo/${region}`,
    ),
    goModule: { package: "k8s.io/kube-state-metrics/v2", program: "kube-state-metrics" },
    entrypoint: ["/kube-state-metrics"],
    user: "65534:65534",
    shell: false,
  }),
  // curl is for backups that go to object storage, sqlite3 for proofs of TaskChampion's.
  ...recipe("taskd", {
    packages: ["taskd", "curl", "sqlite3"],
    files: ["usr/bin/taskd", "usr/bin/curl", "usr/bin/sqlite3"],
    entrypoint: ["/usr/bin/taskd"],
    user: "10589:10589",
    shell: true,
  }),
  ...recipe("taskchampion-sync-server", {
    packages: [],
    files: ["usr/bin/taskchampion-sync-server"],
    crate: { folder: "rig/stand-ins/taskchampion-sync-server", program: "taskchampion-sync-server" },
    entrypoint: ["/usr/bin/taskchampion-sync-server"],
    user: "1092:1092",
    shell: true,
  }),
  ...recipe("haproxy", {
    packages: ["haproxy"],
    files: ["usr/sbin/haproxy"],
    entrypoint: ["/usr/sbin/haproxy"],
    user: "99:99",
    shell: true,
  }),
  ...recipe("nginx", {
    packages: ["nginx-light"],
    files: ["usr/sbin/nginx"],
    only: "ingress",
    entrypoint: ["/usr/sbin/nginx"],
    user: "101:101",
    shell: false,
  }),
  // Modules of their own: both pin what they share to other versions.
  ...recipe("oauth2-proxy", {
    packages: [],
    files: [],
    goModule: {
      package: "github.com/oauth2-proxy/oauth2-proxy/v7",
      module: "rig/stand-ins/oauth2-proxy",
      program: "bin/oauth2-proxy",
      sources: ["rig/stand-ins/oauth2-proxy"],
    },
    only: "ingress",
    entrypoint: ["/bin/oauth2-proxy"],
    user: "65532:65532",
    shell: false,
  }),
  ...recipe("traefik", {
    packages: [],
    files: [],
    goModule: {
      package: "github.com/traefik/traefik/v3/cmd/traefik",
      module: "rig/stand-ins/traefik",
      program: "traefik",
      sources: ["rig/stand-ins/traefik"],
      trimmed: [
        {
          module: "github.com/go-acme/lego/v4",
          folder: "lego",
          sum: "h1:2KrRKieG+VczT4zvVXKAY7Tp/S3XLvh/QImofBALRAM=",
          instead: { "providers/dns": "dns.go.txt" },
          keep: ["cloudflare", "internal/clientdebug", "internal/errutils", "internal/useragent", "rfc2136"].map(
            (each) => `providers/dns/${each}`,
          ),
          without: [],
        },
        {
          module: "github.com/traefik/traefik/v3",
          folder: "traefik",
          sum: "h1:6pe4s7aaDTQs+AsF7KP3sM/xnq7zOVvibRQe5tw9eFo=",
          instead: { "pkg/provider/ecs": "ecs.go.txt" },
          without: ["docs", "integration", "webui/src"],
        },
      ],
    },
    only: "ingress",
    entrypoint: ["/traefik"],
    user: "65532:65532",
    shell: false,
  }),
];
