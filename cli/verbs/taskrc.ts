import * as fs from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";
import type { Command } from "commander";
import { nearest, UserError } from "../../components/settings/errors";
import { clientFiles, mergeTaskrc, renderTaskrc, type TaskwarriorVersion, type UserAccess } from "../../components/taskserver/taskrc";
import { stackOutputs } from "../lab-facts";
import { say } from "../progress";
import { simStack } from "../stack";
import { knownPulumi } from "../toolchain";

interface Options {
  stack: string;
  taskwarrior: string;
  data: string;
  taskrc: string;
  print?: boolean;
}

/** The user of that name: `organisation/user`, or the user's name alone where it is the only one. */
export function findUser(users: Record<string, UserAccess>, wanted: string): UserAccess {
  const exact = users[wanted];
  const byName = Object.values(users).filter(({ user }) => user === wanted);
  if (exact ?? byName.length === 1) {
    return exact ?? byName[0];
  }
  const names = Object.keys(users);
  const meant = nearest(wanted, names);
  throw new UserError({
    path: "user",
    message: byName.length > 1 ? `${wanted} is in more than one organisation` : `there is no active user ${wanted}`,
    allowed: names.join(", ") || "none: the stack is not up, or homelab:taskServers has no users",
    fix: meant ? `did you mean ${meant}?` : "name one of these, or add the user to homelab:taskServers and run 'lab up'",
  });
}

function parseVersion(text: string): TaskwarriorVersion {
  if (text === "2" || text === "3") {
    return Number(text) as TaskwarriorVersion;
  }
  throw new UserError({
    path: "--taskwarrior",
    message: "not a version of Taskwarrior that syncs",
    found: text,
    allowed: "2 (taskd) or 3 (TaskChampion)",
  });
}

async function writeFiles(access: UserAccess, version: TaskwarriorVersion, options: Options): Promise<void> {
  await fs.mkdir(options.data, { recursive: true, mode: 0o700 });
  for (const { name, mode, content } of clientFiles(access, version)) {
    const file = path.join(options.data, name);
    await fs.writeFile(file, content, { mode });
    await fs.chmod(file, mode);
    say(`wrote ${file}`);
  }
  const existing = await fs.readFile(options.taskrc, "utf8").catch(() => "");
  await fs.writeFile(options.taskrc, mergeTaskrc(existing, access, version, options.data), { mode: 0o600 });
  await fs.chmod(options.taskrc, 0o600);
  say(`${existing === "" ? "wrote" : "set the sync settings in"} ${options.taskrc}`);
  say(version === 2 ? "Now: 'task sync init' once, then 'task sync'." : "Now: 'task sync'.");
}

export function register(program: Command): void {
  program
    .command("taskrc")
    .description("let a Taskwarrior client on this computer sync as a user of the lab")
    .argument("<user>", "user, or organisation/user")
    .option("--stack <name>", "stack whose task servers to use", simStack)
    .option("--taskwarrior <version>", "2 syncs with taskd, 3 with TaskChampion's server", "2")
    .option("--data <folder>", "where the certificates go", path.join(homedir(), ".task"))
    .option("--taskrc <file>", "the taskrc to set; the rest of it is left as it is", path.join(homedir(), ".taskrc"))
    .option("--print", "print the settings instead (they hold credentials) and write nothing")
    .action(async (user: string, options: Options) => {
      const version = parseVersion(options.taskwarrior);
      const outputs = await stackOutputs({ ...(await knownPulumi()), stack: options.stack });
      const access = findUser(outputs.taskUsers ?? {}, user);
      if (options.print) {
        process.stdout.write(renderTaskrc(access, version, options.data));
      } else {
        await writeFiles(access, version, options);
      }
    });
}
