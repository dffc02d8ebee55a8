import type { ProgramInfo } from "@pulumi/pulumi/proto/language_pb";

/** Runtime options of a Node.js project (`runtime.options` in Pulumi.yaml), which the engine also passes as `-key=value`. */
export interface Options {
  /** `false`: the program is JavaScript already, or `nodeargs` sees to TypeScript. */
  typescript: boolean;
  nodeargs: string[];
  /** Path of another tsconfig.json. */
  tsconfig: string;
  packagemanager: string;
}

/** Splits `--a "b c" --d` as a shell would, without expansions. */
export function words(text: string): string[] {
  const parts = text.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
  return parts.map((part) => part.replace(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ""));
}

/** The flags of the command line, and the engine's address. */
export function parseArguments(args: readonly string[]): { flags: Record<string, string>; engineAddress: string } {
  const flags: Record<string, string> = {};
  let engineAddress = "";
  for (const argument of args) {
    const flag = /^--?([A-Za-z-]+)(?:=(.*))?$/s.exec(argument);
    if (flag) {
      flags[flag[1]] = flag[2] ?? "true";
    } else {
      engineAddress = argument;
    }
  }
  return { flags, engineAddress };
}

/** The options of one program: what the engine says with the request goes before the command line. */
export function optionsOf(info: ProgramInfo | undefined, flags: Readonly<Record<string, string>>): Options {
  const given = { ...flags, ...(info?.getOptions()?.toJavaScript() as Record<string, unknown> | undefined) };
  const text = (key: string) => (given[key] === undefined || given[key] === null ? "" : String(given[key]));
  return {
    typescript: text("typescript") !== "false",
    nodeargs: Array.isArray(given.nodeargs) ? given.nodeargs.map(String) : words(text("nodeargs")),
    tsconfig: text("tsconfig"),
    packagemanager: text("packagemanager"),
  };
}
