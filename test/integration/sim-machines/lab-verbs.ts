// What the worker can do with the whole embedded lab, as `lab` does it: start rig/main.ts, stop it, talk to its MAAS.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as path from "node:path";

let lab: ChildProcess | undefined;

/** Starts `rig/main.ts` with these arguments; answers when it is ready or has ended. */
export function startLab(...args: string[]): Promise<{ ready?: { url: string; mirror: string }; code?: number | null; said: string }> {
  const child = spawn(
    process.execPath,
    ["--require", path.join(__dirname, "../../../load-typescript.cjs"), path.join(__dirname, "../../../rig/main.ts"), ...args],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  return new Promise((resolve) => {
    let said = "";
    let output = "";
    child.stderr.on("data", (data) => {
      said += data;
    });
    child.stdout.on("data", (data) => {
      output += data;
      const line = output.split("\n").find((candidate) => candidate.startsWith('{"ready":true'));
      if (line) {
        lab = child;
        resolve({ ready: JSON.parse(line), said });
      }
    });
    child.on("close", (code) => resolve({ code, said: said + output }));
  });
}

/** SIGTERM, and its exit code. */
export async function endLab(): Promise<number | null | undefined> {
  return signalLab("SIGTERM");
}

/** SIGKILL. */
export async function killLab(): Promise<number | null | undefined> {
  return signalLab("SIGKILL");
}

function signalLab(name: NodeJS.Signals): Promise<number | null | undefined> {
  const child = lab;
  lab = undefined;
  if (!child) {
    return Promise.resolve(undefined);
  }
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.kill(name);
  });
}

/** One request to the lab's MAAS with its API key; JSON answers are parsed. */
export async function ask(
  apiKey: string,
  method: string,
  url: string,
  form?: Record<string, string>,
): Promise<{ status: number; body: any }> {
  const [consumer, token, secret] = apiKey.trim().split(":");
  const parameters = {
    oauth_version: "1.0",
    oauth_signature_method: "PLAINTEXT",
    oauth_consumer_key: consumer,
    oauth_token: token,
    oauth_signature: `%26${secret}`,
    oauth_nonce: randomUUID(),
    oauth_timestamp: String(Math.floor(Date.now() / 1000)),
  };
  const response = await fetch(`http://192.168.200.1:5240/MAAS/api/2.0/${url}`, {
    method,
    headers: {
      authorization: `OAuth ${Object.entries(parameters)
        .map(([name, value]) => `${name}="${value}"`)
        .join(", ")}`,
    },
    ...(form ? { body: new URLSearchParams(form) } : {}),
  });
  const text = await response.text();
  return { status: response.status, body: response.headers.get("content-type")?.includes("json") && text ? JSON.parse(text) : text };
}
