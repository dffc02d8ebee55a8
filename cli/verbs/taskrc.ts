import * as fs from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import * as path from "node:path";
import { type Command, Option } from "commander";
import { nearest, UserError } from "../../components/core/user-error";
import { clientFiles, mergeTaskrc, renderTaskrc, type TaskwarriorVersion, type UserAccess } from "../../components/taskserver/taskrc";
import { knownStack } from "../engine/known-stack";
import { run } from "../engine/process";
import { say } from "../engine/progress";
import { simStack } from "../engine/stack";
import { stackOutputs } from "../live/lab-facts";

interface Options {
  stack: string;
  taskwarrior: string;
  data: string;
  taskrc: string;
  print?: boolean;
  archive?: string;
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
  say(nextSteps(access, version, path.join(options.data, "ca.cert.pem")));
}

/** What is left to do on the device. Taskwarrior 3 has no setting for an authority: it trusts what the system trusts. */
function nextSteps(access: UserAccess, version: TaskwarriorVersion, authority: string): string {
  if (version === 2) {
    return "Now: 'task sync init' once, then 'task sync'.";
  }
  const trusted = access.taskchampion?.ca
    ? `Taskwarrior 3 trusts the authorities of its system only: 'export SSL_CERT_FILE=${authority}', or add that file to them.\n`
    : "";
  return `${trusted}Now: 'task sync'.`;
}

/** The same for another device: to be unpacked in the home there. */
export async function writeArchive(access: UserAccess, version: TaskwarriorVersion, archive: string): Promise<void> {
  const scratch = await fs.mkdtemp(path.join(tmpdir(), "lab-taskrc-"));
  try {
    const folder = path.join(scratch, ".task");
    await fs.mkdir(folder, { mode: 0o700 });
    const sync = { name: "sync.taskrc", mode: 0o600, content: renderTaskrc(access, version, "~/.task") };
    for (const { name, mode, content } of [...clientFiles(access, version), sync]) {
      await fs.writeFile(path.join(folder, name), content, { mode });
    }
    // Made for its owner only before anything is in it.
    await fs.writeFile(archive, "", { mode: 0o600 });
    await fs.chmod(archive, 0o600);
    await run("tar", ["-C", scratch, "--owner=0", "--group=0", "-czf", path.resolve(archive), ".task"]);
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

export function register(program: Command): void {
  program
    .command("taskrc")
    .description("let a Taskwarrior client on this computer sync as a user of the lab")
    .argument("<user>", "user, or organisation/user")
    .option("--stack <name>", "stack whose task servers to use", simStack)
    .option("--taskwarrior <version>", "2 syncs with taskd, 3 with TaskChampion's server", "2")
    .addOption(new Option("--data <folder>", "where the certificates go").default(path.join(homedir(), ".task"), "~/.task"))
    .addOption(
      new Option("--taskrc <file>", "the taskrc to set; the rest of it is left as it is").default(
        path.join(homedir(), ".taskrc"),
        "~/.taskrc",
      ),
    )
    .option("--archive <file>", "write all of it as one archive for another device, and nothing here")
    .option("--print", "print the settings instead (they hold credentials) and write nothing")
    .action(async (user: string, options: Options) => {
      const version = parseVersion(options.taskwarrior);
      const outputs = await stackOutputs(await knownStack(options.stack));
      const access = findUser(outputs.taskUsers ?? {}, user);
      if (options.archive !== undefined) {
        await writeArchive(access, version, options.archive);
        say(`wrote ${options.archive}: it holds ${access.user}'s keys. On the other device, as that user:`);
        say(`  tar -C ~ -xzf ${path.basename(options.archive)} && echo 'include ~/.task/sync.taskrc' >> ~/.taskrc`);
        say(nextSteps(access, version, "~/.task/ca.cert.pem"));
      } else if (options.print) {
        process.stdout.write(renderTaskrc(access, version, options.data));
      } else {
        await writeFiles(access, version, options);
      }
    });
}
