import type { Command } from "commander";
import { UserError } from "../../components/core/user-error";
import { knownStack } from "../engine/known-stack";
import { simStack } from "../engine/stack";
import { stackOutputs } from "../live/lab-facts";

export function register(program: Command): void {
  program
    .command("passwords")
    .description("show the passwords of the lab's pages")
    .option("--stack <name>", "stack whose passwords to show", simStack)
    .option("--json", "print them as JSON")
    .addHelpText(
      "after",
      "\nFor new passwords raise homelab:ingress.passwordGeneration (or homelab:monitoring.grafana.passwordGeneration) and run './lab up'.",
    )
    .action(async (options: { stack: string; json?: boolean }) => {
      const { pagePasswords = {}, grafanaPassword } = await stackOutputs(await knownStack(options.stack));
      const rows = [
        ...Object.entries(pagePasswords).map(([user, password]) => ({ for: "pages", user, password })),
        ...(grafanaPassword ? [{ for: "Grafana without the ingress", user: "admin", password: grafanaPassword }] : []),
      ];
      if (rows.length === 0) {
        throw new UserError({
          path: "--stack",
          message: `the stack ${options.stack} has no passwords`,
          fix: `run './lab up --stack ${options.stack}' first; with homelab:ingress.oidc the provider has them`,
        });
      }
      process.stdout.write(
        options.json
          ? `${JSON.stringify(rows, null, 2)}\n`
          : rows.map((row) => `${row.for}: user ${row.user}, password ${row.password}\n`).join(""),
      );
    });
}
