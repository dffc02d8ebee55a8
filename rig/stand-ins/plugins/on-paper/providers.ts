import { provider as command } from "../command/provider";
import { listen, type PropertyMap, type Provider, plain } from "../protocol";
import { provider as random } from "../random/provider";
import { provider as tls } from "../tls/provider";
import { kubernetesOnPaper } from "./kubernetes";

/** Plugins that touch nothing. */
export interface PaperProviders {
  /** For PULUMI_DEBUG_PROVIDERS: where the engine finds them instead of starting its own. */
  address: string;
  /**
   * While it is on, nothing that is in the state differs from what the program says: the state takes over the program's inputs
   * and keeps its outputs.
   */
  accept(on: boolean): void;
  close(): Promise<void>;
}

/** What a command that ran on paper only would have printed: an empty JSON object fits the most. */
const printed: PropertyMap = { stdout: "{}", stderr: "" };

/**
 * For a stack that is applied: commands of this computer run, as the steps of MAAS do, and machines and cluster are on paper. By the end
 * of its name, what a command on a machine prints.
 */
export type Applied = Readonly<Record<string, string>>;

const LOCAL = "command:local:Command";

function onPaper(real: Provider, accepts: () => boolean, answers: Readonly<Record<string, string>>, applied?: Applied): Provider {
  const runs = real.name === "command";
  const printedBy = (name: string): PropertyMap => {
    const known = Object.entries(applied ?? {}).find(([end]) => name.endsWith(end));
    return known ? { ...printed, stdout: known[1] } : printed;
  };
  return {
    name: real.name,
    version: real.version,
    ...(real.handshake ? { handshake: real.handshake } : {}),
    configure: () => ({ acceptSecrets: true, supportsPreview: true }),
    checkConfig: (request, context) => real.checkConfig?.(request, context) ?? { inputs: request.news },
    diffConfig: (request, context) =>
      accepts() || real !== kubernetesOnPaper || !real.diffConfig ? { changes: "none" } : real.diffConfig(request, context),
    check: (request, context) => real.check(request, context),
    diff: (request, context) => (accepts() ? { changes: "none" } : real.diff(request, context)),
    async create(request, context) {
      if (request.preview || !runs || (applied && request.type === LOCAL)) {
        return real.create(request, context);
      }
      return { id: request.name, properties: { ...request.properties, ...printedBy(request.name) } };
    },
    async update(request, context) {
      if ((!request.preview && !applied) || !real.update) {
        throw new Error("nothing is updated on paper");
      }
      if (!request.preview && runs && request.type !== LOCAL) {
        return { properties: { ...request.olds, ...request.news } };
      }
      return real.update(request, context);
    },
    delete: (request, context) => (applied && request.type === LOCAL ? real.delete?.(request, context) : undefined),
    read: ({ id, properties, inputs }) => ({ id, properties, inputs }),
    invoke: ({ token, args, ...request }, context) => {
      if (applied && real.invoke) {
        return real.invoke({ token, args, ...request }, context);
      }
      // `node …/step.cjs others create`: where the program of steps lies may differ between two revisions.
      const step = token === "command:local:run" ? /step\.cjs (\S+)/.exec(String(plain(args).command ?? ""))?.[1] : undefined;
      if (step === undefined || !(step in answers)) {
        throw new Error(`the recording does not have what the program asks for with ${step ?? token}; record the stack again`);
      }
      return { properties: { ...args, stdout: answers[step], stderr: "" } };
    },
  };
}

/**
 * Starts them on free loopback ports.
 *
 * @param answers what steps answered that the program runs at each preview, by the step's name
 * @param applied where steps run instead
 */
export async function startProviders(answers: Readonly<Record<string, string>>, applied?: Applied): Promise<PaperProviders> {
  let accepting = false;
  const providers = [command, kubernetesOnPaper, random, tls];
  const servers = await Promise.all(providers.map((real) => listen(onPaper(real, () => accepting, answers, applied))));
  return {
    address: providers.map(({ name }, index) => `${name}:${servers[index].port}`).join(","),
    accept: (on) => {
      accepting = on;
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}
