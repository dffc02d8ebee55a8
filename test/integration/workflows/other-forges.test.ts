import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";
import * as yaml from "js-yaml";
import { pythonPackages } from "../../support/python";
import { Workplace } from "../../support/workplace";
import { MachinesStacks, secrets } from "./machines-stack";

jest.setTimeout(900_000);

const execute = promisify(execFile);
const root = path.resolve(__dirname, "../../..");
const template = path.join(root, "examples", "gitlab-ci.yml");
const recording = path.join(root, "test", "fixtures", "recordings", "sim.recording");

/** What a forge without Actions is given: a template for GitLab CI, and a hook for a bare repository. */
describe("without Actions", () => {
  let place: Workplace;
  let head: string;

  beforeAll(async () => {
    place = await Workplace.create();
    await place.record("sim", recording);
    head = await place.commit(place.main, "refs/heads/change", (folder) =>
      Workplace.settings(folder, "sim", (config) => {
        config["homelab:machines"][1].notes = "under the desk";
      }),
    );
  });
  afterAll(() => place?.close());

  /** The shell of a job of the template. */
  const script = async (job: string) => {
    const jobs = yaml.load(await fs.readFile(template, "utf8")) as Record<string, { script: string[] }>;
    return jobs[job].script.join("\n");
  };

  describe("the template for GitLab CI", () => {
    it("is valid by GitLab's own schema", async () => {
      const env = { ...process.env, PYTHONPATH: await pythonPackages("gitlab-schema") };
      const check = (file: string) => execute("python3", ["-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", file], { env });
      expect((await check(template)).stdout).toContain("validation done");
      const broken = path.join(place.folder, "broken.yml");
      await fs.writeFile(broken, (await fs.readFile(template, "utf8")).replace("when: always", "when: sometimes"));
      await expect(check(broken)).rejects.toMatchObject({ stdout: expect.stringContaining("sometimes") });
    });

    it("reports on a merge request", async () => {
      const { code, log, clone } = await place.shell(head, await script("report"), { CI_MERGE_REQUEST_DIFF_BASE_SHA: place.main });
      expect([code, log]).toEqual([0, expect.stringContaining("sim: No data is lost, nothing is interrupted: 0 pods restart.")]);
      expect(await fs.readFile(path.join(clone, "review", "comment.md"), "utf8")).toContain("`homelab:machines[node2].notes`");
    });

    it("deploys a saved plan, and pushes the recording with its own token", async () => {
      const stacks = await MachinesStacks.create(place, ["lab"]);
      try {
        const [token, url] = ["canary-recordings-0004", "https://lab:canary-recordings-0004@gitlab.home.arpa/ann/lab.git"];
        // There is no GitLab here: what goes to its address comes to the repository.
        const instead = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: `url.${place.origin}.insteadOf`, GIT_CONFIG_VALUE_0: url };
        const { code, log } = await place.shell(stacks.main, await script("deploy"), {
          ...instead,
          LAB_RECORDINGS_TOKEN: token,
          CI_SERVER_HOST: "gitlab.home.arpa",
          CI_PROJECT_PATH: "ann/lab",
          LAB_BACKEND_URL: `file://${stacks.backend}`,
          PULUMI_CONFIG_PASSPHRASE: secrets.PULUMI_CONFIG_PASSPHRASE,
        });
        expect([code, code === 0 ? "" : log.slice(-4000)]).toEqual([0, ""]);
        expect(await stacks.machines()).toMatchObject({ node1: { status_name: "Deployed" }, node2: { status_name: "Deployed" } });
        expect(await place.git("ls-remote", "origin", "refs/lab/recordings/lab")).toMatch(/recordings\/lab$/);
        expect([...Object.values(secrets), token].filter((canary) => log.includes(canary))).toEqual([]);
      } finally {
        await stacks.close();
      }
    });
  });

  it("the hook of a bare repository prints the report to whoever pushes, and leaves nothing", async () => {
    const page = await fs.readFile(path.join(root, "docs", "how-to", "own-forge.md"), "utf8");
    const hook = /```sh\n(#!\/bin\/sh\n[\s\S]*?)```/.exec(page)?.[1] as string;
    // The packages are those of this checkout: there is no minute to wait for them.
    const tools = path.join(place.folder, "tools");
    await fs.mkdir(tools);
    const npm = `#!/bin/sh\n[ "$1 $2" = "ci --prefix" ] || exit 1\nln -s "${root}/node_modules" "$3/node_modules"\n`;
    await fs.writeFile(path.join(tools, "npm"), npm, { mode: 0o755 });
    await fs.writeFile(path.join(place.origin, "hooks", "post-receive"), hook, { mode: 0o755 });
    const author = path.join(place.folder, "author");
    const push = (...args: string[]) =>
      execute("git", ["push", "origin", ...args], { cwd: author, env: { ...process.env, PATH: `${tools}:${process.env.PATH}` } });
    try {
      const { stderr } = await push(`${head}:refs/heads/another`);
      expect(stderr).toContain("remote: sim: No data is lost, nothing is interrupted: 0 pods restart.");
      expect((await place.git("--git-dir", place.origin, "worktree", "list")).split("\n")).toHaveLength(1);
      // No report on main and on recordings.
      expect((await push(`${place.main}:refs/lab/other`)).stderr).not.toContain("sim:");
    } finally {
      await fs.rm(path.join(place.origin, "hooks", "post-receive"));
    }
  });
});
