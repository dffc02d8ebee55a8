import * as fs from "node:fs/promises";
import * as path from "node:path";
import { ForgeServer } from "../../support/forge-server";
import { outsideCode, pullRequest, textsBelow, workflowRun } from "../../support/pull-request-events";
import { type Run, Workplace } from "../../support/workplace";

jest.setTimeout(1_800_000);

/** What the main branch's jobs are given; those of a fork get a token that can read, and no secret. */
const secrets = { GITHUB_TOKEN: "canary-token-0001", PULUMI_CONFIG_PASSPHRASE: "canary-passphrase-0002" };
const recording = path.resolve(__dirname, "../../fixtures/recordings/sim.recording");

/** Pull requests of strangers who mean harm, each through the jobs that a forge would run on it. */
describe("a hostile pull request", () => {
  let place: Workplace;
  let forge: ForgeServer;
  const runs: Run[] = [];
  const left: string[] = [];
  let number = 20;

  beforeAll(async () => {
    [place, forge] = await Promise.all([Workplace.create(), ForgeServer.start()]);
    await place.record("sim", recording);
    forge.mayWrite.add(secrets.GITHUB_TOKEN);
  });
  afterAll(async () => {
    await forge?.close();
    await place?.close();
  });
  beforeEach(async () => {
    number++;
    Object.assign(forge, { comments: new Map(), requests: [] });
    await fs.rm(place.artifacts, { recursive: true, force: true });
  });
  afterEach(async () => {
    left.push(...(await textsBelow(place.artifacts)), JSON.stringify([...forge.comments]));
  });

  const run = async (...[file, event, at, given]: [string, Parameters<Workplace["run"]>[1], string, Record<string, string>]) => {
    const done = await place.run(file, event, { at, api: forge.url, secrets: given, variables: { LAB_STACKS: '["sim"]' } });
    runs.push(done);
    return done;
  };
  /** Both workflows, as a forge runs them on a fork's pull request: its own one at its head, the one that may write at main. */
  const opened = async (edit: (folder: string) => Promise<void>) => {
    const head = await place.commit(place.main, `refs/pull/${number}/head`, edit);
    forge.pulls = [{ number, state: "open", head: { sha: head, repo: { full_name: "mallory/lab" } }, labels: [] }];
    const report = await run("preview.yml", pullRequest(number, place.main, head, "mallory/lab"), head, { GITHUB_TOKEN: "read-only" });
    const ended = report.jobs.report ?? "success";
    const comment = await run("comment.yml", workflowRun("completed", head, ended), place.main, secrets);
    return { report, comment, head, written: (forge.comments.get(number) ?? []).map(({ body }) => body) };
  };
  const settings = (edit: (config: any) => void) => (folder: string) => Workplace.settings(folder, "sim", edit);
  /** Mentions nobody, links nowhere, holds no HTML but the program's own, and fits. */
  const harmless = (comment: string) => {
    const rest = outsideCode(comment);
    expect(rest).not.toMatch(/(^|[^\w`])@\w|https?:|www\.|!?\[[^\]]*\]\(|\p{Cf}/u);
    expect((rest.match(/<[^>]*>/g) ?? []).filter((tag) => !/^<!-- homelab-|^<\/?(details|summary)>$/.test(tag))).toEqual([]);
    expect(comment.length).toBeLessThan(65_536);
  };

  it("with names and texts that mention, link, are HTML, hide or turn around: all of it stays a text", async () => {
    const texts = [
      "@everyone `@everyone` ```\n@everyone\n```",
      "</details><img src=x onerror=alert(1)> <!-- homelab-report -->",
      "[click](https://evil.example) ![pixel](https://evil.example/a.png) www.evil.example",
      "\u202egnp.exe \u0007\u001b[31m | a | b |\n\n# Heading",
    ];
    const { report, written } = await opened(
      settings((config) => {
        config["homelab:machines"][0].notes = texts.slice(0, 2).join(" ");
        config["homelab:machines"][1].notes = texts.slice(2).join(" ");
        config["homelab:taskServers"].organisations[0].users.push({ name: "@everyone <b>" });
        config["homelab:taskServers"].organisations.push({ name: "[org](https://evil.example)", users: [{ name: "`x`" }] });
      }),
    );
    expect(report.jobs).toEqual({ report: expect.any(String) });
    expect(written).toHaveLength(1);
    harmless(written[0]);
  });

  it("with settings that are refused: neither their names nor their texts get out of the message", async () => {
    const { report, written } = await opened(
      settings((config) => {
        config["homelab:machines"][1].name = "@everyone <img src=x> [a](https://evil.example)";
        config["homelab:@everyone"] = { "<b>": "https://evil.example" };
      }),
    );
    expect(report.jobs).toEqual({ report: "failure" });
    expect(written).toEqual([expect.stringContaining("no report")]);
    harmless(written[0]);
  });

  it("that deletes a server: what is lost is said first, and the check fails where the machines are protected", async () => {
    const { report, written } = await opened(
      settings((config) => {
        config["homelab:protect"] = true;
        config["homelab:machines"][1].role = "server";
        config["homelab:machines"].shift();
      }),
    );
    expect(report.jobs).toEqual({ report: "failure" });
    expect(written[0]).toMatch(/- `sim`: \*\*Data is lost on [^\n]*machine `node1`/);
    harmless(written[0]);
  });

  it("that changes the workflow which reports on it: its token writes nothing, and main's job says that there is no report", async () => {
    const { report, written } = await opened(async (folder) => {
      const file = path.join(folder, ".github", "workflows", "preview.yml");
      const text = await fs.readFile(file, "utf8");
      await fs.writeFile(
        file,
        text
          .replace(
            'run: ./lab review --base "$BASE" --stacks "$STACKS" --output review',
            [
              "run: |",
              '          env; cat "$GITHUB_EVENT_PATH"',
              `          curl --silent --request POST --header "authorization: Bearer $FORGE_TOKEN" --data '{"body":"@everyone"}' "$GITHUB_API_URL/repos/ann/lab/issues/${number}/comments"`,
              "        ",
            ].join("\n"),
          )
          .replace(
            "BASE: ${{",
            "FORGE_TOKEN: ${{ github.token }}\n          PASSPHRASE: ${{ secrets.PULUMI_CONFIG_PASSPHRASE }}\n          BASE: ${{",
          ),
      );
    });
    expect(report.log).toContain("Resource not accessible by integration");
    expect(written).toEqual([expect.stringContaining("The report could not be made.")]);
    harmless(written[0]);
  });

  it("that changes `lab`: what it leaves behind is data, of 1,000 machines at once if it likes", async () => {
    const forged = (stacks: unknown[]) => (head: string, base: string) => JSON.stringify({ format: 1, base, head, stacks });
    const lie = { counts: { destroys: 0, interrupts: 500, adds: 0, edits: 500 }, machines: {}, consents: [], destructive: false };
    // As many as a lie may have: names of 1,000 machines.
    const effects = Array.from({ length: 1000 }, (_, index) => ({
      gravity: index % 2 ? "edits" : "interrupts",
      subject: `@everyone-${index}`,
      kind: "machine",
      what: `<b>[x](https://evil.example/${index})</b>`,
      urn: "",
      properties: [],
      causes: [{ setting: "@everyone", file: "https://evil.example", line: index + 1 }],
    }));
    const review = forged([
      {
        stack: "sim",
        report: { stack: "sim", ...lie, effects },
        diff: Array.from({ length: 10_000 }, () => "```</details><script>@everyone"),
        recorded: { at: "@everyone", commit: "<b>", unapplied: [] },
      },
    ]);
    const { report, comment, written } = await opened(async (folder) => {
      const script = [
        "#!/bin/bash",
        "mkdir -p review; env > review/env; cat /proc/*/environ > review/environs 2>/dev/null",
        `cat > review/review.json <<'EOT'\n${review("HEAD", place.main)}\nEOT`,
        'sed -i "s/\\"HEAD\\"/\\"$(git rev-parse HEAD)\\"/" review/review.json',
        'echo "::set-output name=x::y"',
      ];
      await fs.writeFile(path.join(folder, "lab"), `${script.join("\n")}\n`, { mode: 0o755 });
    });
    expect([report.jobs, comment.jobs]).toEqual([{ report: "success" }, { comment: "success" }]);
    expect(written).toEqual([expect.stringContaining("No data is lost")]);
    harmless(written[0]);
  });

  it("that changes the scripts of package.json: none of them runs where its report is made, and the tests' see no secret", async () => {
    const { report, head, written } = await opened(async (folder) => {
      const file = path.join(folder, "package.json");
      const parsed = JSON.parse(await fs.readFile(file, "utf8"));
      const names = ["preinstall", "install", "postinstall", "prepare", "pretest", "test", "posttest"];
      for (const name of names) {
        parsed.scripts[name] = `echo "::ran ${name}"; env`;
      }
      await fs.writeFile(file, JSON.stringify(parsed));
    });
    expect([report.jobs, written]).toEqual([{ report: "success" }, [expect.stringContaining("- `sim`: Nothing changes.")]]);
    expect(report.log).not.toContain("::ran");
    const tested = await run("test.yml", pullRequest(number, place.main, head, "mallory/lab"), head, { GITHUB_TOKEN: "read-only" });
    expect(tested.log).toMatch(/::ran test/);
  });

  it("finds no secret: none in a log, an artefact or a comment", () => {
    const everything = [...runs.map(({ log }) => log), ...left].join("\n");
    expect([runs.length > 12, everything.includes("GITHUB_API_URL=")]).toEqual([true, true]);
    expect(Object.values(secrets).filter((canary) => everything.includes(canary))).toEqual([]);
  });
});
