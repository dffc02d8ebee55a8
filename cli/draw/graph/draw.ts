import { colours } from "../plot/svg";
import type { Box, Graph } from "./fold";

/** By the package of a component's type. */
const fills: Record<string, string> = { maas: "#dbe6f6", k3s: "#f8e3d4", monitoring: "#dcefe0", taskserver: "#eadff3" };
const frames: Record<string, string> = { maas: "#3f6fb5", k3s: "#c8682c", monitoring: "#3c9051", taskserver: "#8a5bb0" };

const packageOf = (type: string) => type.split(":")[1];
const fill = ({ type }: Box) => fills[packageOf(type)] ?? colours.panel;
const frame = ({ type }: Box) => frames[packageOf(type)] ?? colours.quiet;
/** `homelab:k3s:Cluster` is a Cluster, `kubernetes:core/v1:ConfigMap` a ConfigMap. */
const kind = ({ type }: Box) => type.split(":").at(-1) ?? type;
const counted = (resources: number) => `${resources} resource${resources === 1 ? "" : "s"}`;

const font = { fontname: "Helvetica,Arial,sans-serif", fontsize: 11, fontcolor: colours.ink };

type Drawn = ReturnType<typeof nodeOf>;
interface Subgraph {
  name: string;
  graphAttributes: Record<string, string | number>;
  nodes: Drawn[];
  subgraphs: Subgraph[];
}

function nodeOf(box: Box, label: string) {
  return { name: box.id, attributes: { label, fillcolor: fill(box), color: frame(box) } };
}

/** The same graph for Graphviz: components that have others in them as frames around these. */
function described({ boxes, arrows }: Graph, title: string) {
  const inside = (within?: string): Pick<Subgraph, "nodes" | "subgraphs"> => {
    const here = boxes.filter((box) => box.within === within);
    const holds = (box: Box) => boxes.some((other) => other.within === box.id);
    return {
      nodes: here
        .filter((box) => !holds(box))
        .map((box) => nodeOf(box, `${kind(box)}\n${box.name}${box.type.startsWith("homelab:") ? `\n${counted(box.resources)}` : ""}`)),
      subgraphs: here.filter(holds).map((box): Subgraph => {
        const { nodes, subgraphs } = inside(box.id);
        // What it has of its own, and where arrows to the component itself end.
        const own = arrows.some((arrow) => arrow.includes(box.id)) ? [nodeOf(box, `${box.name}\n${counted(box.resources)}`)] : [];
        return {
          name: `cluster_${box.id}`,
          graphAttributes: { ...font, label: `${kind(box)} ${box.name}`, labelloc: "t", color: frame(box), style: "rounded", margin: 14 },
          nodes: [...own, ...nodes],
          subgraphs,
        };
      }),
    };
  };
  return {
    directed: true,
    graphAttributes: { ...font, rankdir: "LR", bgcolor: colours.page, label: title, labelloc: "b", nodesep: 0.2, ranksep: 0.6, pad: 0.2 },
    nodeAttributes: { ...font, shape: "box", style: "rounded,filled", margin: "0.25,0.08" },
    edgeAttributes: { color: colours.quiet, arrowsize: 0.6 },
    ...inside(),
    edges: arrows.map(([tail, head]) => ({ tail, head })),
  };
}

/** The graph as SVG, laid out by Graphviz, which comes as WebAssembly: nothing has to be installed. */
export async function drawGraph(graph: Graph, title: string): Promise<string> {
  const { instance } = await import("@viz-js/viz");
  const svg = (await instance()).renderString(described(graph, title), { format: "svg" });
  // Without the comments, which name Graphviz's version and the engine's numbers of the resources.
  return svg.replace(/<!--[\s\S]*?-->\n?/g, "");
}
