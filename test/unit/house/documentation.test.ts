import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Command } from "commander";
import { configOf } from "../../../cli/engine/settings-file";
import { machineOf } from "../../../cli/new/answers";
import { schemaFrom, stackFileText } from "../../../cli/new/new-stack";
import { references } from "../../../cli/reference/references";
import { labProgram } from "../../../cli/verbs/program";
import { dashboards } from "../../../components/watched";
import { parseSettings } from "../../../settings/validate";
import { actionlint } from "../../support/actionlint";
import { codeOf, commandsOf, partsOf, signatureOf } from "../../support/documented-commands";
import { executed, notRun } from "../../support/executed-commands";

const checkout = path.resolve(__dirname, "../../..");
const read = (file: string) => fs.readFileSync(path.join(checkout, file), "utf8");
const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: checkout, encoding: "utf8" }).split("\0");
const pages = tracked.filter(
  (file) => file.endsWith(".md") && !file.startsWith("docs/reference/") && fs.existsSync(path.join(checkout, file)),
);

/** Every `./lab …` of a page: lines of code blocks, and code in the text. */
function commandsIn(text: string): string[] {
  const inline = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]);
  const blocks = text.split("\n").filter((line) => /^\s*(\$ |[A-Z_]+=\S+ )?\.\/lab /.test(line));
  return [...inline, ...blocks].flatMap((code) => /(?:^|\s)\.\/lab( [^#&|;)]*)/.exec(code)?.[1].split(/ {3,}/)[0].trim() ?? []);
}

/** What is wrong with a command line, if anything is. */
function mistake(line: string): string | undefined {
  // Options in brackets may be left out.
  let rest = line.replace(/\[(--[^\]]*)\]/g, "$1").split(/\s+/);
  let command: Command = labProgram();
  for (;;) {
    const inner = command.commands.find((each) => each.name() === rest[0]);
    if (!inner) {
      // `lab restore FILE` is `lab restore cluster FILE`.
      const preset = (command as unknown as { _defaultCommandName?: string })._defaultCommandName;
      command = command.commands.find((each) => each.name() === preset) ?? command;
      break;
    }
    [command, rest] = [inner, rest.slice(1)];
  }
  if (command.name() === "lab") {
    return ["--help", "--version"].includes(rest[0]) || rest[0].startsWith("<") ? undefined : `there is no command ${rest[0]}`;
  }
  if (command.name() === "pulumi" || rest.includes("--help")) {
    return undefined;
  }
  const { operands, unknown } = command.parseOptions(rest);
  const most = command.registeredArguments.some(({ variadic }) => variadic) ? Number.POSITIVE_INFINITY : command.registeredArguments.length;
  return unknown.length > 0 ? `unknown ${unknown.join(" ")}` : operands.length > most ? `too many: ${operands.join(" ")}` : undefined;
}

describe("the documentation", () => {
  it("names only commands and options that exist", () => {
    const found = pages.flatMap((page) => commandsIn(read(page)).map((line) => [page, line] as const));
    expect(found.length).toBeGreaterThan(40);
    const wrong = found.flatMap(([page, line]) => (mistake(line) ? [`${page}: ./lab ${line}: ${mistake(line)}`] : []));
    expect(wrong).toEqual([]);
    expect([mistake("report --no-such"), mistake("upp")]).toEqual(["unknown --no-such", "there is no command upp"]);
  });

  it("shows only commands that the end-to-end tests run, or says why they do not", () => {
    // The tutorial's are read from it and run. What changed once, or was decided, nobody is asked to type.
    const typed = pages.filter((page) => !/^(CHANGELOG|docs\/tutorial|rig\/.*)\.md$/.test(page));
    const shown = typed.flatMap((page) => {
      const { blocks, inline } = codeOf(read(page));
      const commands = [...blocks, ...inline].flatMap(commandsOf).filter((words) => words.length > 1);
      return commands.flatMap((words) => partsOf(signatureOf(words)).map((part) => [page, part, words.join(" ")] as const));
    });
    expect(shown.length).toBeGreaterThan(150);
    const run = new Set(Object.values(executed).flat());
    const reasons = Object.keys(notRun);
    const begins = (text: string, start: string) => `${text} `.startsWith(`${start} `) || text.startsWith(`${start}=`);
    const excused = (part: string, command: string) => reasons.filter((start) => begins(part, start) || begins(command, start));
    const unknown = shown.filter(([, part, command]) => !run.has(part) && excused(part, command).length === 0);
    expect(unknown.map(([page, part]) => `${page}: ${part}`)).toEqual([]);
    const used = new Set(shown.flatMap(([, part, command]) => (run.has(part) ? [] : excused(part, command))));
    expect(reasons.filter((reason) => !used.has(reason))).toEqual([]);
    expect([...run].filter((part) => !shown.some(([, other]) => other === part))).toEqual([]);
  });

  it("has a picture of each dashboard with data in it, and recordings of up, report and task sync in README", () => {
    for (const { uid, title, rows } of dashboards("tasks")) {
      const drawn = read(`docs/dashboards/${uid.replace(/^homelab-/, "")}.svg`);
      expect(drawn).toContain(`<title>${title}</title>`);
      const charts = rows.flatMap(({ panels: all }) => all).filter(({ needs }) => needs !== "etcd");
      // An idle, healthy lab has values for all of them.
      expect([title, charts.length > 0, drawn.includes(">no data<")]).toEqual([title, true, false]);
    }
    for (const name of ["up", "report", "task-sync"]) {
      expect(read("README.md")).toContain(`docs/recordings/${name}.svg`);
      expect([
        name,
        /<svg [\s\S]*<\/svg>\s*$/.test(read(`docs/recordings/${name}.svg`)),
        /✘/.test(read(`docs/recordings/${name}.svg`)),
      ]).toEqual([name, true, false]);
    }
  });

  it("has a picture of the stack with its pages, each box named and each arrow one way", () => {
    const graph = read("docs/graph.svg");
    const arrows = [...graph.matchAll(/<title>(\w+)&#45;&gt;(\w+)<\/title>/g)].map(([, from, to]) => `${from} ${to}`);
    expect(arrows.length).toBeGreaterThan(20);
    expect(arrows.filter((arrow) => arrows.includes(arrow.split(" ").reverse().join(" ")))).toEqual([]);
    expect(graph).toContain(">Ingress ingress<");
    // A box that has nothing but a count of its resources has no name.
    const boxes = [...graph.matchAll(/<g id="node\d+" class="node">([\s\S]*?)<\/g>/g)].map(([, box]) => box.match(/<text/g)?.length);
    expect(boxes.length).toBeGreaterThan(20);
    expect(boxes.filter((texts = 0) => texts < 2)).toEqual([]);
  });

  it("links only to what is there", () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)]
        .map((match) => match[1])
        .filter((link) => !/^https?:/.test(link) && !fs.existsSync(path.resolve(checkout, path.dirname(page), link)))
        .map((link) => `${page}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it("lists every how-to, decision and reference page in docs/README.md", () => {
    const index = read("docs/README.md");
    const listed = pages.filter((file) => /^docs\/(how-to|decisions)\//.test(file));
    listed.push(...tracked.filter((file) => /^docs\/reference\//.test(file) && fs.existsSync(path.join(checkout, file))));
    expect(listed.length).toBeGreaterThan(20);
    expect(listed.filter((file) => !index.includes(`(${file.slice("docs/".length)})`))).toEqual([]);
  });

  it("uses none of the words that docs/writing.md keeps out", () => {
    const words = /\b(mend(s|ed|ing)?|hearken|naught|tells? of|of the lab's own|is to be (had|found|written))\b/i;
    const texts = tracked.filter(
      (file) => /^((docs|examples)\/.*|README|CONTRIBUTING)\.?(md)?$/.test(file) && file.endsWith(".md") && file !== "docs/writing.md",
    );
    const sources = tracked.filter((file) => /^(cli|settings|components)\/.*\.ts$/.test(file));
    // Of the sources what a reader may see: texts in quotes, without comments.
    const shown = (file: string) =>
      file.endsWith(".md") ? read(file) : (read(file).match(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g) ?? []).join("\n");
    const found = [...texts, ...sources]
      .filter((file) => fs.existsSync(path.join(checkout, file)))
      .flatMap((file) =>
        shown(file)
          .split("\n")
          .filter((line) => words.test(line))
          .map((line) => `${file}: ${line.trim().slice(0, 120)}`),
      );
    expect(found).toEqual([]);
  });

  it("quotes in its troubleshooting what the sources say", () => {
    const sources = tracked
      .filter((file) => /^(cli|components|maas|lab$)/.test(file) && fs.existsSync(path.join(checkout, file)))
      .map(read)
      .join("\n");
    const rows = read("docs/troubleshooting.md")
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    const quotes = rows.flatMap((row) => [...row.split(" | ")[0].matchAll(/`([^`]+)`/g)].map((match) => match[1]));
    expect(quotes.length).toBeGreaterThan(10);
    const ofTheEngine = ["marked for protection", "ssh: host key mismatch"];
    expect(quotes.filter((quote) => !sources.includes(quote) && !ofTheEngine.includes(quote))).toEqual([]);
  });

  it("has a reference as the sources are; if not: node --require ./load-typescript.cjs cli/reference/write.ts", () => {
    for (const [file, text] of Object.entries(references())) {
      expect([file, read(file) === text]).toEqual([file, true]);
    }
  });

  it("documents every exported member of the components, in pages as the sources are; if not: node cli/reference/api.mjs", () => {
    const answer = execFileSync(process.execPath, ["cli/reference/api.mjs", "--check"], { cwd: checkout, encoding: "utf8" });
    const { exported, complaints, stale } = JSON.parse(answer) as { exported: number; complaints: string[]; stale: string[] };
    expect(complaints).toEqual([]);
    expect(stale).toEqual([]);
    expect(exported).toBeGreaterThan(100);
  }, 120_000);

  it("shows stack files that are valid: the committed ones, and one that lab new writes", () => {
    const machines = ["node1=54:b2:03:00:00:01", "node2=54:b2:03:00:00:02"].map(machineOf);
    const stack = {
      name: "attic",
      environment: "physical" as const,
      maasUrl: "http://192.168.200.2:5240/MAAS",
      user: "alice",
      dhcp: false,
      machines,
    };
    const text = stackFileText(
      { ...stack, subnet: "192.168.200.0/24", gateway: "192.168.200.1" },
      schemaFrom(checkout, path.join(checkout, "x.yaml")),
    );
    expect(text).toContain("$schema=docs/reference/stack.schema.json");
    const files = { attic: text, lab: read("Pulumi.lab.yaml"), vm: read("Pulumi.vm.yaml"), sim: read("Pulumi.sim.yaml") };
    const roles = Object.entries(files).map(([name, file]) => {
      const settings = parseSettings({ maasApiKey: "a:b:c", ...configOf(file, name) });
      return [name, settings.protect, settings.machines.map(({ role }) => role)];
    });
    expect(roles).toEqual([
      ["attic", true, ["server", "agent"]],
      ["lab", true, ["server", "agent"]],
      ["vm", true, ["server", "agent"]],
      ["sim", false, ["server", "agent"]],
    ]);
    expect(() => machineOf("node1", 0)).toThrow("NAME=MAC");
  });

  it("declares in Pulumi.yaml every setting that there is", () => {
    const declared = [
      ...read("Pulumi.yaml")
        .split("\nconfig:\n")[1]
        .matchAll(/^ {2}(\w+):$/gm),
    ].map((match) => match[1]);
    const schema = JSON.parse(read("docs/reference/stack.schema.json")) as { properties: { config: { properties: object } } };
    expect(declared.map((name) => `homelab:${name}`).sort()).toEqual(Object.keys(schema.properties.config.properties).sort());
  });
});

describe("the workflows", () => {
  const workflows = tracked.filter((file) => file.startsWith(".github/workflows/"));

  it("are what actionlint wants", async () => {
    const output = execFileSync(await actionlint(), ["-no-color", ...workflows], { cwd: checkout, encoding: "utf8" });
    expect(output).toBe("");
    expect(workflows.length).toBeGreaterThan(3);
  }, 300_000);

  it("pin every action by its commit, say which version that is, and give forks no secret", () => {
    const uses = workflows.flatMap((file) => [...read(file).matchAll(/uses: (.+)/g)].map((match) => match[1]));
    expect(uses.length).toBeGreaterThan(10);
    expect(uses.filter((use) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(use))).toEqual([]);
    // One version of each, one commit of each version.
    expect(new Set(uses).size).toBe(new Set(uses.map((use) => use.split("@")[0])).size);
    const sim = read(".github/workflows/preview.yml").split("\n  own:\n")[0];
    expect(sim).not.toContain("secrets.");
  });
});
