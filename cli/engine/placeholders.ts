import * as fs from "node:fs/promises";

/** Values that the stack files of this repository and its documentation use as examples. */
const examples: readonly (readonly [value: RegExp, what: string])[] = [
  [/\b(?:54:b2:03|00:16:3e):00:00:[0-9a-f]{2}\b/gi, "an example's MAC address"],
  [/\bregistry\.home\.arpa\b/g, "an example's registry"],
  [/\bmaas\.home\.arpa\b/g, "an example's MAAS"],
];

export interface Placeholder {
  line: number;
  value: string;
  what: string;
}

/** The lines of a stack file, remarks left out, that still hold an example's value. */
export async function placeholdersIn(file: string): Promise<Placeholder[]> {
  const lines = (await fs.readFile(file, "utf8")).split("\n");
  return lines.flatMap((text, index) =>
    examples.flatMap(([pattern, what]) =>
      [...text.replace(/(^|\s)#.*/, "").matchAll(pattern)].map(([value]) => ({ line: index + 1, value, what })),
    ),
  );
}
