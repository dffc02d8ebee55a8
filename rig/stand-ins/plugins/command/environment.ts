import type { Client, ClientChannel } from "ssh2";

/** What is used of ssh2's inside: its public interface sends variables without asking whether the server took them. */
interface Inside {
  _protocol: {
    env(channel: number, name: string, value: string, wantReply: boolean): void;
    exec(channel: number, command: string, wantReply: boolean): void;
  };
  _chanMgr: { _channels: Record<string, { outgoing: { id: number }; _callbacks: ((refused: unknown) => void)[] }> };
}

/**
 * Runs a command over SSH with environment variables, set before it starts.
 *
 * `onRefused` is told each variable that the server does not accept (sshd's AcceptEnv); when it throws, the command is
 * not run. `started` is called with the channel at once: what a fast command says, its exit status included, may come in
 * the same packet as the answer that it was started.
 */
export function execute<T>(
  client: Client,
  command: string,
  variables: readonly (readonly [string, string])[],
  onRefused: (name: string) => void,
  started: (channel: ClientChannel) => T | Promise<T>,
): Promise<T> {
  const { _protocol: protocol, _chanMgr: channels } = client as unknown as Inside;
  const exec = protocol.exec;
  return new Promise((resolve, reject) => {
    protocol.exec = (id, text, wantReply) => {
      protocol.exec = exec;
      const channel = Object.values(channels._channels).find((candidate) => candidate.outgoing?.id === id);
      const answered = channel?._callbacks.pop();
      if (!channel || !answered) {
        reject(new Error("ssh: the session has gone"));
        return;
      }
      // One after another, as each answer belongs to the request before it.
      const set = (rest: readonly (readonly [string, string])[]) => {
        if (rest.length === 0) {
          channel._callbacks.push(answered);
          exec.call(protocol, id, text, wantReply);
          return;
        }
        const [[name, value], ...others] = rest;
        channel._callbacks.push((refused) => {
          try {
            if (refused) {
              onRefused(name);
            }
            set(others);
          } catch (error) {
            reject(error);
          }
        });
        protocol.env(id, name, value, true);
      };
      set(variables);
    };
    client.exec(command, (error, stream) => (error ? reject(new Error(`ssh: ${error.message}`)) : resolve(started(stream))));
  });
}
