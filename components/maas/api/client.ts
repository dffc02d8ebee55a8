import { randomBytes } from "node:crypto";
import { limitedText, parseJson, TooMuch } from "../../core/limits";
import { type Clock, realClock } from "./clock";
import { MaasError, MaasUnreachable, readRefusal } from "./errors";
import { StepError } from "./step-error";

export type FormValue = string | number | boolean | readonly (string | number)[] | undefined;
export type Form = Readonly<Record<string, FormValue>>;

export interface MaasClientOptions {
  /** With its path, for example `http://192.168.200.1:5240/MAAS`. */
  url: string;
  /** `consumer:token:secret`. */
  apiKey: string;
  fetch?: typeof fetch;
  clock?: Clock;
  /** Gets a line for each repetition. */
  log?: (line: string) => void;
  /** How long to go on while MAAS is away (a snap refresh restarts it), in milliseconds. */
  patience?: number;
  /** One answer may take this long, in milliseconds: MAAS talks to BMCs inside the request. */
  timeout?: number;
}

export interface PostOptions<T> {
  /**
   * A POST that may have been carried out is never sent again blindly. This looks whether it was: the answer to use, or
   * undefined when nothing happened and it may be repeated. Without it the failure is thrown.
   */
  settled?: () => Promise<T | undefined>;
}

/** Connection failures in which nothing can have reached the server. */
const NEVER_SENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];
/**
 * A plain 500 is mostly a bug that stays. So is a 503 without Retry-After: in plain text it is about one machine's
 * controller, a VM host that does not answer, or addresses that have run out.
 */
const ATTEMPTS_AT_LASTING = 3;

/** The region controller's API 2.0 over HTTP, with OAuth 1.0 PLAINTEXT as MAAS wants it. */
export class MaasClient {
  /** Requests sent so far, repetitions included. */
  requests = 0;
  private readonly base: string;
  private readonly key: readonly [consumer: string, token: string, secret: string];
  private readonly clock: Clock;
  /** Seconds that MAAS's clock is ahead of ours. */
  private skew = 0;

  constructor(private readonly options: MaasClientOptions) {
    this.base = `${options.url.replace(/\/+$/, "").replace(/\/api\/2\.0$/, "")}/api/2.0/`;
    const parts = options.apiKey.trim().split(":");
    if (parts.length !== 3 || parts.some((part) => part === "")) {
      throw new Error("the MAAS API key must have three parts, consumer:token:secret, as `maas apikey` prints it");
    }
    this.key = parts as [string, string, string];
    this.clock = options.clock ?? realClock;
  }

  get<T>(path: string, query: Form = {}): Promise<T> {
    return this.repeat("GET", path, query, undefined, undefined);
  }

  put<T>(path: string, form: Form): Promise<T> {
    return this.repeat("PUT", path, {}, form, undefined);
  }

  /** A named operation with `op`, a creation without. */
  post<T>(path: string, op: string | undefined, form: Form = {}, { settled }: PostOptions<T> = {}): Promise<T> {
    return this.repeat("POST", path, op ? { op } : {}, form, settled ?? (() => Promise.reject(new NotRepeatable())));
  }

  /** Something that is gone already is deleted; false then. */
  async delete(path: string, query: Form = {}): Promise<boolean> {
    try {
      await this.repeat("DELETE", path, query, undefined, undefined);
      return true;
    } catch (error) {
      if (error instanceof MaasError && error.status === 404) {
        return false;
      }
      throw error;
    }
  }

  private async repeat<T>(
    method: string,
    path: string,
    query: Form,
    form: Form | undefined,
    settled?: () => Promise<T | undefined>,
  ): Promise<T> {
    const patience = this.options.patience ?? 180_000;
    const started = this.clock.now();
    let corrected = false;
    let lasting = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.send<T>(method, path, query, form);
      } catch (error) {
        if (!corrected && this.correctSkew(error)) {
          corrected = true;
          continue;
        }
        lasting += error instanceof MaasError && error.isLasting ? 1 : 0;
        const wait = lasting >= ATTEMPTS_AT_LASTING ? undefined : this.pause(error, attempt);
        if (wait === undefined || this.clock.now() - started + wait > patience) {
          throw error;
        }
        this.options.log?.(`${(error as Error).message}; next try in ${Math.ceil(wait / 1000)} s`);
        await this.clock.sleep(wait);
        if (settled && !this.isUntouched(error)) {
          const answer = await settled().catch((problem: unknown) => {
            throw problem instanceof NotRepeatable ? error : problem;
          });
          if (answer !== undefined) {
            return answer;
          }
        }
      }
    }
  }

  /** Milliseconds until the next try; undefined when there is no point in one. */
  private pause(error: unknown, attempt: number): number | undefined {
    const backoff = Math.min(500 * 2 ** (attempt - 1), 15_000);
    if (error instanceof MaasUnreachable) {
      return backoff;
    }
    if (!(error instanceof MaasError) || !error.isTransient) {
      return undefined;
    }
    // Those that clashed once would clash again: each waits for a time of its own.
    const apart = error.status === 409 ? Math.random() * 2000 : 0;
    return Math.max(backoff, (error.retryAfter ?? 0) * 1000) + apart;
  }

  /** Certain that MAAS did nothing: the request never arrived, was turned away at the door, or was rolled back. */
  private isUntouched(error: unknown): boolean {
    return error instanceof MaasUnreachable
      ? error.neverSent
      : error instanceof MaasError && (error.status === 429 || error.status === 409);
  }

  /** A timestamp more than five minutes old is refused; the refusal tells MAAS's time. */
  private correctSkew(error: unknown): boolean {
    const times = error instanceof MaasError && error.status === 401 && /given (\d+) and now (\d+)/.exec(error.text);
    if (!times) {
      return false;
    }
    this.skew += Number(times[2]) - Number(times[1]);
    this.options.log?.(`this computer's clock is ${Math.abs(this.skew)} s off MAAS's; going by MAAS's`);
    return true;
  }

  private async send<T>(method: string, path: string, query: Form, form: Form | undefined): Promise<T> {
    const search = encode(query).toString();
    const shown = search ? `${path}?${search}` : path;
    this.requests++;
    let answer: Response;
    let body: string;
    try {
      answer = await (this.options.fetch ?? fetch)(this.base + shown, {
        method,
        headers: {
          Authorization: this.authorization(),
          Accept: "application/json",
          ...(form && { "Content-Type": "application/x-www-form-urlencoded" }),
        },
        body: form && encode(form).toString(),
        signal: AbortSignal.timeout(this.options.timeout ?? 120_000),
        redirect: "manual",
      });
      body = await limitedText(answer);
    } catch (error) {
      if (error instanceof TooMuch) {
        throw unreadable(method, shown, error);
      }
      const code = errorCode(error);
      throw new MaasUnreachable(method, shown, code, NEVER_SENT.includes(code), this.options.url);
    }
    const contentType = answer.headers.get("content-type") ?? "";
    if (!answer.ok) {
      const { text, fields } = readRefusal(contentType, body);
      const retryAfter = Number(answer.headers.get("retry-after") ?? Number.NaN);
      throw new MaasError(
        answer.status,
        method,
        shown,
        this.withoutKey(text),
        fields,
        contentType,
        Number.isFinite(retryAfter) ? retryAfter : undefined,
      );
    }
    if (!/json/.test(contentType) || body === "") {
      return body as T;
    }
    try {
      return parseJson(body) as T;
    } catch (error) {
      if (error instanceof TooMuch) {
        throw unreadable(method, shown, error);
      }
      // Something between here and MAAS has cut it off or put a page of its own in its place.
      throw new MaasUnreachable(method, shown, "the answer is said to be JSON and is not", false, this.options.url);
    }
  }

  private authorization(): string {
    const [consumer, token, secret] = this.key;
    const parameters: Record<string, string> = {
      oauth_version: "1.0",
      oauth_signature_method: "PLAINTEXT",
      oauth_consumer_key: consumer,
      oauth_token: token,
      oauth_signature: `&${secret}`,
      oauth_timestamp: String(Math.floor(this.clock.now() / 1000) + this.skew),
      oauth_nonce: randomBytes(16).toString("hex"),
    };
    return `OAuth ${Object.entries(parameters)
      .map(([key, value]) => `${key}="${encodeURIComponent(value)}"`)
      .join(", ")}`;
  }

  /** MAAS's "Invalid signature" quotes the secret that it expected. */
  private withoutKey(text: string): string {
    // A part of a letter or two is no secret, and would take the words apart.
    return this.key
      .filter((part) => part.length > 2)
      .reduce((left, part) => left.replaceAll(part, "…"), text.replace(/(signature base string: ).*/, "$1…"));
  }
}

class NotRepeatable extends Error {}

function unreadable(method: string, path: string, error: TooMuch): StepError {
  return new StepError(`MAAS's answer to ${method} ${path} ${error.message}`, "see that homelab:maas.url leads to MAAS");
}

/** Lists are repeated fields, booleans words: MAAS takes any other text than `false` for true, even `0`. */
export function encode(form: Form): URLSearchParams {
  const encoded = new URLSearchParams();
  for (const [key, value] of Object.entries(form)) {
    for (const each of [value].flat()) {
      if (each !== undefined) {
        encoded.append(key, String(each));
      }
    }
  }
  return encoded;
}

/** undici wraps the system's error, and several of them when a name has several addresses. */
function errorCode(error: unknown): string {
  for (
    let each = error as { code?: unknown; cause?: unknown; errors?: unknown[]; name?: string } | undefined, depth = 0;
    each && depth < 5;
    depth++
  ) {
    if (typeof each.code === "string") {
      return each.code;
    }
    if (each.name === "TimeoutError") {
      return "no answer in time";
    }
    each = (each.cause ?? each.errors?.[0]) as typeof each;
  }
  return error instanceof Error ? error.message : String(error);
}
