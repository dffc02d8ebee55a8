/**
 * The metadata service: what cloud-init's MAAS data source reads (`meta-data/…`, `user-data`), and where the machine
 * reports how its boot goes (cloud-init's webhook reporter, and curtin's signals). Each machine has its own OAuth key.
 */
import { Answer, contentTypes } from "./http/answers";
import type { MaasRequest } from "./http/request";
import type { Maas } from "./maas";
import { Status } from "./machine/status";
import type { Node } from "./state/model";

const versions = ["2012-03-01", "latest"];
const plain = (body: string | Buffer, status = 200) => new Answer(status, body, "text/plain; charset=utf-8");
const missing = () => plain("Not Found\n", 404);

/** MAAS keeps user data as it was sent; what is base64 is decoded when the machine asks for it. */
export function decodeUserData(sent: string): Buffer {
  const compact = sent.replace(/\s+/g, "");
  const isBase64 = compact.length > 0 && compact.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(compact);
  return isBase64 ? Buffer.from(compact, "base64") : Buffer.from(sent, "utf8");
}

interface StatusReport {
  name?: string;
  description?: string;
  event_type?: string;
  origin?: string;
  result?: string;
  /** Logs that come with the report, in base64. */
  files?: { path: string; encoding?: string; content: string }[];
}

/** Stages of cloud-init whose failure is the machine's failure; what runs inside them is only noted. */
const stages = ["init-local", "init-network", "modules-config", "modules-final"];

export class Metadata {
  constructor(private readonly maas: Maas) {}

  handle(request: MaasRequest, nodeId: string | undefined): Answer {
    const node = nodeId === undefined ? undefined : this.maas.tables.nodes.find((row) => row.systemId === nodeId);
    const parts = request.path
      .replace(/^\/MAAS\/metadata\//, "")
      .split("/")
      .filter(Boolean);
    if (!node) return new Answer(401, "Unauthorized", contentTypes.html, { "WWW-Authenticate": 'OAuth realm="OAuth"' });
    if (parts[0] === "status") return this.status(request, node, parts[1]);
    if (parts.length === 0) return plain(`${versions.join("\n")}\n`);
    if (!versions.includes(parts[0]!)) return missing();
    if (request.method === "POST") return this.signal(request, node);
    if (request.method !== "GET") return plain("", 405);
    return this.read(node, parts.slice(1).join("/"));
  }

  private read(node: Node, path: string): Answer {
    const { maas } = this;
    const keys = maas.tables.sshKeys.filter((row) => row.userId === node.ownerId).map((row) => row.key);
    switch (path) {
      case "":
        return plain("meta-data/\nuser-data\n");
      case "meta-data":
        return plain("instance-id\nlocal-hostname\npublic-keys\nvendor-data\n");
      case "meta-data/instance-id":
        return plain(node.systemId);
      case "meta-data/local-hostname":
        return plain(maas.render.node.fqdn(node));
      case "meta-data/public-keys":
        return plain(keys.join("\n"));
      case "meta-data/vendor-data":
        return node.installation.vendorData ? plain(decodeUserData(node.installation.vendorData)) : missing();
      case "user-data": {
        if (node.status === Status.Deploying) maas.deployments.installed(node);
        const { userData } = node.installation;
        return userData === null || userData === "" ? missing() : new Answer(200, decodeUserData(userData), "application/octet-stream");
      }
      default:
        return missing();
    }
  }

  /** curtin's way to report: `op=signal` with `status`, `op=netboot_off`. */
  private signal(request: MaasRequest, node: Node): Answer {
    const operation = request.query.get("op") ?? request.form.get("op");
    if (operation === "netboot_off" || operation === "netboot_on") {
      node.netboot = operation === "netboot_on";
      this.maas.store.touch();
      return plain("OK");
    }
    if (operation !== "signal") return plain("Unknown operation.", 400);
    const status = request.form.get("status");
    if (status === "OK") this.maas.deployments.succeeded(node);
    else if (status === "FAILED") this.maas.deployments.failed(node, request.form.get("error"));
    else if (status !== "WORKING") return plain(`Unknown commissioning/installation status: '${status}'`, 400);
    return plain("OK");
  }

  private status(request: MaasRequest, node: Node, systemId: string | undefined): Answer {
    if (systemId !== node.systemId) return plain("", 403);
    if (request.method !== "POST") return plain("", 405);
    let report: StatusReport;
    try {
      report = JSON.parse(request.rawBody.toString("utf8")) as StatusReport;
    } catch {
      return plain("Failed to decode JSON message.", 400);
    }
    if (!report.event_type || !report.origin || !report.name || report.description === undefined)
      return plain("Missing parameter in status message.", 400);
    this.report(node, report);
    return new Answer(204, "", contentTypes.text);
  }

  private report(node: Node, report: StatusReport): void {
    const { maas } = this;
    maas.events.add(node, "Node status event", "DEBUG", `'${report.origin}' ${report.description}`);
    if (report.event_type !== "finish" || node.status !== Status.Deploying) return;
    const failed = report.result === "FAIL" || report.result === "FAILURE";
    for (const { path, encoding, content } of report.files ?? []) {
      maas.deployments.keepLog(node, path, Buffer.from(content, encoding === "base64" ? "base64" : "utf8").toString("utf8"), failed);
    }
    if (failed && (stages.includes(report.name!) || report.name === "cmd-install")) {
      maas.deployments.failed(node, `${report.name}: ${report.description}`);
    } else if (report.name === "modules-final") {
      maas.deployments.succeeded(node);
    }
  }
}
