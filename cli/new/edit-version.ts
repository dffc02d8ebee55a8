import { isMap, isScalar, type Node, parseDocument, type YAMLMap } from "yaml";
import { UserError } from "../../components/core/user-error";

/** Adds a line, or an entry in flow style, before all others of a map. */
function inserted(text: string, map: YAMLMap, entry: (indent: string) => string): string {
  const first = (map.items[0]?.key as Node | undefined)?.range?.[0];
  const start = map.range?.[0] ?? 0;
  if (map.flow || first === undefined) {
    const rest = text.slice(start + 1);
    return `${text.slice(0, start + 1)} ${entry("").trimEnd()}${first === undefined ? " " : ","}${rest}`;
  }
  const indent = text.slice(text.lastIndexOf("\n", first - 1) + 1, first);
  return `${text.slice(0, first)}${entry(indent)}${indent}${text.slice(first)}`;
}

/**
 * A stack file's text with another `homelab:cluster.version`; all else stays as it is written, comments too.
 *
 * @param file for messages
 * @throws UserError where the file has none of the places for it
 */
export function withVersion(text: string, file: string, version: string): string {
  const config = parseDocument(text, { logLevel: "silent" }).get("config", true);
  const cluster = isMap(config) ? config.get("homelab:cluster", true) : undefined;
  const known = isMap(cluster) ? cluster.get("version", true) : undefined;
  if (isScalar(known) && known.range) {
    return text.slice(0, known.range[0]) + version + text.slice(known.range[1]);
  }
  if (isMap(cluster)) {
    return inserted(text, cluster, () => `version: ${version}\n`);
  }
  if (isMap(config) && !config.flow && !config.has("homelab:cluster")) {
    return inserted(text, config, (indent) => `homelab:cluster:\n${indent}  version: ${version}\n`);
  }
  throw new UserError({
    path: file,
    message: "has no map homelab:cluster where the version could be set",
    fix: `write it there: homelab:cluster: { version: ${version} }`,
  });
}
