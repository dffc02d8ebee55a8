import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Machine } from "../../../components/maas/api/types";
import { codeOf } from "../../support/documented-commands";
import { checkout, done, type TestLab } from "../support/lab";
import { LabMachine } from "../support/machines";

/** A stack for machines that nobody has: as far as it gets without them. */
export async function livesAsNewStack(lab: TestLab, folder: string): Promise<void> {
  const stack = "of-the-tests";
  const file = path.join(checkout, `Pulumi.${stack}.yaml`);
  const pulumi = (...args: string[]) => done(lab.lab("pulumi", ...args, "--stack", stack));
  const secret = (input: string, ...args: string[]) =>
    done(lab.spawn(path.join(checkout, "lab"), ["pulumi", "config", "set", "--secret", ...args, "--stack", stack], { input }).done);
  const init = (environment: NodeJS.ProcessEnv) =>
    done(lab.spawn(path.join(checkout, "lab"), ["pulumi", "stack", "init", stack], { environment }).done);
  await fs.rm(file, { force: true });
  try {
    const machines = ["node1=54:b2:03:aa:00:01", "node2=54:b2:03:aa:00:02"].flatMap((machine) => ["--machine", machine]);
    const args = ["--maas-url", "http://192.0.2.2:5240/MAAS", "--subnet", "192.0.2.0/24", ...machines];
    await done(lab.lab("new", stack, ...args));
    const written = await fs.readFile(file, "utf8");
    const [checked, again] = await Promise.all([lab.lab("check", stack), lab.lab("new", stack, ...args, "--user", "eve")]);
    expect([checked.code, checked.output]).toEqual([0, `Pulumi.${stack}.yaml is valid: 2 machines, environment physical\n`]);
    expect([again.code, again.output]).toEqual([2, expect.stringContaining("exists already")]);
    expect(await fs.readFile(file, "utf8")).toBe(written);

    // Its machines get a BMC, whose password and MAAS's key are secrets.
    const bmc = "type: ipmi\n        parameters:\n          power_address: 192.0.2.31\n          power_user: maas";
    await fs.writeFile(file, written.replace("type: manual", bmc));
    await init({});
    await secret("consumer:token:hidden", "homelab:maasApiKey");
    await secret("open sesame", "--path", "homelab:machines[0].power.parameters.power_pass");
    const text = await fs.readFile(file, "utf8");
    expect(text).not.toMatch(/hidden|sesame/);
    expect(text.match(/secure: v1:/g)).toHaveLength(2);
    expect((await lab.lab("check", stack)).code).toBe(0);

    // To another backend, where the same passphrase reads what is secret.
    const state = path.join(folder, "state.json");
    const elsewhere = path.join(folder, "elsewhere");
    await fs.mkdir(elsewhere);
    const environment = {
      LAB_BACKEND_URL: `file://${elsewhere}`,
      PULUMI_CONFIG_PASSPHRASE_FILE: path.join(lab.state, "passphrase"),
    };
    const there = (...words: string[]) =>
      done(lab.spawn(path.join(checkout, "lab"), ["pulumi", ...words, "--stack", stack], { environment, recorded: false }).done);
    await pulumi("stack", "export", "--file", state);
    await init(environment);
    await there("stack", "import", "--file", state);
    expect((await there("config", "get", "homelab:maasApiKey")).stdout).toBe("consumer:token:hidden\n");
    expect(await fs.readdir(path.join(elsewhere, ".pulumi", "stacks", "homelab"))).toContain(`${stack}.json`);
    await pulumi("stack", "rm", "--yes");
  } finally {
    await fs.rm(file, { force: true });
  }
}

/** Smaller things that a how-to or a runbook says, on the lab that is up. */
export async function answersHowTos(lab: TestLab, folder: string): Promise<void> {
  const archive = path.join(folder, "bob.tgz");
  const machines = async () => {
    expect((await done(lab.lab("machine", "query", "node2"))).output).toContain("node2 is Deployed, power on");
    // It is on: nothing happens to it.
    const [before] = await lab.maas<Machine[]>("machines/?hostname=node2");
    await done(lab.lab("machine", "on", "node2"));
    expect(await lab.maas<Machine[]>("machines/?hostname=node2")).toMatchObject([{ power_state: "on", status: before.status }]);
  };
  const device = async () => {
    await done(lab.lab("taskrc", "bob", "--archive", archive));
    expect((await fs.stat(archive)).mode & 0o777).toBe(0o600);
    const listed = await done(lab.spawn("tar", ["-tzf", archive]).done);
    expect(listed.stdout.split("\n")).toEqual(expect.arrayContaining([".task/bob.key.pem", ".task/sync.taskrc"]));
  };
  const cluster = async () => {
    const made = (await done(lab.lab("backup", "--to", path.join(lab.state, "backups")))).stdout.trim();
    expect((await fs.stat(made)).mode & 0o777).toBe(0o600);
    expect((await done(lab.spawn("tar", ["-tzf", made]).done)).stdout).toContain("snapshot.db");
  };
  const [, , , clusters, tasks, history, outputs] = await Promise.all([
    machines(),
    device(),
    cluster(),
    done(lab.lab("backup", "cluster", "--list")),
    done(lab.lab("restore", "tasks", "--list")),
    done(lab.pulumi("stack", "history")),
    done(lab.unrecorded("pulumi", "stack", "output", "kubeconfig", "--show-secrets")),
  ]);
  // The schedules' first archives are hours away.
  expect(tasks.output).toMatch(/taskd[\s\S]*taskchampion/);
  expect(clusters.output).toMatch(/node1|no backup/);
  expect(history.stdout).toMatch(/^UpdateKind: update$/m);
  expect(outputs.stdout).toContain("client-key-data:");
}

/** What the placeholders of the runbooks stand for on a lab where all is well. */
const examples: Record<string, string> = { namespace: "monitoring", pod: "prometheus-0", container: "prometheus", node: "node1" };
const asks = /\b(get|describe|logs|exec|check|ls|status|list-timers|journalctl)\b/;
/** What changes the machine, and what is asked of jobs and containers that have failed; the first proof of a backup is hours away. */
const needsTrouble = /--vacuum-size|<(cron)?job>|--previous|-verify /;

/** Everything that the runbooks ask of a server, asked of one; what would repair it is left out. */
export async function asksAsRunbooks(lab: TestLab): Promise<void> {
  const folder = path.join(checkout, "docs", "runbooks");
  const pages = await Promise.all((await fs.readdir(folder)).map((name) => fs.readFile(path.join(folder, name), "utf8")));
  const lines = pages
    .flatMap((page) => Object.values(codeOf(page)).flat())
    .filter((line) => /^(sudo |systemctl |journalctl |k3s )/.test(line));
  const questions = [...new Set(lines)].filter((line) => asks.test(line) && !needsTrouble.test(line));
  expect(questions.length).toBeGreaterThan(15);
  const server = new LabMachine(lab, 1);
  await Promise.all(
    questions.map(async (line) => {
      const question = line.replace(/<(\w+)>/g, (_, name: string) => examples[name]);
      // Nobody has made a timeout for `grep` to find: it is what is asked that has to work.
      const answer = await server.run("bash", "-c", `exec </dev/null; ${question}; exit "\${PIPESTATUS[0]}"`);
      expect([question, answer.length > 0 || !/--raw|logs|describe|status/.test(question)]).toEqual([question, true]);
      lab.note(line);
    }),
  );
}
