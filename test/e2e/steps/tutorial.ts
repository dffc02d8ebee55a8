import * as fs from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import * as path from "node:path";
import { ensureK3s } from "../../../rig/stand-ins/k3s";
import { codeOf } from "../../support/documented-commands";
import { checkout, type Outcome, type TestLab } from "../support/lab";

/** `apt-get` changes this computer, and `lab test` has installed what it would. */
const leftOut = /^apt-get /;

/**
 * A newcomer who types what docs/tutorial.md says, with a home folder of their own: the commands are read from the page, so
 * that what is not on it is not run, and what is on it works.
 */
export class Tutorial {
  /** Home and working folder. */
  home = "";
  private sections = new Map<string, string[]>();
  private tools = "";

  constructor(private readonly lab: TestLab) {}

  async begin(): Promise<void> {
    this.home = await fs.mkdtemp(path.join(tmpdir(), "homelab-newcomer-"));
    await fs.symlink(path.join(checkout, "lab"), path.join(this.home, "lab"));
    const page = await fs.readFile(path.join(checkout, "docs", "tutorial.md"), "utf8");
    for (const section of page.split(/^## \d+\. /m).slice(1)) {
      this.sections.set(section.split("\n")[0], codeOf(section).blocks);
    }
    // The page takes kubectl for granted. The one of k3s looks for its server's own settings first.
    this.tools = path.join(this.home, "tools");
    await fs.mkdir(this.tools);
    const { directory } = await ensureK3s(() => undefined);
    await fs.writeFile(path.join(this.tools, "kubectl"), `#!/bin/sh\nKUBECONFIG=~/.kube/config exec '${directory}/k3s' kubectl "$@"\n`, {
      mode: 0o755,
    });
  }

  async end(): Promise<void> {
    await fs.rm(this.home, { recursive: true, force: true });
  }

  /** Runs the commands of a section in one shell. Questions are answered with yes. */
  async run(title: string): Promise<Outcome> {
    const commands = this.sections.get(title)?.filter((line) => !leftOut.test(line));
    if (!commands) {
      throw new Error(`the tutorial has no section "${title}", or it was run before`);
    }
    this.sections.delete(title);
    const file = path.join(this.home, "section.sh");
    await fs.writeFile(file, `set -eu\n${commands.join("\n")}\n`);
    const environment = {
      HOME: this.home,
      // What was expensive to make is not made again for another home.
      XDG_CACHE_HOME: process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"),
      PATH: `${this.tools}:${process.env.PATH}`,
      KUBECONFIG: undefined,
      TASKRC: undefined,
      LAB_SIM_SETTINGS: this.lab.environment.LAB_SIM_SETTINGS,
    };
    return this.lab.spawn("bash", ["-c", `cd "$1" && yes yes 2>/dev/null | bash "$2"`, "bash", this.home, file], { environment }).done;
  }

  /** Sections that no step has run. */
  get notRun(): string[] {
    return [...this.sections].filter(([, commands]) => commands.length > 0).map(([title]) => title);
  }
}
