import versions from "../../../versions.json";

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
  /** A Go module of this repository, built without cgo, and where its program goes. */
  goModule?: {
    folder: string;
    program: string;
    /** The package to build, of a module that only pins others; the module's own unless given. */
    package?: string;
    /** Further folders that the program is compiled from. */
    uses?: string[];
  };
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

/** Every image that can be made here. Each one's entry point is its program, as in the upstream image. */
export const recipes: readonly Recipe[] = [
  ...recipe("pause", {
    packages: [],
    files: [],
    goModule: { folder: "rig/stand-ins/images/pause", program: "pause" },
    entrypoint: ["/pause"],
    user: "65535:65535",
    shell: false,
  }),
  ...recipe("coredns", {
    packages: [],
    files: [],
    goModule: { folder: "rig/stand-ins/coredns", program: "coredns" },
    entrypoint: ["/coredns"],
    user: "0:0",
    shell: false,
  }),
  // Part of the k3s module, so that what the two have in common is compiled once.
  ...recipe("kube-vip", {
    packages: [],
    files: [],
    goModule: { folder: "rig/stand-ins/k3s/kube-vip", program: "kube-vip" },
    entrypoint: ["/kube-vip"],
    user: "0:0",
    shell: false,
  }),
  ...recipe("local-path-provisioner", {
    packages: [],
    files: [],
    goModule: {
      folder: "rig/stand-ins/k3s/local-path-provisioner",
      program: "local-path-provisioner",
      uses: ["rig/stand-ins/k3s/internal/localpath", "rig/stand-ins/k3s/internal/reconcile"],
    },
    entrypoint: ["/local-path-provisioner"],
    user: "65534:65534",
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
    // Upstream's program on the client libraries of the cluster's own version: most of it is compiled for k3s already.
    goModule: {
      folder: "rig/stand-ins/kube-state-metrics",
      program: "kube-state-metrics",
      package: "k8s.io/kube-state-metrics/v2",
    },
    entrypoint: ["/kube-state-metrics"],
    user: "65534:65534",
    shell: false,
  }),
  // curl is for backups that go to object storage.
  ...recipe("taskd", {
    packages: ["taskd", "curl"],
    files: ["usr/bin/taskd", "usr/bin/curl"],
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
    shell: false,
  }),
];
