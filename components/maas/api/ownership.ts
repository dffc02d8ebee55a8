import type { Machine } from "./types";
import type { Context } from "./wait";

/**
 * How a stack knows its own in MAAS. A line in the description of a machine says which stack enlisted it; it is written
 * by the very request that creates the machine, so that a killed run cannot forget it. Owner data, which MAAS drops at
 * release, say which deployment is on the disks.
 */
const OWNER = {
  stack: "homelab-stack",
  deployment: "homelab-deployment",
  finished: "homelab-finished",
  gaveUp: "homelab-gave-up",
} as const;

export function describe(notes: string, stack: string): string {
  return [notes.trim(), mark(stack)].filter(Boolean).join("\n");
}

/** Whether this stack enlisted the machine, rather than adopting it. */
export function isEnlistedBy(machine: Machine, stack: string): boolean {
  return machine.description.split("\n").includes(mark(stack));
}

function mark(stack: string): string {
  return `[enlisted by Pulumi stack ${stack}]`;
}

/**
 * A description or comment that says which stack made the thing. It comes with the request that makes it, so that a step that was
 * cut off knows its own at the next run. As it was given where no stack is known.
 */
export function markMade(text: string | undefined, stack: string | undefined): string {
  return [text, stack && madeMark(stack)].filter(Boolean).join(" ");
}

export function isMadeBy(text: string | null | undefined, stack: string | undefined): boolean {
  return Boolean(stack && text?.includes(madeMark(stack)));
}

/** The text with the mark that the former one has, whichever stack's it is. */
export function keepMark(text: string, former: string | null | undefined): string {
  return [text, /\[made by Pulumi stack [^\]]+\]/.exec(former ?? "")?.[0]].filter(Boolean).join(" ");
}

function madeMark(stack: string): string {
  return `[made by Pulumi stack ${stack}]`;
}

/**
 * What a stack sets on a machine while it is Ready. MAAS keeps it through a release, so a line of the description says
 * of each that this stack has set it: what the stack no longer wants goes back to MAAS's default.
 */
const SHAPES = ["address", "network", "disks"] as const;
export type Shape = (typeof SHAPES)[number];

function shapeMark(shape: Shape, stack: string): string {
  return `[${shape} set by Pulumi stack ${stack}]`;
}

export function shapesOf(machine: Pick<Machine, "description">, stack: string): Shape[] {
  const lines = machine.description.split("\n");
  return SHAPES.filter((shape) => lines.includes(shapeMark(shape, stack)));
}

/** The description with exactly these notes of the stack. */
export function withShapes(description: string, stack: string, shapes: readonly Shape[]): string {
  const marks = SHAPES.map((shape) => shapeMark(shape, stack));
  const left = description.split("\n").filter((line) => !marks.includes(line));
  return [...left, ...SHAPES.filter((shape) => shapes.includes(shape)).map((shape) => shapeMark(shape, stack))]
    .filter((line, index) => line || index > 0)
    .join("\n");
}

export interface Deployment {
  stack: string;
  /** Digest of what was deployed: OS, kernel, user data. */
  digest: string;
  /** The run that deployed it has seen the end of it. */
  finished: boolean;
  /** After so many seconds a run gave up waiting for its end. */
  gaveUp?: number;
}

/** The deployment that is on the machine, if one of a stack is. */
export function deploymentOf(machine: Machine): Deployment | undefined {
  const data = machine.owner_data;
  if (!data[OWNER.stack]) {
    return undefined;
  }
  const gaveUp = Number(data[OWNER.gaveUp] ?? "");
  return {
    stack: data[OWNER.stack],
    digest: data[OWNER.deployment] ?? "",
    finished: data[OWNER.finished] === "true",
    ...(gaveUp > 0 && { gaveUp }),
  };
}

/** Notes that a run gave up waiting. MAAS drops it with the deployment, at release. */
export async function recordGivingUp({ client }: Context, machine: Machine, seconds: number): Promise<void> {
  await client.post(`machines/${machine.system_id}/`, "set_owner_data", { [OWNER.gaveUp]: seconds }, { settled: async () => undefined });
}

/** Works on allocated and deployed machines only. */
export async function recordDeployment({ client }: Context, machine: Machine, deployment: Deployment): Promise<Machine> {
  return client.post<Machine>(
    `machines/${machine.system_id}/`,
    "set_owner_data",
    {
      [OWNER.stack]: deployment.stack,
      [OWNER.deployment]: deployment.digest,
      [OWNER.finished]: deployment.finished,
    },
    {
      // Writing the same again does no harm.
      settled: async () => undefined,
    },
  );
}
