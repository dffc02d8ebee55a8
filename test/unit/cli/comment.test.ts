import { causesFor, causesOf, causesOfMachines } from "../../../cli/report/causes";
import { markOutdated, renderComment, renderMarkdown } from "../../../cli/report/comment";
import type { Effect } from "../../../cli/report/effects";
import { annotation, block, code, prose } from "../../../cli/report/escape";
import type { Report } from "../../../cli/report/report";
import type { Review } from "../../../cli/report/review";

const effect = (rest: Partial<Effect>): Effect => ({
  gravity: "edits",
  subject: "node1",
  kind: "machine",
  what: "edited in MAAS",
  urn: "urn:pulumi:lab::homelab::homelab:maas:Machine$command:local:Command::node1-enlistment",
  properties: ["stdin"],
  ...rest,
});

function report(stack: string, effects: Effect[], consents: Report["consents"] = []): Report {
  const count = (gravity: Effect["gravity"]) => effects.filter((each) => each.gravity === gravity).length;
  const counts = { destroys: count("destroys"), interrupts: count("interrupts"), adds: count("adds"), edits: count("edits") };
  return { stack, destructive: counts.destroys > 0, effects, machines: {}, consents, counts };
}

const review = (...reports: Report[]): Review => ({
  format: 1,
  base: "b".repeat(40),
  head: "a".repeat(40),
  stacks: reports.map((each) => ({
    stack: each.stack,
    report: each,
    diff: ["~ homelab:maas:Machine::node1", '-   stdin.notes: ""', '+   stdin.notes: "under the desk"'],
    recorded: { at: "2026-11-30T02:00:00.000Z", commit: "c".repeat(40), unapplied: [] },
  })),
});

const hostile = [
  "@everyone",
  "`@everyone`",
  "```\n@everyone\n```",
  "<img src=x onerror=alert(1)>",
  "</details><script>alert(1)</script>",
  "[click](https://evil.example)",
  "![pixel](https://evil.example/a.png)",
  "https://evil.example/ www.evil.example",
  "#1 GH-1 ann/lab#1",
  "a | b | c",
  "\u202egnp.exe",
  "line one\n\n# Heading\n- [x] done",
  "<!-- homelab-report -->",
  "mail@evil.example",
];

/** What a reader of GitHub's Markdown takes for something else than code. */
function outsideCode(markdown: string): string {
  return markdown.replace(/^(`{3,})[^\n]*\n[\s\S]*?\n\1$/gm, "").replace(/(?<!`)(`+)(?!`)([\s\S]*?[^`])\1(?!`)/g, "");
}

describe("the comment on a pull request", () => {
  it("tells each stack in one line, then what happens and why, then the values, and what it compared", () => {
    const causes = [{ setting: "homelab:machines[node2].address", file: "Pulumi.lab.yaml", line: 31 }];
    const lost = effect({ gravity: "destroys", subject: "node2", what: "reinstalled: its disk is wiped", causes });
    const consents = [{ subject: "node2", fingerprint: "0123abcd", given: false, urns: [] }];
    expect(renderComment(review(report("lab", [lost, effect({ causes })], consents), report("sim", [])))).toMatchSnapshot();
  });

  it("says for a stack without a report what was in its way", () => {
    const none = { ...review(), stacks: [{ stack: "vm", problem: "The program at the head ended: @everyone" }] };
    expect(renderComment(none)).toContain("- `vm`: no report: `The program at the head ended: @everyone`");
  });

  it.each(hostile)("lets no name or text mention anybody, link anywhere or be HTML: %j", (name) => {
    const causes = [{ setting: name, file: name, line: 1 }];
    const effects = (["destroys", "interrupts", "adds", "edits"] as const).map((gravity) =>
      effect({ gravity, subject: name, what: name, urn: name, properties: [name], causes }),
    );
    const consents = [{ subject: name, fingerprint: name, given: false, urns: [name] }];
    const whole = review(report("lab", effects, consents));
    const [stack] = whole.stacks;
    Object.assign(stack, { diff: [name, `+ ${name}`], recorded: { at: name, commit: name, unapplied: [name] } });
    const rest = outsideCode(renderComment(whole));
    expect(rest).not.toMatch(/everyone|evil|alert|GH-1|gnp\.exe|Heading|\[x\]|mail@| \| /);
    expect(rest.match(/<!-- homelab-report -->/g)).toHaveLength(1);
    expect(rest.match(/<[^!][^>]*>/g)).toEqual(["<details>", "<summary>", "</summary>", "</details>"]);
    expect(outsideCode(renderMarkdown(report("lab", effects, consents)))).not.toMatch(/everyone|evil|alert|Heading/);
  });

  it("fits a forge's limit with 1,000 machines, each changed by a setting of its own", () => {
    const effects = Array.from({ length: 1_000 }, (_, index) => [
      effect({
        gravity: "destroys",
        subject: `machine-with-a-long-name-${index}`,
        what: "reinstalled: its disk is wiped",
        causes: [{ setting: `homelab:machines[machine-with-a-long-name-${index}].release`, file: "Pulumi.lab.yaml", line: index + 1 }],
      }),
      effect({ gravity: "interrupts", kind: "node", subject: `machine-with-a-long-name-${index}`, what: "k3s is installed anew" }),
    ]).flat();
    const whole = review(report("lab", effects));
    Object.assign(whole.stacks[0], { diff: Array.from({ length: 100_000 }, (_, index) => `+   line ${index}`) });
    const comment = renderComment(whole);
    expect(comment.length).toBeLessThan(65_536);
    expect(comment).toContain("and 988 more");
    expect(comment).toMatch(/\(\d+ more lines are in the run's artefact\.\)/);
  });

  it("is marked as out of date once, whatever made it so", () => {
    const comment = renderComment(review(report("lab", [])));
    const once = markOutdated(comment, "a newer commit is being looked at.");
    expect(once.split("\n").slice(0, 3)).toEqual([
      "<!-- homelab-report -->",
      `<!-- homelab-head:${"a".repeat(40)} -->`,
      "> **Out of date:** a newer commit is being looked at.",
    ]);
    const twice = markOutdated(once, "the stack has changed.");
    expect(twice).not.toContain("newer commit");
    expect(twice.replace("> **Out of date:** the stack has changed.\n\n", "")).toBe(comment);
  });
});

describe("text that came from elsewhere", () => {
  it("stands in code, with a fence longer than any in it", () => {
    expect(code("node1")).toBe("`node1`");
    expect(code("a`b")).toBe("``a`b``");
    expect(code("``")).toBe("``` `` ```");
    expect(code("a\nb\u0000\u200bc")).toBe("`a b c`");
    expect(block(["```", "x"])).toBe("````\n```\nx\n````");
  });

  it("is the program's own where it has nothing but words", () => {
    expect(prose("reinstalled: its disk is wiped")).toBe("reinstalled: its disk is wiped");
    expect(prose("see http://evil.example")).toBe("`see http://evil.example`");
  });

  it("cannot end an annotation or start another", () => {
    expect(annotation("warning", "a,b:c.yaml", 3, "x\n::error::y%")).toBe("::warning file=a%2Cb%3Ac.yaml,line=3::x ::error::y%25");
  });
});

describe("the settings behind an effect", () => {
  const before = `# the lab
config:
  homelab:cluster:
    version: v1.34.1+k3s1
  homelab:machines:
    - name: node1
      address: 192.168.200.11
      power: { type: amt, parameters: { power_pass: { secure: v1:a:b } } }
    - name: node2
      address: 192.168.200.12
`;
  it("are those that differ, with the line where each is now", () => {
    const after = before.replace(".12", ".22").replace("k3s1", "k3s2").replace("v1:a:b", "v1:c:d");
    expect(causesOf(before, after, "Pulumi.lab.yaml")).toEqual([
      { setting: "homelab:cluster.version", file: "Pulumi.lab.yaml", line: 4 },
      { setting: "homelab:machines[node1].power.parameters.power_pass", file: "Pulumi.lab.yaml", line: 8, machine: "node1" },
      { setting: "homelab:machines[node2].address", file: "Pulumi.lab.yaml", line: 10, machine: "node2" },
    ]);
  });

  it("are the machine as a whole where it comes, goes or only moves", () => {
    const added = `${before}    - name: node3\n      address: 192.168.200.13\n`;
    const one = { setting: "homelab:machines[node3]", file: "f", machine: "node3" };
    expect(causesOf(before, added, "f")).toEqual([{ ...one, line: 11 }]);
    expect(causesOf(added, before, "f")).toEqual([{ ...one, line: 5 }]);
    expect(causesOf(before, before.replace("config:", "config: # moved\n\n"), "f")).toEqual([]);
  });

  it("are those of an inventory's machines too, of a list or of one", () => {
    const list = "- name: node1\n  address: 192.0.2.11\n- name: node2\n  address: 192.0.2.12\n";
    const one = { file: "machines/rack.yaml", machine: "node2" };
    const causes = (before: string, after: string) => causesOfMachines(before, after, one.file);
    expect(causes(list, list.replace(".12", ".22"))).toEqual([{ ...one, setting: "homelab:machines[node2].address", line: 4 }]);
    expect(causes(list.split("- name: node2")[0], list)).toEqual([{ ...one, setting: "homelab:machines[node2]", line: 3 }]);
    expect(causes("", "name: node2\naddress: 192.0.2.12\n")).toEqual([{ ...one, setting: "homelab:machines[node2]", line: 1 }]);
    expect(causes("name: node2\nnotes: a\n", "name: node2\nnotes: b\n")).toEqual([
      { ...one, setting: "homelab:machines[node2].notes", line: 2 },
    ]);
    expect(causes(": : :\n\t- [", "just a text")).toEqual([]);
  });

  it("are those of its machine, then those of its part of the lab, then the only one", () => {
    const causes = causesOf(before, before.replace(".12", ".22").replace("k3s1", "k3s2"), "f");
    const settings = (kind: string, subject: string, chain: string) =>
      causesFor({ kind, subject, urn: `urn:pulumi:lab::homelab::${chain}::x` }, causes).map(({ setting }) => setting);
    expect(settings("machine", "node2", "homelab:maas:Machine$command:local:Command")).toEqual(["homelab:machines[node2].address"]);
    expect(settings("node", "node1", "homelab:k3s:Cluster$homelab:k3s:Node$command:remote:Command")).toEqual(["homelab:cluster.version"]);
    expect(settings("service", "prometheus", "homelab:monitoring:Monitoring$kubernetes:apps/v1:StatefulSet")).toEqual([]);
    expect(
      causesFor({ kind: "service", subject: "x", urn: "urn:pulumi:lab::homelab::kubernetes:apps/v1:StatefulSet::x" }, causes.slice(0, 1)),
    ).toHaveLength(1);
  });

  it("are read from files that nobody should write", () => {
    expect(causesOf("", ": : :\n\t- [", "f")).toEqual([]);
    const bomb = `a: &a [x, x]\nb: &b [*a, *a]\nconfig:\n  homelab:machines: [{ name: "\\u202e@everyone" }]\n`;
    expect(causesOf("config: {}", bomb, "f")).toHaveLength(1);
  });
});
