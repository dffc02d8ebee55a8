import { UserError } from "../../components/core/user-error";
import { MaasClient } from "../../components/maas/api/client";
import type { Machine } from "../../components/maas/api/types";
import type { ClientFile, UserAccess } from "../../components/taskserver/taskrc";
import { CommandFailed, run } from "../engine/process";
import { simStack, stackFile } from "../engine/stack";
import type { Toolchain } from "../engine/toolchain";
import { KubernetesApi } from "./kubernetes-api";

/** A stack whose engine and state are known; what it is made of need not run. */
export interface Stack extends Toolchain {
  stack: string;
}

/** The program's outputs (see outputs.ts), secrets in clear: never to be printed as a whole. */
export interface StackOutputs {
  /** Where the stack installed MAAS. */
  maas?: { url: string; username: string; password: string; apiKey: string };
  machines?: Record<string, { role: string; address: string; user: string; port: number }>;
  endpoint?: string;
  kubeconfig?: string;
  sshKey?: string;
  sshHostKeys?: string[];
  prometheus?: string;
  /** Only where it runs. */
  grafana?: string;
  grafanaPassword?: string;
  alertmanager?: string;
  monitoringNamespace?: string;
  /** URLs by page. */
  pages?: Record<string, string>;
  ingress?: { domain: string; address: string; names: string[] };
  /** PEM. */
  pageAuthority?: string;
  /** By user. */
  pagePasswords?: Record<string, string>;
  taskNamespace?: string;
  taskServer?: { taskd?: string; taskchampion?: string };
  taskUsers?: Record<string, UserAccess>;
  taskCompose?: ClientFile[];
}

export async function stackOutputs(stack: Stack): Promise<StackOutputs> {
  const env = { ...process.env, ...stack.environment };
  const result = await run(stack.engine, ["stack", "output", "--json", "--show-secrets", "--stack", stack.stack], {
    env,
    cwd: __dirname,
    allowFailure: true,
  });
  return result.code === 0 ? (JSON.parse(result.stdout) as StackOutputs) : {};
}

/** The refusal of a stack whose MAAS cannot be used. */
export function noApiKey(stack: string): UserError {
  return new UserError({
    path: "homelab:maasApiKey",
    message: "MAAS's API key is not set",
    fix: `run './lab pulumi config set --secret homelab:maasApiKey --stack ${stack}'; 'sudo maas apikey --username NAME' on the MAAS host prints the key`,
  });
}

/** The refusal of a verb that needs what the stack does not have before its first `up`. */
export function stackHasNo(part: string, stack: string): UserError {
  return new UserError({ path: "--stack", message: `the stack ${stack} has no ${part}`, fix: `run './lab up --stack ${stack}' first` });
}

/** The refusal of a verb that needs the pages of a stack that serves none, or is not up. */
export function noIngress(stack: string, outputs: StackOutputs): UserError {
  if (outputs.machines === undefined) {
    return stackHasNo("pages yet", stack);
  }
  return new UserError({
    path: "--stack",
    message: `the stack ${stack} serves no pages by name`,
    fix: `set homelab:ingress.enabled to true in its stack file, then run './lab up --stack ${stack}'`,
  });
}

/** Where the stack's MAAS is, and the stack's own API key or, where the stack installed MAAS, the installation's; never to be printed. */
export async function maasSettingsOf(stack: Stack, outputs?: StackOutputs): Promise<{ url: string; apiKey: string }> {
  const env = { ...process.env, ...stack.environment };
  const args = ["config", "--json", "--show-secrets", "--stack", stack.stack, "--config-file", stackFile(stack.stack)];
  const result = await run(stack.engine, args, { env, cwd: __dirname, allowFailure: true });
  if (result.code !== 0) {
    // 'sim' before its first 'up'. The others are known; see `knownStack`.
    throw stack.stack === simStack ? stackHasNo("MAAS", stack.stack) : new CommandFailed("pulumi config", result);
  }
  const config = JSON.parse(result.stdout) as Record<string, { value?: string; objectValue?: { url: string } }>;
  const { objectValue: maas, value } = config["homelab:maas"] ?? {};
  const { url } = maas ?? (JSON.parse(value ?? "{}") as { url?: string });
  const apiKey = config["homelab:maasApiKey"]?.value || (outputs ?? (await stackOutputs(stack))).maas?.apiKey;
  return { url: url ?? "", apiKey: apiKey ?? "" };
}

/** A client of the stack's MAAS. */
export async function maasOf(stack: Stack, outputs?: StackOutputs): Promise<MaasClient> {
  const settings = await maasSettingsOf(stack, outputs);
  if (settings.apiKey === "") {
    throw noApiKey(stack.stack);
  }
  return new MaasClient({ ...settings, patience: 5_000 });
}

export interface MachineFacts {
  name: string;
  role: string;
  address: string;
  state: string;
  power: string;
}

/** The stack's machines as MAAS sees them now. */
export async function machineFacts(stack: Stack, outputs: StackOutputs): Promise<MachineFacts[]> {
  const names = Object.keys(outputs.machines ?? {});
  if (names.length === 0) {
    return [];
  }
  const client = await maasOf(stack, outputs);
  const seen = await client.get<Machine[]>("machines/", { hostname: names });
  return names.map((name) => {
    const machine = seen.find(({ hostname }) => hostname === name);
    const { role, address } = outputs.machines?.[name] ?? { role: "", address: "" };
    return { name, role, address, state: machine?.status_name ?? "not in MAAS", power: machine?.power_state ?? "" };
  });
}

export interface ClusterFacts {
  nodes: {
    name: string;
    ready: boolean;
    version: string;
    system: string;
    /** Release of the kernel that runs. */
    kernel: string;
    /** Of a server with embedded etcd, as k3s says it. */
    voter?: boolean;
  }[];
  pods: { namespace: string; name: string; node: string; ready: boolean; phase: string; restarts: number }[];
}

function voterOf(conditions: readonly { type: string; status: string }[]): { voter?: boolean } {
  const condition = conditions.find(({ type }) => type === "EtcdIsVoter");
  return condition ? { voter: condition.status === "True" } : {};
}

/** What the Kubernetes API says of nodes and pods now. */
export async function clusterFacts(kubeconfig: string): Promise<ClusterFacts> {
  const core = await new KubernetesApi(kubeconfig).core();
  const [nodes, pods] = await Promise.all([core.listNode(), core.listPodForAllNamespaces()]);
  return {
    nodes: nodes.items.map(({ metadata, status }) => ({
      name: metadata?.name ?? "",
      ready: (status?.conditions ?? []).some(({ type, status: value }) => type === "Ready" && value === "True"),
      version: status?.nodeInfo?.kubeletVersion ?? "",
      system: status?.nodeInfo?.osImage ?? "",
      kernel: status?.nodeInfo?.kernelVersion ?? "",
      ...voterOf(status?.conditions ?? []),
    })),
    pods: pods.items.map(({ metadata, spec, status }) => {
      const containers = status?.containerStatuses ?? [];
      return {
        namespace: metadata?.namespace ?? "",
        name: metadata?.name ?? "",
        node: spec?.nodeName ?? "",
        ready: status?.phase === "Succeeded" || containers.every(({ ready }) => ready),
        phase: containers.find(({ state }) => state?.waiting)?.state?.waiting?.reason ?? status?.phase ?? "",
        restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
      };
    }),
  };
}
