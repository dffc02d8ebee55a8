import { commandPage } from "./command-page";
import { errorPage } from "./error-page";
import { projectFile } from "./project-file";
import { stackJsonSchema } from "./schema";
import { settingsPage } from "./settings-page";

/** Generated files, by path. */
export function references(): Record<string, string> {
  return {
    "docs/reference/settings.md": settingsPage(),
    "docs/reference/commands.md": commandPage(),
    "docs/reference/errors.md": errorPage(),
    "docs/reference/stack.schema.json": `${JSON.stringify(stackJsonSchema(), undefined, 1)}\n`,
    "Pulumi.yaml": projectFile(),
  };
}
