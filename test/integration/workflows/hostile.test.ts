import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { ForgeServer } from "../../support/forge-server";
import { type Chosen, outsideCode, pullRequest, textsBelow, workflowRun } from "../../support/pull-request-events";
import { type Run, Workplace } from "../../support/workplace";

jest.setTimeout(1_800_000);

/** What the main branch's jobs are given; those of a fork get a token that can read, and no secret. No file of the checkout has them. */
const secrets = { GITHUB_TOKEN: `canary-token-${randomUUID()}`, PULUMI_CONFIG_PASSPHRASE: `canary-passphrase-${randomUUID()}` };
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
    const done = await place.run(file, event, {
      at,
      api: forge.url,
      secrets: given,
      variables: { LAB_STACKS: '["sim"]' },
      ownTemporary: true,
    });
    runs.push(done);
    return done;
  };
  const forks = { GITHUB_TOKEN: "read-only" };
  /** Both workflows, as a forge runs them on a fork's pull request: its own one at its head, the one that may write at main. */
  const opened = async (edit: (folder: string) => Promise<void>, { message, ...chosen }: Chosen & { message?: string } = {}) => {
    const head = await place.commit(place.main, `refs/pull/${number}/head`, edit, message);
    forge.pulls = [{ number, state: "open", head: { sha: head, repo: { full_name: "mallory/lab" } }, labels: [] }];
    const report = await run("preview.yml", pullRequest(number, place.main, head, "mallory/lab", chosen), head, forks);
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

  /** What whoever writes a text may hope that a runner obeys. */
  const commands = ["::add-mask::sim", "::set-output name=labelled::true", "##[add-mask]sim", "::stop-commands::x", "::error::obeyed"];
  const shell = "$(touch pwned)`touch pwned`;touch pwned";
  /** The runner has obeyed nobody but the lab: it says so of each command, and shows a word that it hides as three stars. */
  const obeyedNobody = ({ log }: Run) => {
    const obeyed = log.split("\n").filter((line) => /[⚙❗🚧💬❓]/u.test(line) || line.includes("***"));
    expect(obeyed.filter((line) => !/⚙ {2}Summary - |❗ {2}::error( file=Pulumi\.\w+\.yaml,line=\d+)?::sim: /u.test(line))).toEqual([]);
  };

  it("with names and texts that mention, link, are HTML, hide, turn around, or are commands: all of it stays a text", async () => {
    const texts = [
      "@everyone `@everyone` ```\n@everyone\n```",
      "</details><img src=x onerror=alert(1)> <!-- homelab-report -->",
      "[click](https://evil.example) ![pixel](https://evil.example/a.png) www.evil.example",
      "\u202egnp.exe \u0007\u001b[31m | a | b |\n\n# Heading",
      commands.join("\n"),
    ];
    const [title, touch] = [[shell, ...texts].join("\n"), shell.replaceAll(" ", "${IFS}")];
    const branch = `refs/heads/x${touch}\u202e`;
    const { report, comment, written } = await opened(
      async (folder) => {
        for (const name of [
          "::add-mask::sim",
          "##[add-mask]sim",
          shell,
          "Pulumi.`touch pwned`.yaml",
          "a\n::add-mask::sim",
          "\u202e",
          "@everyone",
        ]) {
          await fs.writeFile(path.join(folder, name), commands.join("\n"));
        }
        await settings((config) => {
          config["homelab:machines"][0].notes = texts.slice(0, 2).join(" ");
          config["homelab:machines"][1].notes = texts.slice(2).join(" ");
        })(folder);
      },
      { title, body: title, ref: branch.slice("refs/heads/".length), message: title },
    );
    expect([report.jobs, comment.jobs]).toEqual([{ report: "success" }, { comment: "success" }]);
    expect(written).toEqual([expect.stringMatching(/No data is lost[\s\S]*evil\.example/)]);
    harmless(written[0]);
    [report, comment].forEach(obeyedNobody);
    expect(await place.named("pwned")).toEqual([]);
  });

  it("with settings that are refused: neither their names nor their texts get out of the message, and no runner obeys them", async () => {
    const { report, comment, written } = await opened(
      settings((config) => {
        config["homelab:machines"][1].name = `@everyone <img src=x> [a](https://evil.example)\n${commands.join("\n")}`;
        config["homelab:machines"][0].name = shell;
        config["homelab:taskServers"].organisations[0].users.push({ name: "@everyone <b>" }, { name: shell }, { name: commands[0] });
        config["homelab:taskServers"].organisations.push({ name: "[org](https://evil.example)", users: [{ name: "`x`" }] });
        config["homelab:@everyone"] = { "<b>": "https://evil.example" };
        config[`homelab:a\n${commands.join("\n")}`] = commands.join("\n");
      }),
    );
    expect(report.jobs).toEqual({ report: "failure" });
    expect(written).toEqual([expect.stringContaining("no report")]);
    harmless(written[0]);
    [report, comment].forEach(obeyedNobody);
    expect(await place.named("pwned")).toEqual([]);
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

  it("that changes or deletes the workflows which report on it: its token writes nothing, and main's job says that there is no report", async () => {
    const { report, written } = await opened(async (folder) => {
      const file = path.join(folder, ".github", "workflows", "preview.yml");
      await fs.rm(path.join(path.dirname(file), "comment.yml"));
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
        'env >> "$GITHUB_STEP_SUMMARY"',
        'for file in "$GITHUB_ENV" "$GITHUB_OUTPUT"; do echo "SEEN=$(env | tr "\\n" " ")" >> "$file"; done',
        // Until the test, which looks all the time, has seen them.
        "sleep 2",
      ];
      await fs.writeFile(path.join(folder, "lab"), `${script.join("\n")}\n`, { mode: 0o755 });
    });
    expect([report.jobs, comment.jobs]).toEqual([{ report: "success" }, { comment: "success" }]);
    expect(written).toEqual([expect.stringContaining("No data is lost")]);
    harmless(written[0]);
  });

  it("that changes the scripts of package.json, npm's settings and hooks, and brings links, submodules and 64 MiB: the report is right", async () => {
    const { report, head, written } = await opened(async (folder) => {
      const file = path.join(folder, "package.json");
      const parsed = JSON.parse(await fs.readFile(file, "utf8"));
      const names = ["preinstall", "install", "postinstall", "prepare", "pretest", "test", "posttest"];
      for (const name of names) {
        parsed.scripts[name] = `echo "::ran ${name}"; env`;
      }
      await fs.writeFile(file, JSON.stringify(parsed));
      const ran = (what: string) => `#!/bin/sh\necho "::ran ${what}"; env\n`;
      await fs.writeFile(path.join(folder, ".npmrc"), "script-shell=./evil.sh\nignore-scripts=false\nregistry=http://127.0.0.1:9/\n");
      await fs.writeFile(path.join(folder, "evil.sh"), ran("script-shell"), { mode: 0o755 });
      for (const hook of ["post-checkout", "post-merge", "pre-commit", "reference-transaction"]) {
        await fs.mkdir(path.join(folder, ".githooks"), { recursive: true });
        await fs.writeFile(path.join(folder, ".githooks", hook), ran(hook), { mode: 0o755 });
      }
      await fs.writeFile(path.join(folder, ".gitattributes"), "* filter=evil export-ignore\n");
      await fs.symlink("/etc/passwd", path.join(folder, "docs", "passwd"));
      await fs.symlink("../../../../..", path.join(folder, "docs", "root"));
      await fs.writeFile(path.join(folder, "huge.bin"), Buffer.alloc(64 << 20));
      await fs.writeFile(path.join(folder, ".gitmodules"), `[submodule "evil"]\n\tpath = evil\n\turl = ext::sh -c "touch% pwned"\n`);
      await fs.mkdir(path.join(folder, "evil"));
      execFileSync("git", ["update-index", "--add", "--cacheinfo", `160000,${place.main},evil`], { cwd: folder });
    });
    expect([report.jobs, written]).toEqual([{ report: "success" }, [expect.stringContaining("- `sim`: Nothing changes.")]]);
    expect(report.log).not.toContain("::ran");
    expect(await place.named("pwned")).toEqual([]);
    const tested = await run("test.yml", pullRequest(number, place.main, head, "mallory/lab"), head, forks);
    expect(tested.log).toMatch(/::ran test/);
  });

  it("that changes whatever else runs, the loader and the engine's program: it sees no secret, and main's job writes what it left", async () => {
    const { report, comment, written } = await opened(async (folder) => {
      const seen = 'JSON.stringify(process.env) + fs.readFileSync("/proc/self/environ")';
      const tell = `{ const fs = require("node:fs"); fs.mkdirSync(__dirname + "/review", { recursive: true }); fs.appendFileSync(__dirname + "/review/seen", ${seen}); }\n`;
      const loader = path.join(folder, "load-typescript.cjs");
      await fs.writeFile(loader, `${tell}${await fs.readFile(loader, "utf8")}`);
      const project = path.join(folder, "Pulumi.yaml");
      await fs.writeFile(project, (await fs.readFile(project, "utf8")).replace("main: index.ts", "main: evil.ts"));
      await fs.writeFile(path.join(folder, "evil.ts"), `${tell}export * from "./index";\n`);
    });
    const seen = await fs.readFile(path.join(place.artifacts, "review", "seen"), "utf8");
    expect([report.jobs, seen.includes("PULUMI_BACKEND_URL")]).toEqual([{ report: "success" }, true]);
    expect([comment.jobs, written]).toEqual([{ comment: "success" }, [expect.stringContaining("- `sim`: Nothing changes.")]]);
    harmless(written[0]);
  });

  it("that brings npm packages of its own: the main branch's job has those of the main branch", async () => {
    const { report, comment, written } = await opened(async (folder) => {
      await fs.mkdir(path.join(folder, "node_modules", "sucrase"), { recursive: true });
      await fs.writeFile(path.join(folder, "node_modules", ".package-lock.json"), "{}");
      await fs.writeFile(path.join(folder, "node_modules", "sucrase", "package.json"), '{"version":"1","main":"index.js"}');
      await fs.writeFile(path.join(folder, "node_modules", "sucrase", "index.js"), 'console.log("::ran", process.env); process.exit(1);');
      execFileSync("git", ["add", "--force", "node_modules"], { cwd: folder });
    });
    expect([report.jobs, comment.jobs]).toEqual([{ report: "failure" }, { comment: "success" }]);
    expect([report.log.includes("::ran"), comment.log.includes("::ran")]).toEqual([true, false]);
    expect(written).toEqual([expect.stringContaining("The report could not be made.")]);
  });

  it.each([
    [
      "a link to what the job of the main branch has in its environment, beside files that would run if they got out",
      async (folder: string) => {
        await fs.symlink("/proc/self/environ", path.join(folder, "review.json"));
        for (const name of [
          "lab",
          ".git/hooks/post-checkout",
          ".git/config",
          "node_modules/.package-lock.json",
          "..\\lab",
          "-rf",
          "20/review.json",
        ]) {
          await fs.mkdir(path.dirname(path.join(folder, name)), { recursive: true });
          await fs.writeFile(path.join(folder, name), '#!/bin/sh\necho "::ran"; env\n', { mode: 0o755 });
        }
        await fs.symlink("../lab", path.join(folder, "link"));
      },
      "a link or a device, not a file",
    ],
    [
      "a gigabyte",
      async (folder: string) => {
        await fs.writeFile(path.join(folder, "review.json"), "{}");
        await fs.truncate(path.join(folder, "review.json"), 1 << 30);
      },
      "too large",
    ],
  ])("whose artefact is %s: refused in one sentence, which its comment says, and nothing of it is written", async (_, make, why) => {
    const head = await place.commit(place.main, `refs/pull/${number}/head`, async () => undefined);
    forge.pulls = [{ number, state: "open", head: { sha: head, repo: { full_name: "mallory/lab" } }, labels: [] }];
    const folder = path.join(place.artifacts, "review");
    await fs.mkdir(folder, { recursive: true });
    await make(folder);
    const done = await run("comment.yml", workflowRun("completed", head, "success"), place.main, secrets);
    await fs.rm(place.artifacts, { recursive: true });
    expect([done.jobs, done.log.includes("::ran")]).toEqual([{ comment: "failure" }, false]);
    expect(done.log).toMatch(new RegExp(`review/review\\.json: ${why}`));
    const written = (forge.comments.get(number) ?? []).map(({ body }) => body);
    expect(written).toEqual([expect.stringContaining(`The report is refused: \`${why}`)]);
    harmless(written[0]);
  });

  it("finds no secret: none in a log, an artefact or a comment", () => {
    const everything = [...runs.map(({ log }) => log), ...left].join("\n");
    expect([runs.length > 18, everything.includes("GITHUB_API_URL=")]).toEqual([true, true]);
    expect(Object.values(secrets).filter((canary) => everything.includes(canary))).toEqual([]);
  });

  it("finds none in what jobs hand to one another, nor in what they leave on the runner's computer", async () => {
    const { runnersFiles } = place;
    // Controls: the environment that a stranger's `lab` wrote into each of them, and what main's job ran.
    const seen = runnersFiles.filter(({ text }) => text.includes("GITHUB_API_URL=")).map(({ name }) => path.basename(name));
    expect([...new Set(seen)].sort()).toEqual(["SUMMARY.md", "envs.txt", "outputcmd.txt"]);
    expect(runnersFiles.some(({ text }) => text.includes("./lab forge comment"))).toBe(true);
    const found = runnersFiles.filter(({ text }) => Object.values(secrets).some((canary) => text.includes(canary)));
    expect(found.map(({ name }) => name)).toEqual([]);

    const planted = path.join(place.work(), "tmp", "planted");
    await fs.writeFile(planted, `\0${secrets.PULUMI_CONFIG_PASSPHRASE}`);
    expect(await place.leftWith(Object.values(secrets))).toEqual([planted]);
  });
});
