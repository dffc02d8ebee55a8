import { createHash } from "node:crypto";
import { Client } from "ssh2";
import { LARGEST_LINES } from "../../components/core/limits";
import type { Drift, Finding, Repair } from "./finding";
import type { StateResource } from "./state";

interface Connection {
  host: string;
  port: number;
  user: string;
  privateKey: string;
  hostKey: string;
}

/**
 * A command over SSH as the program itself would run it, host key pinned. Rejects when the machine is not the one it was, when the
 * command prints more than it may, and when it does not end.
 *
 * @param limit milliseconds
 */
export function overSsh(connection: Connection, command: string, limit = 60_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    const pinned = connection.hostKey.trim().split(/\s+/)[1];
    let otherKey = false;
    client.on("error", (error) => reject(otherKey ? new Error("its host key is not the one that this stack gave it") : error));
    client.on("ready", () =>
      client.exec(command, (error, channel) => {
        if (error) {
          reject(error);
          return;
        }
        let output = "";
        const giveUp = (why: string) => {
          reject(new Error(why));
          client.destroy();
        };
        const timer = setTimeout(() => giveUp(`a command on it did not end within ${limit / 1000} s`), limit);
        channel.on("data", (chunk: Buffer) => {
          output += chunk;
          if (output.length > LARGEST_LINES) {
            giveUp(`a command on it printed more than ${LARGEST_LINES >> 20} MiB`);
          }
        });
        channel.stderr.resume();
        channel.on("close", () => {
          clearTimeout(timer);
          client.end();
          resolve(output);
        });
      }),
    );
    client.connect({
      host: connection.host,
      port: Number(connection.port ?? 22),
      username: connection.user,
      privateKey: connection.privateKey,
      readyTimeout: 10_000,
      hostVerifier: (key: Buffer) => {
        otherKey = key.toString("base64") !== pinned;
        return !otherKey;
      },
    });
  });
}

export const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** `sha256sum`, or `absent`. */
const digestOfFile = (file: string) => `sudo sha256sum ${file} 2>/dev/null | cut -d' ' -f1 || true`;

/** What one connection asks of a node: k3s' configuration, whether its service runs. */
const probe = `echo "config $(${digestOfFile("/etc/rancher/k3s/config.yaml")})"; echo "unit $(systemctl is-active k3s k3s-agent 2>/dev/null | grep -v -e inactive -e unknown | head -n 1)"`;

/** A node's answers against its component in the state. */
export function nodeAnswers(name: string, prefix: string, config: string | undefined, answers: string): Finding[] {
  const said = Object.fromEntries(answers.split("\n").map((line) => line.split(" ") as [string, string]));
  const repair: Repair = { says: "k3s is configured again and started", by: "replace", resources: [`${prefix}-k3s`] };
  const findings: Finding[] = [];
  if (config !== undefined && said.config !== digest(config)) {
    const found = said.config ? "another content" : "no such file";
    findings.push({
      source: "SSH",
      subject: name,
      property: "/etc/rancher/k3s/config.yaml",
      expected: "as this stack wrote it",
      found,
      repair,
    });
  }
  if (said.unit !== "active") {
    findings.push({ source: "k3s", subject: name, property: "service", expected: "active", found: said.unit || "inactive", repair });
  }
  return findings;
}

/** Preseeds on the region controller, each against what was written. */
function preseedDrift(resource: StateResource, found: string): Finding[] {
  if (found.trim() === digest(resource.inputs.stdin)) {
    return [];
  }
  return [
    {
      source: "SSH",
      subject: `preseed ${resource.name.split("-preseeds-").at(-1)}`,
      property: "content",
      expected: "as this stack wrote it",
      found: found.trim() === "" ? "no such file" : "another content",
      repair: { says: "written again", by: "replace", resources: [resource.name] },
    },
  ];
}

const preseedFolder = "D=/var/snap/maas/current/preseeds; [ -d /var/snap/maas ] || D=/etc/maas/preseeds; D=${PRESEEDS:-$D}";

/** Asks each machine over SSH, and the region controller where the stack has files on it. */
export async function hostDrift(resources: readonly StateResource[]): Promise<Pick<Drift, "findings" | "unknown">> {
  const findings: Finding[] = [];
  const unknown: Drift["unknown"] = [];
  const attempt = async (subject: string, look: () => Promise<Finding[]>) => {
    try {
      findings.push(...(await look()));
    } catch (error) {
      unknown.push({ source: "SSH", subject, reason: (error as Error).message });
    }
  };
  const remote = resources.filter(({ type }) => type === "command:remote:Command");
  await Promise.all([
    ...resources
      .filter(({ type }) => type === "homelab:k3s:Node")
      .map((node) => {
        const installed = remote.find(({ name }) => name === `${node.name}-k3s`);
        const name = String(node.inputs.machine ?? node.name);
        return (
          installed &&
          attempt(name, async () =>
            nodeAnswers(name, node.name, node.outputs.config, await overSsh(installed.inputs.connection as Connection, probe)),
          )
        );
      }),
    ...remote
      .filter(({ name }) => name.includes("-preseeds-"))
      .map((preseed) => {
        const command = `${preseedFolder}; ${digestOfFile(`"$D/${preseed.name.split("-preseeds-").at(-1)}"`)}`;
        return attempt(preseed.name, async () => preseedDrift(preseed, await overSsh(preseed.inputs.connection as Connection, command)));
      }),
  ]);
  return { findings, unknown };
}
