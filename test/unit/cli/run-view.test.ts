import { parseEngineEvent } from "../../../cli/engine/engine-events";
import { RunView, withoutCommandText } from "../../../cli/engine/run-view";
import { criticalPath, progressOf, type Timeline } from "../../../cli/engine/timeline";

const machine = (name: string) => `urn:pulumi:sim::homelab::homelab:maas:Machine$command:local:Command::${name}`;
const event = (kind: string, urn: string, op = "create") =>
  JSON.stringify({ sequence: 1, timestamp: 1, [kind]: { metadata: { op, urn } } });
const diagnostic = (fields: object) => JSON.stringify({ diagnosticEvent: { color: "never", ...fields } });

/** A view on a screen that is a list of lines, at a clock that the test sets. */
function viewed(options: { live?: boolean; earlier?: Timeline } = {}) {
  const lines: string[] = [];
  let block: readonly string[] = [];
  let now = 0;
  const screen = {
    line: (text: string) => lines.push(text),
    ...(options.live ? { live: (shown: readonly string[]) => (block = shown) } : {}),
  };
  const view = new RunView({ screen, clock: () => now, earlier: options.earlier });
  return {
    lines,
    block: () => block,
    view,
    at(seconds: number, ...texts: string[]) {
      now = seconds;
      for (const text of texts) {
        const found = parseEngineEvent(text);
        if (found) {
          view.take(found);
        }
      }
    },
  };
}

describe("a run of the engine, shown in the lab's words", () => {
  it("has a line for what took a while, and counts the rest", () => {
    const { at, lines, view } = viewed();
    at(0, event("resourcePreEvent", machine("node1-enlistment")));
    at(1, event("resOutputsEvent", machine("node1-enlistment")), event("resourcePreEvent", machine("node1-deployment")));
    at(
      41,
      event("resOutputsEvent", machine("node1-deployment")),
      JSON.stringify({ summaryEvent: { resourceChanges: { create: 2, same: 7 } } }),
    );
    view.end();
    expect(lines).toEqual(["  ✔ node1: deployed (40 s)", "", "    +  2 created", "       7 unchanged"]);
  });

  it("says every half minute what it waits for, and for how long by the last run", () => {
    const earlier = { total: 60, spans: [{ key: `create ${machine("node1-deployment")}`, start: 5, end: 55 }] };
    const { at, lines, view } = viewed({ earlier });
    at(0, event("resourcePreEvent", machine("node1-deployment")));
    at(29);
    view.tick();
    expect(lines).toEqual([]);
    at(31);
    view.tick();
    at(32);
    view.tick();
    expect(lines).toEqual(["    31 s: node1: deploying, 31 s of about 50 s"]);
  });

  it("draws one block on a terminal, with a bar and what is left", () => {
    const earlier = { total: 100, spans: [{ key: `create ${machine("node1-deployment")}`, start: 0, end: 50 }] };
    const { at, block, view } = viewed({ live: true, earlier });
    at(0, event("resourcePreEvent", machine("node1-deployment")));
    at(25);
    view.tick();
    expect(block()).toEqual(["  [██████░░░░░░░░░░░░░░░░░░] 25 s, about 1 m 15 s left", "    node1: deploying, 25 s of about 50 s"]);
    view.end();
    expect(block()).toEqual([]);
  });

  it("names what failed and repeats what the program said, once and without the command's text", () => {
    const { at, lines, view } = viewed();
    const urn = machine("node1-deployment");
    const message = 'exit status 2: running "node maas/step.cjs deployment create":\nno free address\n';
    at(0, event("resourcePreEvent", urn));
    at(3, diagnostic({ urn, severity: "error", message }), diagnostic({ urn, severity: "error", message }), event("resOpFailedEvent", urn));
    view.end();
    expect(lines).toEqual([
      "  ✘ node1: deploying failed (3 s)",
      "\nWhat 'node1-deployment' said:",
      "    exit status 2:",
      "    no free address",
    ]);
  });

  it("drops the engine's debug messages, which hold values, and keeps what is no event", () => {
    expect(parseEngineEvent(diagnostic({ severity: "debug", message: "resp: password" }))).toBeUndefined();
    expect(parseEngineEvent("panic: something")).toEqual({ kind: "message", severity: "info", text: "panic: something" });
  });

  it("keeps messages that hold no command", () => {
    expect(withoutCommandText("exit status 1: no such host")).toBe("exit status 1: no such host");
    expect(withoutCommandText('Process exited with status 1: running "sh -c \'a "b" c\'":\nx')).toBe("Process exited with status 1:\nx");
  });
});

describe("the times of an earlier run", () => {
  const earlier = { total: 40, spans: ["a", "b", "c"].map((key, index) => ({ key, start: index * 10, end: (index + 1) * 10 })) };

  it("say how far this one is", () => {
    expect(progressOf(earlier, new Set(["a"]), new Map([["b", 4]]))).toEqual({ share: 14 / 40, left: 26 });
    // What takes longer than it did is as far as it was at its end, not further.
    expect(progressOf(earlier, new Set(["a"]), new Map([["b", 400]]))).toEqual({ share: 0.5, left: 20 });
    expect(progressOf(earlier, new Set(["other"]), new Map())).toBeUndefined();
  });

  it("show what the end waited for", () => {
    const spans = [
      { key: "short", start: 0, end: 3 },
      { key: "long", start: 0, end: 9 },
      { key: "last", start: 9, end: 12 },
    ];
    expect(criticalPath({ total: 12, spans }).map(({ key }) => key)).toEqual(["long", "last"]);
  });

  it("end, also with operations that took no time", () => {
    const spans = [
      { key: "at once", start: 0, end: 0 },
      { key: "first", start: 0, end: 5 },
      { key: "too", start: 5, end: 5 },
      { key: "last", start: 5, end: 12 },
    ];
    expect(criticalPath({ total: 12, spans }).map(({ key }) => key)).toEqual(["at once", "first", "last"]);
  });
});
