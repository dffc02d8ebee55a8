/** Automatic tags: their XPath is looked at against the few elements of `lshw` that the simulator knows. */
import type { Node } from "../state/model";
import type { World } from "../world";

const elements = [
  { id: "core", class: "bus" },
  { id: "cpu", class: "processor" },
  { id: "cpu:0", class: "processor" },
  { id: "memory", class: "memory" },
  { id: "firmware", class: "memory" },
  { id: "network", class: "network" },
  { id: "disk", class: "disk" },
  { id: "nvme", class: "storage" },
  { id: "pci", class: "bridge" },
];

/** Undefined where the expression is fine. */
export function xpathError(expression: string): string | undefined {
  const stack: string[] = [];
  let quote = "";
  for (const character of expression) {
    if (quote) {
      if (character === quote) quote = "";
    } else if (character === "'" || character === '"') quote = character;
    else if (character === "[" || character === "(") stack.push(character);
    else if (character === "]" || character === ")") if (stack.pop() !== (character === "]" ? "[" : "(")) return "Invalid expression";
  }
  return quote || stack.length > 0 || /\[\s*\]/.test(expression) ? "Invalid expression" : undefined;
}

export function matches(expression: string): boolean {
  const found = /^\/\/node\[((?:@(?:id|class)\s*=\s*(['"])[^'"]*\2(?:\s+and\s+)?)+)\]$/.exec(expression.trim());
  if (!found) return false;
  const wanted = [...found[1]!.matchAll(/@(id|class)\s*=\s*['"]([^'"]*)['"]/g)].map(
    ([, name, value]) => [name as "id" | "class", value!] as const,
  );
  return elements.some((element) => wanted.every(([name, value]) => element[name] === value));
}

export class TagRules {
  constructor(private readonly maas: World) {}

  private evaluate(node: Node, name: string, definition: string): void {
    const commissioned = node.hardwareUuid !== null;
    const has = node.tagNames.includes(name);
    const should = commissioned && matches(definition);
    if (should && !has) node.tagNames.push(name);
    if (!should && has) node.tagNames = node.tagNames.filter((tag) => tag !== name);
  }

  /** After commissioning. */
  apply(node: Node): void {
    for (const tag of this.maas.tables.tags) if (tag.definition) this.evaluate(node, tag.name, tag.definition);
  }

  /** MAAS does it in the background; who asks at once still sees the old tags. */
  rebuildSoon(name: string): void {
    const later = new Promise<void>((resolve) => setTimeout(resolve, 200)).then(() => {
      this.rebuild(name);
      return this.maas.store.flush();
    });
    this.maas.background(later);
  }

  rebuild(name: string): void {
    const tag = this.maas.tables.tags.find((row) => row.name === name);
    if (!tag?.definition) return;
    for (const node of this.maas.tables.nodes) if (node.nodeType === 0) this.evaluate(node, tag.name, tag.definition);
    this.maas.store.touch();
  }
}
