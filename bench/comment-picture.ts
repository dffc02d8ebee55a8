/**
 * docs/how-to/comment.png: a report on a change of Pulumi.sim.yaml as it stands below a pull request. The engine previews the change
 * against the recorded stack of the tests, a Gitea takes the comment and makes HTML of it, and Chromium draws that with GitHub's
 * style sheet.
 *
 *   npm run comment-picture
 */
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { Forge } from "../cli/forge/client";
import { causesOf } from "../cli/report/causes";
import { renderComment } from "../cli/report/comment";
import { openPaperStack, type Revision } from "../cli/report/paper/compare";
import { readRecording } from "../cli/report/paper/recording";
import { workingRevision } from "../cli/report/paper/revisions";
import { reportOf, withCauses } from "../cli/report/report";
import { fitting, type Review } from "../cli/report/review";
import { valuesOf } from "../cli/report/values";
import { Secret } from "../components/core/secret";
import { ensureEngine } from "../rig/stand-ins/engine";
import { vendorReachable } from "../rig/stand-ins/vendor";
import { parseSettings } from "../settings/validate";
import { Gitea } from "../test/support/gitea";

const checkout = path.resolve(__dirname, "..");
const target = path.join(checkout, "docs", "how-to", "comment.png");
const recording = path.join(checkout, "test", "fixtures", "recordings", "sim.recording");

/** What the pull request changes. */
const edits: readonly (readonly [before: string, after: string])[] = [
  ["homelab:protect: false", "homelab:protect: true"],
  ["address: 192.168.200.12", "address: 192.168.200.22"],
  ["  homelab:monitoring:\n", "  homelab:monitoring:\n    prometheus:\n      retention: 60 days\n"],
];

async function review(): Promise<Review> {
  const { directory } = await ensureEngine({ vendorReachable: await vendorReachable() });
  const read = await readRecording(recording);
  const paper = await openPaperStack(read, directory);
  try {
    const base = await workingRevision("sim");
    await paper.settle(base);
    const before = await fs.readFile(path.join(checkout, "Pulumi.sim.yaml"), "utf8");
    const after = edits.reduce((text, [from, to]) => {
      if (!text.includes(from)) {
        throw new Error(`Pulumi.sim.yaml no longer says: ${from}`);
      }
      return text.replace(from, to);
    }, before);
    const changed = (yaml.load(after) as { config: Record<string, unknown> }).config;
    const preview = await paper.preview({ ...base, config: { ...base.config, ...changed } as Revision["config"] });
    const raw = Object.fromEntries(Object.entries(changed).map(([key, value]) => [key.replace("homelab:", ""), value]));
    const settings = parseSettings({ ...raw, maasApiKey: Secret.sealed() });
    const report = withCauses(reportOf("sim", preview, settings), causesOf(before, after, "Pulumi.sim.yaml"));
    const recorded = { at: "2026-11-30T02:00:00Z", commit: "5f0c2e7ab1".repeat(4), unapplied: [] };
    const stacks = [{ stack: "sim", report, diff: valuesOf(preview), recorded }];
    return fitting({ format: 1, base: "5f0c2e7ab1".repeat(4), head: "93d1b04e6c".repeat(4), stacks });
  } finally {
    await paper.close();
  }
}

/** The comment as the forge has it and shows it. */
async function onForge(comment: string): Promise<string> {
  const gitea = await Gitea.start();
  try {
    await gitea.api("POST", "/user/repos", { name: "lab", default_branch: "main" });
    const { number } = await gitea.api<{ number: number }>("POST", "/repos/ann/lab/issues", { title: "Another address for node2" });
    const token = await gitea.token("comments", ["write:issue"]);
    await new Forge({ api: `${gitea.url}/api/v1`, repository: "ann/lab", token }).createComment(number, comment);
    const [{ body }] = await gitea.api<{ body: string }[]>("GET", `/repos/ann/lab/issues/${number}/comments`);
    return await gitea.html(body);
  } finally {
    await gitea.close();
  }
}

async function draw(html: string): Promise<void> {
  const style = await fs.readFile(require.resolve("github-markdown-css/github-markdown-light.css"), "utf8");
  const page = `<!doctype html><meta charset="utf-8"><style>${style} body { margin: 0 } article { padding: 16px; font-size: 14px }</style>
<article class="markdown-body">${html}</article>`;
  const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-picture-"));
  try {
    await fs.writeFile(path.join(folder, "comment.html"), page);
    const { chromium } = require("playwright-core");
    const browser = await chromium.launch({
      executablePath: "/usr/bin/chromium-headless-shell",
      args: ["--no-sandbox", "--disable-lcd-text"],
    });
    const opened = await browser.newPage({ viewport: { width: 880, height: 400 } });
    await opened.goto(`file://${folder}/comment.html`);
    await opened.screenshot({ path: target, fullPage: true });
    await browser.close();
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  await draw(await onForge(renderComment(await review())));
  process.stdout.write(`${path.relative(checkout, target)} is written.\n`);
}

main().catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
