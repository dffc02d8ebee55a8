import * as fs from "node:fs/promises";
import * as path from "node:path";
import { ForgeServer } from "../../support/forge-server";
import { type Event, type Run, Workplace } from "../../support/workplace";

jest.setTimeout(1_800_000);

/** `./lab` with another `up`: test/e2e/nightly.test.ts has the real one. What is recorded then is what another lab was. */
const upReplaced = `#!/bin/bash
case "$1 $2" in
  "up ") echo "up at $(git rev-parse HEAD)"; [ ! -e refused ] || { cat refused; exit 2; } ;;
  "record --stack") cp test/fixtures/recordings/sim.recording "$5" ;;
  *) exec ./lab.real "$@" ;;
esac
`;

/** `embedded.yml` where its lab does not come up, and `test.yml`, by act with the real `./lab`. test/e2e/nightly.test.ts has a lab that does. */
describe("a workflow that needs root", () => {
  let place: Workplace;
  let forge: ForgeServer;

  beforeAll(async () => {
    [place, forge] = await Promise.all([Workplace.create(), ForgeServer.start()]);
  });
  afterAll(async () => {
    await forge?.close();
    await place?.close();
  });

  const run = (file: string, event: Event, at: string) =>
    place.run(file, event, { at, api: forge.url, ownNetwork: file === "embedded.yml" });
  const push: Event = { name: "push", payload: { ref: "refs/heads/main" } };
  const nightly: Event = { name: "schedule", payload: { schedule: "43 3 * * *" } };
  const pull = (head: string, { from = "ann/lab", labels = [] as string[], base = place.main } = {}): Event => ({
    name: "pull_request",
    payload: {
      action: "labeled",
      pull_request: {
        number: 1,
        base: { sha: base },
        head: { sha: head, repo: { full_name: from } },
        labels: labels.map((name) => ({ name })),
      },
    },
  });
  const ended = ({ jobs, log }: Run, expected: Run["jobs"]) => {
    expect([jobs, JSON.stringify(jobs) === JSON.stringify(expected) ? "" : log.slice(-6000)]).toEqual([expected, ""]);
  };

  describe("brings up no lab", () => {
    let broken: string;
    beforeAll(async () => {
      broken = await place.commit(place.main, "refs/heads/main", (folder) =>
        Workplace.settings(folder, "sim", (config) => {
          config["homelab:machines"][1].address = "10.0.0.1";
        }),
      );
    });

    it.each([
      ["at night", nightly],
      ["after a merge", push],
    ])(
      "%s where it has none to bring up, takes down what may be there, records nothing, and leaves a cache that can be saved",
      async (_, event) => {
        const done = await run("embedded.yml", event, broken);
        ended(done, { sim: "failure" });
        expect(done.log).toContain("10.0.0.1");
        expect(done.log).toMatch(/Success - Main Take it down/);
        expect(await place.git("ls-remote", "origin", "refs/lab/*")).toBe("");
        expect(await place.unreadable()).toEqual([]);
      },
    );

    it.each(["ann/lab", "mallory/lab"])("on a pull request without the label, from %s", async (from) => {
      ended(await run("embedded.yml", pull(broken, { labels: ["bug"], from }), broken), {});
    });
  });

  describe("with a lab of which only `up` is replaced", () => {
    let base: string;
    let head: string;
    beforeAll(async () => {
      base = await place.commit(place.main, "refs/heads/main", async (folder) => {
        await fs.rename(path.join(folder, "lab"), path.join(folder, "lab.real"));
        await fs.writeFile(path.join(folder, "lab"), upReplaced, { mode: 0o755 });
      });
      head = await place.commit(base, "refs/pull/1/head", (folder) => fs.writeFile(path.join(folder, "note"), "head"));
    });
    beforeEach(() => fs.rm(place.artifacts, { recursive: true, force: true }));
    const ups = ({ log }: Run) => [...log.matchAll(/\| up at ([0-9a-f]{40})/g)].map((match) => match[1]);
    const recorded = () => place.git("ls-remote", "origin", "refs/lab/*");
    const labelled = { labels: ["bring-up"] };

    it.each([
      ["after a merge", push],
      ["at night", nightly],
    ])("%s: brings it up, takes it down, and records what was there, also where main has moved on since", async (_, event) => {
      await place.git("push", "--quiet", "--force", "origin", `${head}:refs/heads/main`, ":refs/lab/recordings/sim");
      const done = await run("embedded.yml", event, base);
      ended(done, { sim: "success", record: "success" });
      expect([ups(done), await recorded()]).toEqual([[base], expect.stringMatching(/refs\/lab\/recordings\/sim$/)]);
      expect(done.log).toMatch(/Success - Main Take it down/);
    });

    it.each([
      ["a pull request", "ann/lab"],
      ["a fork's", "mallory/lab"],
    ])(
      "on %s with the label: from the target branch to the event's head, also where that has moved on, and records nothing",
      async (_, from) => {
        await place.git("push", "--quiet", "--force", "origin", `${base}:refs/pull/1/head`, ":refs/lab/recordings/sim");
        const done = await run("embedded.yml", pull(head, { ...labelled, from, base }), head);
        ended(done, { sim: "success" });
        expect([ups(done), await recorded(), await fs.readdir(place.artifacts).catch(() => [])]).toEqual([[base, head], "", []]);
      },
    );

    it.each([
      ["data that the head would lose without consent", "refused: data would be lost", "head"],
      ["a target branch that does not come up", "no preview", "base"],
    ])("on a pull request with the label, and %s: fails, and is taken down", async (_, why, where) => {
      const broken = await place.commit(where === "base" ? base : head, "refs/pull/1/head", (folder) =>
        fs.writeFile(path.join(folder, "refused"), `${why}\n`),
      );
      const event = where === "base" ? pull(head, { ...labelled, base: broken }) : pull(broken, { ...labelled, base });
      const done = await run("embedded.yml", event, head);
      ended(done, { sim: "failure" });
      expect([ups(done), done.log.includes(why)]).toEqual([where === "base" ? [broken] : [base, broken], true]);
      expect(done.log).toMatch(/Success - Main Take it down/);
    });
  });

  describe("runs the README's test command", () => {
    let passing: string;
    let failing: string;
    beforeAll(async () => {
      // All tests in a test would never end: `.ci/run` and `npm test` are the real ones, of the tests one file is left.
      passing = await place.commit(place.main, "refs/heads/main", async (folder) => {
        const tests = path.join(folder, "test");
        for (const project of ["unit", "integration", "e2e", "forge"]) {
          await fs.rm(path.join(tests, project), { recursive: true });
        }
        await fs.mkdir(path.join(tests, "unit"));
        await fs.writeFile(path.join(tests, "unit", "one.test.ts"), 'it("passes", () => expect(process.getuid?.()).toBe(0));\n');
        for (const project of ["integration", "e2e", "forge"]) {
          await fs.mkdir(path.join(tests, project));
          await fs.writeFile(path.join(tests, project, ".gitkeep"), "");
        }
      });
      failing = await place.commit(passing, "refs/pull/1/head", (folder) =>
        fs.writeFile(path.join(folder, "test", "unit", "one.test.ts"), 'it("fails", () => expect(1).toBe(2));\n'),
      );
    });

    it.each([
      ["after a merge", () => push],
      ["on a pull request", () => pull(passing)],
      ["on a fork's pull request", () => pull(passing, { from: "mallory/lab" })],
    ])("%s, as root with the runner's tools and cache", async (_, event) => {
      const done = await run("test.yml", event(), passing);
      ended(done, { test: "success" });
      expect(done.log).toContain("1 passed, 0 failed");
      expect(await place.unreadable()).toEqual([]);
    });

    it("and fails where it fails", async () => {
      const done = await run("test.yml", pull(failing, { from: "mallory/lab" }), failing);
      ended(done, { test: "failure" });
      expect(done.log).toContain("0 passed, 1 failed");
      expect(await place.unreadable()).toEqual([]);
    });
  });
});
