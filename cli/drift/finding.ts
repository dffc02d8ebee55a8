import Table from "cli-table3";

/** One thing that is not as settings and state say. */
export interface Finding {
  /** Who says so. */
  source: "MAAS" | "SSH" | "k3s" | "Kubernetes" | "certificates";
  /** Machine, node, object or certificate. */
  subject: string;
  /** The property, for example `status` or `spec.replicas`. */
  property: string;
  expected: string;
  found: string;
  repair: Repair;
}

/** What makes it right again. Plain `up` compares settings with state only, and so does nothing about any of these. */
export interface Repair {
  /** For a person: `reinstalls node2: its disk is wiped`. */
  says: string;
  /** `refresh` reads the objects again, so that `up` writes them; `replace` makes resources anew; `step` runs a MAAS step again; `none` is nobody's but yours. */
  by: "refresh" | "replace" | "step" | "none";
  /** Names of the resources to make anew or whose step runs again. */
  resources?: string[];
  /** Whether data is lost by it. */
  destructive?: boolean;
}

/** What drift found, also as its JSON. */
export interface Drift {
  stack: string;
  findings: Finding[];
  /** What could not be looked at, and why. */
  unknown: { source: Finding["source"]; subject: string; reason: string }[];
  /** What nothing is compared of, and why; no drift. */
  notCompared: { subject: string; reason: string }[];
}

/** For a terminal: a table, and what to do about it. */
export function renderDrift({ stack, findings, unknown, notCompared }: Drift): string {
  const parts: string[] = [];
  if (findings.length > 0) {
    const table = new Table({
      head: ["source", "what", "property", "should be", "is", "repair"],
      style: { head: [], border: [], compact: true },
      colWidths: [14, 22, 24, 24, 24, 36],
      wordWrap: true,
    });
    table.push(
      ...findings.map(({ source, subject, property, expected, found, repair }) => [
        source,
        subject,
        property,
        expected,
        found,
        repair.says,
      ]),
    );
    parts.push(`${table.toString()}\n`);
  }
  parts.push(...unknown.map(({ source, subject, reason }) => `${source} could not be asked about ${subject}: ${reason}\n`));
  parts.push(...notCompared.map(({ subject, reason }) => `not compared: ${subject}: ${reason}\n`));
  if (findings.length === 0) {
    const all = notCompared.length > 0 ? "everything that is compared" : "everything";
    parts.push(unknown.length === 0 ? `${stack}: ${all} is as settings and state say.\n` : "");
  } else {
    const lost = findings.filter(({ repair }) => repair.destructive).map(({ subject }) => subject);
    parts.push(
      `\n'./lab up --repair --stack ${stack}' repairs ${findings.filter(({ repair }) => repair.by !== "none").length} of ${findings.length}` +
        `${lost.length > 0 ? `; data is lost on ${[...new Set(lost)].join(", ")}` : ""}. Plain 'up' leaves them as they are.\n`,
    );
  }
  return parts.join("");
}
