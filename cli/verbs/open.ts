import { type ChildProcess, spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { Argument, type Command } from "commander";
import { UserError } from "../../components/core/user-error";
import { knownStack } from "../engine/known-stack";
import { say } from "../engine/progress";
import { simStack } from "../engine/stack";
import { pageOf, pages } from "../live/dashboards";
import { stackOutputs } from "../live/lab-facts";

interface Options {
  stack: string;
  port?: number;
  print?: boolean;
}

/** The command that shows a URL on this computer, where there is a screen. */
function browser(): string | undefined {
  if (process.platform === "darwin") {
    return "open";
  }
  return process.env.DISPLAY || process.env.WAYLAND_DISPLAY ? "xdg-open" : undefined;
}

function started(command: string, url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child: ChildProcess = spawn(command, [url], { stdio: "ignore", detached: true });
    child.on("error", () => resolve(false));
    child.on("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UserError({ path: "--port", message: "not a port", found: text, allowed: "1 to 65535" });
  }
  return port;
}

/** Whether the name in a URL leads nowhere on this computer. */
function unknownName(url: string): Promise<boolean> {
  return lookup(new URL(url).hostname).then(
    () => false,
    () => true,
  );
}

export function register(program: Command): void {
  program
    .command("open")
    .description("open the start page, Grafana, Prometheus, Alertmanager or MAAS in the browser")
    .addArgument(new Argument("<page>").choices(pages))
    .option("--stack <name>", "stack to look at", simStack)
    .option("--port <port>", "forward this port of 127.0.0.1 through the cluster's API, also where there is an address", parsePort)
    .option("--print", "print the address and start no browser")
    .addHelpText(
      "after",
      "\nA page without an address of its own is reached over a port of 127.0.0.1, which stays open until Ctrl-C.\nThe start page (home) is opened by its name. Without a screen the address is printed. './lab passwords' shows the passwords.",
    )
    .action(async (page: (typeof pages)[number], options: Options) => {
      const stack = await knownStack(options.stack);
      const { url, forward } = await pageOf(page, stack, await stackOutputs(stack), options.port);
      process.stdout.write(`${url}\n`);
      if (page === "home" && (await unknownName(url))) {
        say(
          "This computer does not know the name. './lab hosts' prints the line for its /etc/hosts; './lab ca' shows how it trusts the certificate.",
        );
      }
      const command = options.print ? undefined : browser();
      if (command && !(await started(command, url))) {
        say(`${command} could not be started: open the address yourself`);
      }
      if (forward) {
        say("Forwarded through the cluster's API until Ctrl-C.");
        await new Promise<void>((resolve) => {
          process.once("SIGINT", () => resolve());
          process.once("SIGTERM", () => resolve());
        });
        forward.close();
        // Connections to the API that wait for nothing any more would keep the process.
        process.exit(0);
      }
    });
}
