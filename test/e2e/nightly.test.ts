import * as fs from "node:fs/promises";
import * as path from "node:path";
import { readRecording } from "../../cli/report/paper/recording";
import { ForgeServer } from "../support/forge-server";
import { type Event, type Run, Workplace } from "../support/workplace";
import { TestLab } from "./support/lab";
import { machine, writeSettings } from "./support/three-servers";

const minutes = 60_000;

/** Says what of a lab runs on the runner's computer when its jobs have ended. */
const around = [
  'code=0; "$@" || code=$?',
  'left=$(ps -e -o args= | grep -E "[s]ystemd-nspawn|[r]ig/main" || true)',
  'echo "left: ${left:-none}"; exit $code',
].join("\n");

/** `embedded.yml` by act, where its lab comes up: one server of k3s, as quick as a lab can be. */
describe("the workflow that brings the embedded lab up", () => {
  const host = new TestLab("e2e-nightly");
  let place: Workplace;
  let forge: ForgeServer;
  let main: string;

  beforeAll(async () => {
    [place, forge] = await Promise.all([Workplace.create("."), ForgeServer.start()]);
    main = await place.commit(place.main, "refs/heads/main", (folder) =>
      writeSettings(path.join(folder, "Pulumi.sim.yaml"), [machine(1, "server")], { virtualAddress: undefined }),
    );
  }, 5 * minutes);
  afterAll(async () => {
    await forge?.close();
    await place?.close();
  });
  afterEach(async () => {
    expect(await host.leftovers()).toEqual([]);
    // The cache is saved by the runner's user.
    expect(await place.unreadable()).toEqual([]);
  }, minutes);

  const ended = ({ jobs, log }: Run, expected: Run["jobs"]) => {
    expect([jobs, JSON.stringify(jobs) === JSON.stringify(expected) ? "" : log.slice(-6000)]).toEqual([expected, ""]);
  };

  it(
    "brings it up at night, records it for the reports, and takes it down",
    async () => {
      const nightly: Event = { name: "schedule", payload: { schedule: "43 3 * * *" } };
      const done = await place.run("embedded.yml", nightly, { at: main, api: forge.url, around });
      ended(done, { sim: "success", record: "success" });
      expect(done.log).toContain("left: none");
      const artefact = path.join(place.artifacts, "recording-sim", "sim.recording");
      const { stack, commit, resources, unapplied } = await readRecording(artefact);
      expect([stack, commit, unapplied]).toEqual(["sim", main, []]);
      expect(resources.map(({ urn }) => urn.split("::").at(-1))).toEqual(expect.arrayContaining(["node1-deployment", "k3s-node1-k3s"]));
      const pushed = await place.git("ls-remote", "origin", "refs/lab/recordings/*");
      expect(pushed).toMatch(/^[0-9a-f]{40}\s+refs\/lab\/recordings\/sim$/);
    },
    15 * minutes,
  );

  it(
    "takes it from the target branch to the head of a pull request with the label, although an earlier job's lab outlived its workspace",
    async () => {
      const head = await place.commit(main, "refs/pull/1/head", (folder) =>
        Workplace.settings(folder, "sim", (config) => {
          config["homelab:machines"][0].notes = "under the desk";
        }),
      );
      const labelled: Event = {
        name: "pull_request",
        payload: {
          action: "labeled",
          label: { name: "bring-up" },
          pull_request: {
            number: 1,
            base: { sha: main },
            head: { sha: head, repo: { full_name: "ann/lab" } },
            labels: [{ name: "bring-up" }],
          },
        },
      };
      // As soon as its simulator runs the job is killed; the simulator goes on, and the runner deletes the workspace.
      const outlived = [
        "(",
        "set -m",
        'git clone --quiet "$LAB_TEST_ORIGIN" "$HOME/gone" && cd "$HOME/gone"',
        'touch -d 2001-01-01 package-lock.json && ln -s "$LAB_TEST_PACKAGES" node_modules',
        "sudo --preserve-env=PATH,HOME ./lab up > ../gone.log 2>&1 &",
        // It notes its address when it answers.
        "until sudo grep -qs url .lab/sim/simulator.json; do sleep 0.2; done",
        "sudo kill -KILL -- -$!",
        ")",
        'sudo rm -rf "$HOME/gone"',
        around,
      ].join("\n");
      await fs.rm(place.artifacts, { recursive: true, force: true });
      const done = await place.run("embedded.yml", labelled, { at: head, api: forge.url, around: outlived });
      expect(done.log).toContain("left: none");
      ended(done, { sim: "success" });
      expect(done.log).toMatch(/removing \S*\/gone\/\.lab\/sim: simulator running/);
      expect(done.log).toMatch(/1 updated/);
      expect(await fs.readdir(place.artifacts).catch(() => [])).toEqual([]);
    },
    15 * minutes,
  );
});
