import * as fs from "node:fs";
import * as path from "node:path";
import { drawGraph } from "../../../cli/draw/graph/draw";
import { graphOf } from "../../../cli/draw/graph/fold";
import { readDot, withProviders } from "../../../cli/draw/graph/resources";

const fixture = path.resolve(__dirname, "../../fixtures/graphs");
/** Of the real engine, on the embedded lab: what is in some of its components. */
const dot = fs.readFileSync(path.join(fixture, "lab.dot"), "utf8");
const providers = new Map(Object.entries(JSON.parse(fs.readFileSync(path.join(fixture, "providers.json"), "utf8")) as object));
const resources = withProviders(readDot(dot), providers);

function named(graph: ReturnType<typeof graphOf>) {
  const name = (id?: string) => graph.boxes.find((box) => box.id === id)?.name;
  return {
    boxes: graph.boxes.map((box) => [box.name, name(box.within), box.resources]),
    arrows: graph.arrows.map(([from, to]) => `${name(from)} > ${name(to)}`).sort(),
  };
}

describe("the picture of a stack", () => {
  it("folds every resource into its component, and leaves out what a longer way says", () => {
    expect(named(graphOf(resources, { folded: true }))).toMatchInlineSnapshot(`
{
  "arrows": [
    "deploy-key > node1",
    "deploy-key > node2",
    "k3s > k3s-node1",
    "k3s > tasks",
    "k3s-node1 > k3s-node2",
    "node1 > k3s",
    "node1 > tasks-pki",
    "node2 > k3s",
    "node2 > tasks-pki",
  ],
  "boxes": [
    [
      "k3s-node1",
      "k3s",
      3,
    ],
    [
      "k3s-node2",
      "k3s",
      5,
    ],
    [
      "k3s",
      undefined,
      10,
    ],
    [
      "node1",
      undefined,
      5,
    ],
    [
      "node2",
      undefined,
      5,
    ],
    [
      "tasks-pki",
      "tasks",
      11,
    ],
    [
      "tasks",
      undefined,
      1,
    ],
    [
      "deploy-key",
      undefined,
      1,
    ],
  ],
}
`);
  });

  it("has a name on every box, and arrows one way only", () => {
    for (const folded of [true, false]) {
      const { boxes, arrows } = graphOf(resources, { folded });
      expect(boxes.filter(({ name, type }) => name === "" || type === "")).toEqual([]);
      const drawn = new Set(arrows.map((arrow) => arrow.join(" > ")));
      expect(arrows.filter(([from, to]) => drawn.has(`${to} > ${from}`))).toEqual([]);
    }
  });

  it("shows every resource where it is asked to", () => {
    const { boxes, arrows } = named(graphOf(resources, { folded: false }));
    expect(boxes).toContainEqual(["node1-enlistment", "node1", 1]);
    expect(arrows).toContain("node1-enlistment > node1-commissioning");
    // The engine's own providers are nobody's concern.
    expect(boxes.filter(([name]) => String(name).startsWith("default"))).toEqual([]);
  });

  it("keeps the arrows of a circle, and those into it", () => {
    const needs: Record<string, string[]> = { machine: [], one: ["machine", "two"], two: ["machine", "one"], last: ["machine", "two"] };
    const circle = Object.entries(needs).map(([id, others]) => ({ id, urn: id, name: id, type: "homelab:x:Y", needs: others }));
    expect(named(graphOf(circle, { folded: true })).arrows).toEqual([
      "machine > one",
      "machine > two",
      "one > two",
      "two > last",
      "two > one",
    ]);
  });

  it("is SVG with frames around components that have others in them", async () => {
    const svg = await drawGraph(graphOf(resources, { folded: true }), "Stack sim");
    expect(svg).toMatch(/<svg [\s\S]*<\/svg>\s*$/);
    expect(svg).not.toContain("<!--");
    for (const words of ["Stack sim", "Machine", "node1", "Cluster k3s", "TaskServers tasks", "5 resources"]) {
      expect(svg).toContain(`>${words}</text>`);
    }
    expect(svg.match(/class="cluster"/g)).toHaveLength(2);
  });
});
