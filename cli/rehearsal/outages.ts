import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How long something did not answer while it was watched. */
export interface Outage {
  name: string;
  /** Seconds of the longest time without an answer; 0 where it always answered. */
  longest: number;
  times: number;
  /** It did not answer at the end. */
  lasting: boolean;
}

/** Whether somebody accepts a connection at an address, within two seconds. */
function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 2_000 });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}

/** Host and port of an address such as `https://192.168.200.11:6443` or `192.168.200.11:53589`; undefined for other texts. */
export function endpointOf(address: string): { host: string; port: number } | undefined {
  const [, host, port] = /^(?:\w+:\/\/)?([\d.]+):(\d+)(?:\/|$)/.exec(address) ?? [];
  return host === undefined ? undefined : { host, port: Number(port) };
}

/** Watches addresses by name, twice a second, from now until `stop`. Names without host and port are left out. */
export function watchAddresses(addresses: Readonly<Record<string, string>>): { stop(): Promise<Outage[]> } {
  let stopped = false;
  const watched = Object.entries(addresses).flatMap(([name, address]) => {
    const endpoint = endpointOf(address);
    return endpoint
      ? [
          watch(
            name,
            () => answers(endpoint.host, endpoint.port),
            () => stopped,
          ),
        ]
      : [];
  });
  return {
    stop: () => {
      stopped = true;
      return Promise.all(watched);
    },
  };
}

async function watch(name: string, works: () => Promise<boolean>, stopped: () => boolean): Promise<Outage> {
  let [longest, times] = [0, 0];
  let silent: number | undefined;
  while (!stopped()) {
    const asked = performance.now();
    if (await works()) {
      silent = undefined;
    } else {
      times += silent === undefined ? 1 : 0;
      silent ??= asked;
      longest = Math.max(longest, (performance.now() - silent) / 1000);
    }
    await sleep(500);
  }
  return { name, longest, times, lasting: silent !== undefined };
}
