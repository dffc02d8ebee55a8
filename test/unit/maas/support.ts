import type { Clock } from "../../../components/maas/api/clock";

/** A clock whose sleeps are over at once. */
export class FakeClock implements Clock {
  sleeps: number[] = [];
  private time = 1_700_000_000_000;

  now(): number {
    return this.time;
  }

  async sleep(milliseconds: number): Promise<void> {
    this.sleeps.push(milliseconds);
    this.time += milliseconds;
  }
}

export interface Seen {
  method: string;
  /** Below `api/2.0/`, decoded. */
  path: string;
  form: [string, string][];
  headers: Headers;
}

export type Reply = { status?: number; json?: unknown; text?: string; type?: string; headers?: Record<string, string> } | Error;

/** `fetch` that asks a function for the answer and keeps what it was asked. */
export function fakeFetch(answer: (seen: Seen) => Reply): { fetch: typeof fetch; seen: Seen[] } {
  const seen: Seen[] = [];
  const fake = async (input: string | URL | Request, init?: RequestInit) => {
    const url = new URL(String(input));
    const request: Seen = {
      method: init?.method ?? "GET",
      path: decodeURIComponent(url.pathname.replace(/^.*\/api\/2\.0\//, "") + url.search),
      form: [...new URLSearchParams(String(init?.body ?? ""))],
      headers: new Headers(init?.headers),
    };
    seen.push(request);
    const reply = answer(request);
    if (reply instanceof Error) {
      throw reply;
    }
    const { status = 200, json, text, type = json === undefined ? "text/plain" : "application/json", headers } = reply;
    const body = status === 204 ? null : json === undefined ? (text ?? "") : JSON.stringify(json);
    return new Response(body, { status, headers: { "content-type": type, ...headers } });
  };
  return { fetch: fake as typeof fetch, seen };
}

/** As undici throws it. */
export function connectionError(code: string): Error {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });
}
