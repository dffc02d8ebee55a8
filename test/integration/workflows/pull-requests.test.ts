import * as fs from "node:fs/promises";
import * as path from "node:path";
import { ForgeServer } from "../../support/forge-server";
import { pullRequest as event, outsideCode, textsBelow, workflowRun } from "../../support/pull-request-events";
import { type Event, type Run, Workplace } from "../../support/workplace";

jest.setTimeout(900_000);

/** One in each place where a forge keeps secrets; a pull request's code must see none of them. */
const secrets = { GITHUB_TOKEN: "canary-token-0001", PULUMI_CONFIG_PASSPHRASE: "canary-passphrase-0002" };
const recording = path.resolve(__dirname, "../../fixtures/recordings/sim.recording");

/** `preview.yml` and `comment.yml`, every job, run by act on pull requests, with the real `./lab`. */
describe("a pull request", () => {
  let place: Workplace;
  let forge: ForgeServer;
  const runs: Run[] = [];
  /** What was left in artefacts and comments. */
  const left: string[] = [];

  beforeAll(async () => {
    [place, forge] = await Promise.all([Workplace.create(), ForgeServer.start()]);
    await place.record("sim", recording);
  });
  afterAll(async () => {
    await forge?.close();
    await place?.close();
  });
  beforeEach(async () => {
    Object.assign(forge, { pulls: [], comments: new Map(), issues: [], requests: [] });
    forge.mayWrite.clear();
    forge.mayWrite.add(secrets.GITHUB_TOKEN);
    await fs.rm(place.artifacts, { recursive: true, force: true });
  });

  afterEach(async () => {
    left.push(...(await textsBelow(place.artifacts)), JSON.stringify([...forge.comments]));
  });

  const open = (number: number, sha: string, repository = "ann/lab") => {
    forge.pulls = [{ number, state: "open", head: { sha, repo: { full_name: repository } }, labels: [] }];
  };
  const run = async (file: string, what: Event, at: string, given: Record<string, string> = secrets) => {
    const done = await place.run(file, what, { at, api: forge.url, secrets: given, variables: { LAB_STACKS: '["sim","vm"]' } });
    runs.push(done);
    return done;
  };
  const comment = (number: number) => (forge.comments.get(number) ?? []).map(({ body }) => body);
  /** The program tells all that it can see, in what is left behind for everybody to read. */
  const tellAll = async (folder: string) => {
    const program = path.join(folder, "index.ts");
    const tell = 'require("node:fs").appendFileSync(`${__dirname}/review/seen`, JSON.stringify(process.env));';
    await fs.writeFile(program, `${tell}\n${await fs.readFile(program, "utf8")}`);
  };
  const edited = (base: string, ref: string, edit: (config: any) => void) =>
    place.commit(base, ref, (folder) => Workplace.settings(folder, "sim", edit));

  it("gets one comment that says what happens and why, edited by its next commit", async () => {
    const first = await place.commit(place.main, "refs/heads/change", async (folder) => {
      await tellAll(folder);
      await Workplace.settings(folder, "sim", (config) => {
        config["homelab:machines"][1].notes = "under the desk";
      });
    });
    open(7, first);
    const done = await run("preview.yml", event(7, place.main, first), first);
    expect([done.jobs, done.code === 0 ? "" : done.log.slice(-4000)]).toEqual([{ report: "success", comment: "success" }, ""]);
    expect(comment(7)).toEqual([expect.stringContaining("- `sim`: No data is lost, nothing is interrupted: 0 pods restart.")]);
    // A stack that nobody has recorded yet is no failure.
    expect(comment(7)[0]).toContain("- `vm`: no report: `not recorded yet: run './lab record --stack vm --push origin'");
    expect(comment(7)[0]).toMatch(
      /machine `node2`: edited in MAAS \(because of `homelab:machines\[node2\]\.notes` at `Pulumi\.sim\.yaml:\d+`\)/,
    );

    const second = await edited(first, "refs/heads/change", (config) => {
      config["homelab:machines"][1].notes = "";
    });
    open(7, second);
    const soon = await run("comment.yml", workflowRun("requested", second, null, "ann/lab"), place.main);
    expect([soon.jobs, comment(7)]).toEqual([{ outdated: "success" }, [expect.stringContaining("> **Out of date:** a newer commit")]]);
    const again = await run("preview.yml", event(7, place.main, second), second);
    expect(again.jobs).toEqual({ report: "success", comment: "success" });
    expect(comment(7)).toEqual([expect.stringContaining("- `sim`: Nothing changes.")]);
    // Its own run has written the comment: the workflow for forks has nothing to do.
    expect((await run("comment.yml", workflowRun("completed", second, "success", "ann/lab"), place.main)).jobs).toEqual({});
  });

  it("fails its check where data would be lost without consent, names the line, and gets its comment all the same", async () => {
    const base = await edited(place.main, "refs/heads/main", (config) => {
      config["homelab:protect"] = true;
    });
    const head = await edited(base, "refs/heads/change", (config) => {
      config["homelab:machines"][1].address = "192.168.200.22";
    });
    open(8, head);
    const done = await run("preview.yml", event(8, base, head), head);
    expect(done.jobs).toEqual({ report: "failure", comment: "success" });
    expect(done.log).toMatch(/::error file=Pulumi\.sim\.yaml,line=\d+::sim: machine node2: reinstalled/);
    expect(done.log).toContain("Data is lost on machine node2. Nobody has consented to that.");
    expect(comment(8)[0]).toContain("`up` refuses this. If it is what you want, add to the stack file:");
  });

  it("is told that there is no report where its settings are wrong", async () => {
    const head = await edited(place.main, "refs/heads/change", (config) => {
      config["homelab:machines"][1].address = "10.0.0.1";
    });
    open(9, head);
    const done = await run("preview.yml", event(9, place.main, head), head);
    expect(done.jobs).toEqual({ report: "failure", comment: "success" });
    expect(comment(9)[0]).toMatch(/- `sim`: no report: `.*10\.0\.0\.1/);
  });

  it("that has moved on meanwhile is left to its newer run", async () => {
    const head = await edited(place.main, "refs/heads/change", (config) => {
      config["homelab:machines"][1].notes = "old";
    });
    open(10, "f".repeat(40));
    const done = await run("preview.yml", event(10, place.main, head), head);
    expect([done.jobs, comment(10)]).toEqual([{ report: "success", comment: "success" }, []]);
    expect(done.log).toContain("pull request 10 has moved on");
  });

  describe("from a fork", () => {
    /** What a fork's run is given: a token that can read, and no secret. */
    const forks = { GITHUB_TOKEN: "read-only" };

    it("gets its comment from the main branch's code, whatever its own code does, and sees no secret", async () => {
      const head = await place.commit(place.main, "refs/pull/11/head", async (folder) => {
        await Workplace.settings(folder, "sim", (config) => {
          config["homelab:machines"][1].notes = "@everyone <img src=x> [click](https://evil.example)";
        });
        await tellAll(folder);
      });
      open(11, head, "mallory/lab");
      const made = await run("preview.yml", event(11, place.main, head, "mallory/lab"), head, forks);
      expect([made.jobs, made.code === 0 ? "" : made.log.slice(-4000)]).toEqual([{ report: "success" }, ""]);
      expect(comment(11)).toEqual([]);
      const written = await run("comment.yml", workflowRun("completed", head, "success"), place.main);
      expect(written.jobs).toEqual({ comment: "success" });
      expect(comment(11)).toEqual([expect.stringContaining("- `sim`: No data is lost, nothing is interrupted: 0 pods restart.")]);
      expect(outsideCode(comment(11)[0])).not.toMatch(/everyone|<img|evil/);
    });

    it("that loses data fails its check, and the comment says on what", async () => {
      const base = await edited(place.main, "refs/heads/main", (config) => {
        config["homelab:protect"] = true;
      });
      const head = await edited(base, "refs/pull/14/head", (config) => {
        config["homelab:machines"][1].release = "jammy";
      });
      open(14, head, "mallory/lab");
      expect((await run("preview.yml", event(14, base, head, "mallory/lab"), head, forks)).jobs).toEqual({ report: "failure" });
      expect((await run("comment.yml", workflowRun("completed", head, "failure"), base)).jobs).toEqual({ comment: "success" });
      expect(comment(14)[0]).toContain("**Data is lost on machine `node2`.**");
    });

    it("whose settings are wrong, and that moves on before its comment is written, gets none about the old commit", async () => {
      const head = await edited(place.main, "refs/pull/15/head", (config) => {
        config["homelab:machines"][1].address = "10.0.0.1";
      });
      open(15, head, "mallory/lab");
      expect((await run("preview.yml", event(15, place.main, head, "mallory/lab"), head, forks)).jobs).toEqual({ report: "failure" });
      open(15, "f".repeat(40), "mallory/lab");
      const late = await run("comment.yml", workflowRun("completed", head, "failure"), place.main);
      expect([late.jobs, comment(15)]).toEqual([{ comment: "success" }, []]);
      expect(late.log).toContain("no open pull request has this commit");
      open(15, head, "mallory/lab");
      expect((await run("comment.yml", workflowRun("completed", head, "failure"), place.main)).jobs).toEqual({ comment: "success" });
      expect(comment(15)[0]).toMatch(/- `sim`: no report: `.*10\.0\.0\.1/);
    });

    it("cannot have its report written below another pull request, nor one about another commit", async () => {
      const head = await place.commit(place.main, "refs/pull/12/head", async () => undefined);
      forge.pulls = [
        { number: 12, state: "open", head: { sha: head, repo: { full_name: "mallory/lab" } }, labels: [] },
        { number: 3, state: "open", head: { sha: "e".repeat(40), repo: { full_name: "ann/lab" } }, labels: [] },
      ];
      const review = { format: 1, base: place.main, head: "e".repeat(40), stacks: [] };
      await fs.mkdir(path.join(place.artifacts, "review"), { recursive: true });
      await fs.writeFile(path.join(place.artifacts, "review", "review.json"), JSON.stringify(review));
      await fs.writeFile(path.join(place.artifacts, "review", "number"), "3\n");
      const refused = await run("comment.yml", workflowRun("completed", head, "success"), place.main);
      expect(refused.jobs).toEqual({ comment: "failure" });
      expect(refused.log).toContain("the run about");
      const about = `the review is about ${"e".repeat(40)}, the run about ${head}`;
      expect([comment(3), comment(12)]).toEqual([[], [expect.stringContaining(`The report is refused: \`${about}\`.`)]]);

      await fs.writeFile(
        path.join(place.artifacts, "review", "review.json"),
        JSON.stringify({ ...review, head, stacks: [{ stack: "a\n@everyone", problem: "" }] }),
      );
      const malformed = await run("comment.yml", workflowRun("completed", head, "success"), place.main);
      expect(malformed.jobs).toEqual({ comment: "failure" });
      expect(comment(12)).toEqual([expect.stringMatching(/The report is refused: `not a review: stacks[^`\n]*`\./)]);
    });

    it("is told that there is no report where its run left none, and is out of date while a newer commit is looked at", async () => {
      const head = await place.commit(place.main, "refs/pull/13/head", async () => undefined);
      open(13, head, "mallory/lab");
      expect((await run("comment.yml", workflowRun("completed", head, "cancelled"), place.main)).jobs).toEqual({});
      await run("comment.yml", workflowRun("completed", head, "failure"), place.main);
      expect(comment(13)).toEqual([expect.stringContaining("The report could not be made.")]);
      const marked = await run("comment.yml", workflowRun("requested", head, null), place.main);
      expect(marked.jobs).toEqual({ outdated: "success" });
      expect(comment(13)).toEqual([expect.stringContaining("> **Out of date:** a newer commit is being looked at.")]);
    });
  });

  it("leaves no secret in logs, artefacts or comments", async () => {
    expect(runs.length).toBeGreaterThan(5);
    const everything = [...runs.map(({ log }) => log), ...left].join("\n");
    // Both programs that told all that they could see were run.
    expect(everything.match(/"PULUMI_BACKEND_URL":"file:/g)?.length).toBeGreaterThan(1);
    expect(Object.values(secrets).filter((canary) => everything.includes(canary))).toEqual([]);
  });
});
