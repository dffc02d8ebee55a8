import type { DashboardSpec } from "../core/watched";

/** A link of the page with the health of what is behind it. */
export interface ServiceEntry {
  /** Shown name. */
  name: string;
  /** What it is for, in a few words. */
  about: string;
  /** Opened by a click; without one it is listed only. */
  url?: string;
  /** PromQL: healthy where the smallest of the results is 1. Unknown without one. */
  health?: string;
}

/** Something that is saved from time to time. */
export interface BackupEntry {
  /** Shown name. */
  name: string;
  /** PromQL: when it was last saved, in seconds since 1970, by {@link BackupEntry.label}. */
  time: string;
  /** Label that tells the results apart. */
  label: string;
  /** Seconds after which it is old; two days unless given. */
  old?: number;
}

/** What the start page is told by the stack; all else it asks Prometheus and Alertmanager. Public to who is logged in. */
export interface StartPageData {
  /** Pages are `<page>.<domain>`. */
  domain: string;
  /** Machines as the settings name them. */
  machines: {
    /** Also the label `instance` of its metrics. */
    name: string;
    /** `server` or `agent`; empty for a machine beside the cluster. */
    role: string;
    /** IPv4 address. */
    address: string;
  }[];
  /** From left to right. */
  services: ServiceEntry[];
  /** From top to bottom. */
  backups: BackupEntry[];
  /** The same that Grafana gets. */
  dashboards: DashboardSpec[];
  /** Where logging out leads. */
  logout: string;
  /** URL or path below which each alert has its runbook. */
  runbooks?: string;
}
