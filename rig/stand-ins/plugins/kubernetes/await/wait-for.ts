// The annotation pulumi.com/waitFor: `jsonpath={.status.phase}=Running`, `condition=Ready`, or a JSON list of such.
// https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/waiting/
import type { KubeObject } from "../objects";
import { conditionOf } from "./pods";
import type { Readiness, Verdict } from "./verdict";

/** How to tell that all expectations of the annotation hold. */
export function expectations(annotation: string): Readiness {
  const texts = annotation.trim().startsWith("[") ? (JSON.parse(annotation) as string[]) : [annotation];
  const all = texts.map(expectation);
  return {
    timeout: 600,
    check: (object) => all.map((check) => check(object)).find((verdict) => !verdict.ready) ?? { ready: true },
  };
}

function expectation(text: string): (object: KubeObject) => Verdict {
  const [form, rest] = split(text, "=");
  if (form === "condition" && rest !== undefined) {
    const [type, wanted = "True"] = split(rest, "=");
    return (object) => {
      const found = conditionOf(object, type)?.status;
      const ready = found?.toLowerCase() === wanted.toLowerCase();
      return ready ? { ready } : waiting(`condition ${type}=${wanted}`, found);
    };
  }
  if (form === "jsonpath" && rest !== undefined) {
    const end = rest.lastIndexOf("}=");
    const path = end < 0 ? rest : rest.slice(0, end + 1);
    const wanted = end < 0 ? undefined : rest.slice(end + 2);
    const steps = pathSteps(path);
    return (object) => {
      const found = lookUp(object, steps);
      const ready = found !== undefined && (wanted === undefined || String(found) === wanted);
      return ready ? { ready } : waiting(wanted === undefined ? path : `${path}=${wanted}`, found);
    };
  }
  throw new Error(
    `unsupported waitFor ${JSON.stringify(text)}: use "jsonpath={<path>}", "jsonpath={<path>}=<value>" or "condition=<type>"`,
  );
}

function waiting(what: string, found: unknown): Verdict {
  const seen = found === undefined ? "" : ` (found ${JSON.stringify(typeof found === "object" ? JSON.stringify(found) : String(found))})`;
  return { ready: false, status: `Waiting for ${what}${seen}`, reasons: [] };
}

function split(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + at.length)];
}

type Step = string | number | { key: string; value: string };

/** The steps of `{.a.b[0].c}`, `{.a['b.c']}` and `{.a[?(@.type=="Ready")].status}`. */
function pathSteps(path: string): Step[] {
  const inner = path.replace(/^\{\s*\$?/, "").replace(/\}$/, "");
  const pattern = /\.?([A-Za-z0-9_$/-]+)|\[(\d+)\]|\['([^']+)'\]|\[\?\(@\.([\w.]+)\s*==\s*["']([^"']*)["']\)\]/y;
  const steps: Step[] = [];
  while (pattern.lastIndex < inner.length) {
    const match = pattern.exec(inner);
    if (!match) {
      throw new Error(`unsupported JSONPath ${JSON.stringify(path)} in waitFor`);
    }
    const [, name, index, quoted, key, value] = match;
    steps.push(index !== undefined ? Number(index) : key !== undefined ? { key, value } : (name ?? quoted));
  }
  return steps;
}

function lookUp(object: unknown, steps: readonly Step[]): unknown {
  return steps.reduce<any>((part, step) => {
    if (part === null || part === undefined) {
      return undefined;
    }
    return typeof step === "object"
      ? Array.isArray(part)
        ? part.find((item) => String(item?.[step.key]) === step.value)
        : undefined
      : part[step];
  }, object);
}
