import type { EventEmitter } from "node:events";
import type { Command } from "commander";
import { labProgram } from "../verbs/program";

/** What a command's `addHelpText("after", …)` says. */
function afterText(command: Command): string {
  let text = "";
  const context = { error: false, write: (part: string) => (text += part), command };
  (command as unknown as EventEmitter).emit("afterHelp", context);
  return text.trim();
}

function page(command: Command, prefix: string): string[] {
  const called = `${prefix} ${command.name()}`;
  const takes = command.registeredArguments
    .map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))
    .join(" ");
  const options = command.options.filter(({ hidden }) => !hidden);
  return [
    `## ${called}${takes ? ` ${takes}` : ""}`,
    "",
    command.description(),
    "",
    ...command.registeredArguments
      .filter(({ description }) => description)
      .map((argument) => `- \`${argument.name()}\`: ${argument.description}`),
    ...options.map(
      ({ flags, description, defaultValue, defaultValueDescription }) =>
        `- \`${flags}\`: ${description}${defaultValue === undefined ? "" : ` (default: ${defaultValueDescription ?? defaultValue})`}`,
    ),
    ...(options.length > 0 || takes ? [""] : []),
    ...(afterText(command) ? [...afterText(command).split("\n"), ""] : []),
    ...command.commands.flatMap((inner) => page(inner, called)),
  ];
}

/** `docs/reference/commands.md`. */
export function commandPage(): string {
  const program = labProgram();
  return [
    "# Commands",
    "",
    "Generated from the commands' own help; do not edit.",
    "",
    ...afterText(program).split("\n"),
    "",
    ...program.commands.flatMap((command) => page(command, "./lab")),
  ].join("\n");
}
