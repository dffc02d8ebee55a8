import { execute } from "../../components/maas/run/program";
import { picture, type Resource, resources } from "./life";
import { ChaosProxy, type Hit, type WireFault } from "./proxy";
import { Random } from "./random";
import { ChaosClock, World } from "./world";

export const phases = ["region", "enlist", "commission", "deploy", "release", "withdraw", "undo"] as const;
export type Phase = (typeof phases)[number];

const wireFaults: readonly WireFault[] = [
  "delay",
  "drop-before",
  "drop-after",
  "error-before",
  "error-after",
  "truncated",
  "duplicate",
  "kill-before",
  "kill-after",
  "crash-before",
  "crash-after",
];
export const faults = [...wireFaults, "disk-full", "clock-jump", "storm"] as const;
export type Fault = (typeof faults)[number];

/** What became of one seed. */
export interface Outcome {
  seed: number;
  fault: Fault;
  phase: Phase;
  /** Whether the fault met a request; some steps send fewer than the number that was drawn. */
  struck: boolean;
  /** Whether the disturbed run itself came to its end. */
  survived: boolean;
  /** What did not hold; none when all is well. */
  broken: string[];
  /** What `down` has left, or not put back as it was. */
  left: string[];
}

type State = Map<string, string>;

/** The engine in small: what each resource has printed, kept when its step ended well, and a run that stops where a step fails. */
class Stack {
  readonly state: State = new Map();
  private number = 0;
  readonly said: string[] = [];

  constructor(
    private readonly world: World,
    private readonly base: () => string,
    private readonly clocks: Map<string, ChaosClock>,
    private readonly begin: (resource: Resource, operation: string, step: string) => ChaosClock,
  ) {}

  /** One step. False when it failed or was killed. */
  private async step(resource: Resource, operation: "create" | "update" | "delete"): Promise<boolean> {
    const id = `s${this.number++}`;
    const clock = this.begin(resource, operation, id);
    this.clocks.set(id, clock);
    const killed = new Promise<{ code: number; stdout: string }>((resolve) => {
      this.onKill.set(id, () => resolve({ code: 137, stdout: "" }));
    });
    const environment = {
      ...resource.environment,
      MAAS_URL: `${this.base()}/${id}/MAAS`,
      MAAS_API_KEY: this.world.apiKey,
      ...(resource.phase === "region" && { MAAS_STACK: "homelab/chaos" }),
      PULUMI_COMMAND_STDOUT: this.state.get(resource.name),
    };
    const lines: string[] = [];
    const work = execute([resource.step, operation], JSON.stringify(resource.desired), environment, (line) => lines.push(line), { clock });
    const { code, stdout } = await Promise.race([work, killed]);
    if (code !== 0) {
      this.said.push(`${resource.name} ${operation} ended with ${code}: ${lines.slice(-3).join(" | ")}`);
      return false;
    }
    if (operation === "delete") {
      this.state.delete(resource.name);
    } else {
      this.state.set(resource.name, stdout);
    }
    return true;
  }

  readonly onKill = new Map<string, () => void>();

  /** Creates what is not there and updates what is; independent resources side by side, as the engine does. */
  async up(): Promise<boolean> {
    const done = new Map<string, Promise<boolean>>();
    for (const resource of resources) {
      const before = Promise.all(resource.after.map((name) => done.get(name)));
      done.set(
        resource.name,
        before.then((ready) => ready.every(Boolean) && this.step(resource, this.state.has(resource.name) ? "update" : "create")),
      );
    }
    return (await Promise.all(done.values())).every(Boolean);
  }

  async down(): Promise<boolean> {
    const done = new Map<string, Promise<boolean>>();
    for (const resource of [...resources].reverse()) {
      const before = Promise.all(resources.filter(({ after }) => after.includes(resource.name)).map(({ name }) => done.get(name)));
      done.set(
        resource.name,
        before.then((gone) => gone.every(Boolean) && (!this.state.has(resource.name) || this.step(resource, "delete"))),
      );
    }
    return (await Promise.all(done.values())).every(Boolean);
  }
}

const operationsOf = (resource: Resource) => (resource.phase === "commission" ? ["create"] : ["create", "delete"]);
const phaseOf = (resource: Resource, operation: string): Phase =>
  operation === "delete"
    ? ({ region: "undo", enlist: "withdraw", commission: "withdraw", deploy: "release" } as const)[resource.phase]
    : resource.phase;

/** Runs one seed: a disturbed run, plain ones until the end, then down; compares with the undisturbed picture. */
export async function runSeed(seed: number, undisturbed: { up: string; down: string }): Promise<Outcome> {
  const random = new Random(seed);
  const fault = random.pick(faults);
  const phase = random.pick(phases);
  const target = random.pick(resources.filter((each) => operationsOf(each).some((operation) => phaseOf(each, operation) === phase))).name;
  // Which request of that step, so that what runs beside it does not matter; a step sends between one and some fifteen.
  const nth = random.below(phase === "deploy" ? 10 : phase === "enlist" ? 7 : 4);
  const status = random.pick([500, 502, 503, 504]);
  const world = await World.open();
  const clocks = new Map<string, ChaosClock>();
  const steps = new Map<string, { resource: string; phase: Phase; requests: number; asked: Set<string> }>();
  let armed = true;
  let struck = false;
  const judge = (step: string, request: string): Hit | undefined => {
    const at = steps.get(step);
    // How often a step asks while it waits depends on the time, so the same question again does not count.
    if (!armed || !at || (request.startsWith("GET ") && at.asked.has(request))) {
      return undefined;
    }
    at.asked.add(request);
    const now = at.requests++;
    if (fault === "storm") {
      const dice = new Random(seed * 7919 + now * 104_729 + [...at.resource].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7));
      const hit = dice.next() < 0.12;
      struck ||= hit;
      return hit ? { fault: dice.pick(wireFaults.slice(0, 7)), status: dice.pick([500, 502, 503, 504]) } : undefined;
    }
    if (at.phase !== phase || at.resource !== target) {
      return undefined;
    }
    if (fault === "disk-full") {
      world.diskFull = now >= nth && now < nth + 3;
      struck ||= now >= nth;
      return undefined;
    }
    if (now !== nth) {
      return undefined;
    }
    struck = true;
    if (fault === "clock-jump") {
      const clock = clocks.get(step);
      if (clock) {
        clock.jump += status % 2 === 0 ? 3_600_000 : -3_600_000;
      }
      return undefined;
    }
    return { fault, status };
  };
  const proxy = new ChaosProxy({
    get target() {
      return world.url;
    },
    judge: (step, method, path) => judge(step, `${method} ${path}`),
    kill: (step) => {
      clocks.get(step)?.stop();
      stack.onKill.get(step)?.();
    },
    crash: () => world.crash(),
  });
  const base = await proxy.listen();
  const stack: Stack = new Stack(
    world,
    () => base,
    clocks,
    (resource, operation, step) => {
      steps.set(step, { resource: resource.name, phase: phaseOf(resource, operation), requests: 0, asked: new Set() });
      return new ChaosClock();
    },
  );
  const broken: string[] = [];
  const left: string[] = [];
  const check = async (when: string, wanted: string) => {
    await world.idle();
    const found = JSON.stringify(await picture(world.client()));
    const differences = difference(JSON.parse(wanted), JSON.parse(found)).map((each) => `${when}: ${each}`);
    (when === "after down" ? left : broken).push(...differences);
    if (world.keyNow !== world.apiKey) {
      broken.push(`${when}: the API key is another one`);
    }
  };
  const plainly = async (when: string, work: () => Promise<boolean>) => {
    armed = false;
    world.diskFull = false;
    stack.said.length = 0;
    if (!(await work())) {
      broken.push(`${when} did not recover: ${stack.said.join("; ")}`);
    }
  };
  try {
    const inUp = !["release", "withdraw", "undo"].includes(phase);
    armed = inUp;
    let survived = await stack.up();
    armed = false;
    const { machines } = (await picture(world.client())) as { machines: { macs: string[] }[] };
    if (new Set(machines.flatMap(({ macs }) => macs)).size !== machines.length) {
      broken.push("a machine is there twice");
    }
    await plainly("the next up", () => stack.up());
    await check("after the next up", undisturbed.up);
    if (!inUp) {
      armed = true;
      survived = await stack.down();
      armed = false;
    }
    await plainly("the next down", () => stack.down());
    await check("after down", undisturbed.down);
    return { seed, fault, phase, struck, survived, broken, left };
  } catch (error) {
    return { seed, fault, phase, struck, survived: false, broken: [...broken, `the run itself failed: ${(error as Error).message}`], left };
  } finally {
    for (const clock of clocks.values()) {
      clock.stop();
    }
    await proxy.close();
    await world.close();
  }
}

/** What MAAS looks like before, and after an up and a down that nobody disturbs. */
export async function undisturbed(): Promise<{ up: string; down: string }> {
  const world = await World.open();
  const proxy = new ChaosProxy({ target: world.url, judge: () => undefined, kill: () => undefined, crash: async () => undefined });
  const base = await proxy.listen();
  const stack = new Stack(
    world,
    () => base,
    new Map(),
    () => new ChaosClock(),
  );
  try {
    const fresh = JSON.stringify(await picture(world.client()));
    if (!(await stack.up())) {
      throw new Error(`the undisturbed run failed: ${stack.said.join("; ")}`);
    }
    await world.idle();
    const up = JSON.stringify(await picture(world.client()));
    await stack.down();
    await world.idle();
    const down = JSON.stringify(await picture(world.client()));
    if (down !== fresh) {
      throw new Error(`an undisturbed down leaves something: ${difference(JSON.parse(fresh), JSON.parse(down)).join("; ")}`);
    }
    return { up, down };
  } finally {
    await proxy.close();
    await world.close();
  }
}

function difference(wanted: unknown, found: unknown, path = ""): string[] {
  if (JSON.stringify(wanted) === JSON.stringify(found)) {
    return [];
  }
  if (wanted === null || found === null || typeof wanted !== "object" || typeof found !== "object") {
    return [`${path} is ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`];
  }
  const keys = new Set([...Object.keys(wanted), ...Object.keys(found)]);
  return [...keys].flatMap((key) =>
    difference((wanted as Record<string, unknown>)[key] ?? null, (found as Record<string, unknown>)[key] ?? null, `${path}.${key}`),
  );
}
