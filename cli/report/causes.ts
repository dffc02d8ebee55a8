import { isDeepStrictEqual } from "node:util";
import { type Document, isMap, isSeq, LineCounter, type Node, parseDocument } from "yaml";

/** A setting that differs between two stack files. */
export interface Cause {
  /** As it would be written in a message: `homelab:machines[node2].address`. */
  setting: string;
  /** The stack file, or one of the inventory, relative to the repository. */
  file: string;
  /** Where the setting is in the newer file; where it is gone, the line of what held it. */
  line: number;
  /** The machine that it belongs to. */
  machine?: string;
}

interface Place {
  path: readonly string[];
  value: unknown;
  line: number;
}

/** What a file holds of a stack's configuration, and under which settings. */
type Part = (document: Document) => readonly [node: Node | null | undefined, path: readonly string[]];

const ofStackFile: Part = (document) => [document.get("config", true) as Node | undefined, []];
/** A list of machines, or one. */
const ofInventory: Part = ({ contents }) => {
  const name = isMap(contents) ? contents.get("name") : undefined;
  return [isSeq(contents) || typeof name === "string" ? contents : null, ["homelab:machines", ...(typeof name === "string" ? [name] : [])]];
};

/** Every leaf of a file's configuration. Items of lists go by their name where they have one, else by their number. */
function leaves(text: string, part: Part): { leaves: Map<string, Place>; lines: Map<string, number> } {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, logLevel: "silent" });
  const found = new Map<string, Place>();
  const lines = new Map<string, number>();
  const lineOf = (node: Node | null, otherwise: number) => (node?.range ? counter.linePos(node.range[0]).line : otherwise);
  const visit = (node: Node | null, path: readonly string[], line: number): void => {
    const key = JSON.stringify(path);
    lines.set(key, line);
    if (isMap(node) && !node.has("secure")) {
      for (const { key: name, value } of node.items) {
        visit(value as Node | null, [...path, String((name as Node & { value?: unknown }).value ?? name)], lineOf(name as Node, line));
      }
    } else if (isSeq(node) && node.items.some((item) => isMap(item))) {
      node.items.forEach((item, index) => {
        const name = isMap(item) ? item.get("name") : undefined;
        visit(item as Node, [...path, typeof name === "string" ? name : String(index)], lineOf(item as Node, line));
      });
    } else {
      found.set(key, { path, value: node?.toJS(document) ?? null, line });
    }
  };
  const [config, within] = part(document);
  if (config) {
    visit(config, within, lineOf(config, 1));
  }
  return { leaves: found, lines };
}

function written(path: readonly string[]): string {
  const [section, ...rest] = path;
  return rest.reduce(
    (text, step, index) => (index === 0 && section === "homelab:machines" ? `${text}[${step}]` : `${text}.${step}`),
    section,
  );
}

/** The settings that two versions of a stack file have unlike, in the order of the newer one. */
export function causesOf(before: string, after: string, file: string): Cause[] {
  return between(leaves(before, ofStackFile), leaves(after, ofStackFile), file);
}

/** The same of two versions of a file of the inventory; "" where there is none. */
export function causesOfMachines(before: string, after: string, file: string): Cause[] {
  return between(leaves(before, ofInventory), leaves(after, ofInventory), file);
}

function between(old: ReturnType<typeof leaves>, now: ReturnType<typeof leaves>, file: string): Cause[] {
  const lineOf = (path: readonly string[]): number => {
    for (let length = path.length; length > 0; length--) {
      const line = now.lines.get(JSON.stringify(path.slice(0, length)));
      if (line !== undefined) {
        return line;
      }
    }
    return 1;
  };
  const causes = new Map<string, Cause>();
  for (const key of new Set([...now.leaves.keys(), ...old.leaves.keys()])) {
    const { path } = (now.leaves.get(key) ?? old.leaves.get(key)) as Place;
    if (isDeepStrictEqual(now.leaves.get(key)?.value, old.leaves.get(key)?.value)) {
      continue;
    }
    const machine = path[0] === "homelab:machines" ? path[1] : undefined;
    // A machine that comes or goes is one change, not one for each of its settings.
    const whole = machine !== undefined ? path.slice(0, 2) : path;
    const isWhole = machine !== undefined && !(old.lines.has(JSON.stringify(whole)) && now.lines.has(JSON.stringify(whole)));
    const told = isWhole ? whole : path;
    const setting = written(told);
    causes.set(setting, { setting, file, line: lineOf(told), ...(machine === undefined ? {} : { machine }) });
  }
  return [...causes.values()].sort((a, b) => a.line - b.line);
}

/** What of the program a section of the stack file decides, by the components around a resource. */
const sections: readonly (readonly [component: RegExp, section: RegExp])[] = [
  [/homelab:monitoring:/, /^homelab:(monitoring|images)/],
  [/homelab:taskserver:/, /^homelab:(taskServers|images)/],
  [/homelab:k3s:/, /^homelab:(cluster|addressPool|images|ssh)/],
  [/homelab:maas:Network/, /^homelab:network/],
  [/homelab:maas:/, /^homelab:(maas|network|ssh)/],
];

/**
 * The settings that an effect may come from: those of its machine, else those of its part of the lab, else the only one that
 * differs. What none of them explains follows from other effects, or from the program itself.
 */
export function causesFor(effect: { kind: string; subject: string; urn: string }, causes: readonly Cause[]): Cause[] {
  const own = causes.filter(({ machine }) => machine !== undefined && machine === effect.subject);
  if ((effect.kind === "machine" || effect.kind === "node") && own.length > 0) {
    return own;
  }
  const chain = effect.urn.split("::")[2] ?? "";
  const section = sections.find(([component]) => component.test(chain))?.[1];
  const named = causes.filter(({ setting }) => section?.test(setting));
  if (named.length > 0) {
    return named;
  }
  return causes.length === 1 ? [...causes] : [];
}
