import { architecturePage } from "./architecture-page";
import { commandPage } from "./command-page";
import { errorPage } from "./error-page";
import { projectFile } from "./project-file";
import { stackJsonSchema } from "./schema";
import { settingsPage } from "./settings-page";

/** JSON with lists of words on one line. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, undefined, 1).replace(
    /\[\n\s+([^[\]{}]*?)\n\s+\]/g,
    (_, items: string) => `[${items.replace(/\n\s+/g, " ")}]`,
  );
}

/** Generated files, by path. */
export function references(): Record<string, string> {
  return {
    "docs/architecture.md": architecturePage(),
    "docs/reference/settings.md": settingsPage(),
    "docs/reference/commands.md": commandPage(),
    "docs/reference/errors.md": errorPage(),
    "docs/reference/stack.schema.json": `${jsonText(stackJsonSchema())}\n`,
    "Pulumi.yaml": projectFile(),
  };
}
