import { build } from "esbuild";

/**
 * Bundles a TypeScript entry point and all it imports into one CommonJS text that starts fast and needs no node_modules.
 *
 * ssh2's native parts are left out: it falls back to Node's own crypto.
 */
export async function bundle(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["cpu-features", "*.node"],
    logLevel: "silent",
    legalComments: "none",
  });
  return result.outputFiles[0].text;
}

/** `bundle` as the text of an executable file. */
export async function executable(entry: string): Promise<string> {
  return `#!/usr/bin/env node\n${await bundle(entry)}`;
}
