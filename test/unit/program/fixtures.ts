import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";

const root = path.join(__dirname, "../../..");

/** A stack file's settings, keys without their namespace, with an API key as `pulumi config set --secret` would add it. */
export function stackSettings(stack: string): Record<string, any> {
  return settingsOf(path.join(root, `Pulumi.${stack}.yaml`));
}

export function settingsOf(file: string): Record<string, any> {
  const { config } = yaml.load(fs.readFileSync(file, "utf8")) as { config: Record<string, any> };
  return {
    maasApiKey: "consumer:token:secret",
    ...Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^homelab:/, ""), value])),
  };
}

/** The same as Pulumi hands it to a program: flat, structured values as JSON. */
export function asPulumiConfig(settings: Record<string, any>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`homelab:${key}`, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}
