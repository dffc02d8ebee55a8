/**
 * MAAS's routing: paths with a slash at the end, named operations chosen by `op`, 405 for a method that the endpoint has
 * in no form, 400 for an operation it does not have.
 */
import { Answer, ApiError, anonymousForbidden, contentTypes, methodNotAllowed, text, unknownEndpoint } from "./answers";
import type { MaasRequest } from "./request";

/** An endpoint's operations: `GET`, `POST`, … or `POST allocate`. */
export type Operations<C> = Record<string, (context: C) => unknown>;

export interface Endpoint<C> {
  /** Relative to `api/2.0/`, for example `machines/{system_id}/`. */
  path: string;
  operations: Operations<C>;
  /** What callers without login may do; without it they get 401. */
  anonymous?: Operations<C>;
  /** All of it is for admins: others are refused before anything else, whether they have logged in or not. */
  adminsOnly?: boolean;
}

interface Compiled<C> extends Endpoint<C> {
  pattern: RegExp;
  names: string[];
}

export interface Match<C> {
  endpoint: Endpoint<C>;
  parameters: Record<string, string>;
  /** From the `op-NAME` path suffix. */
  operation?: string;
}

export class Router<C> {
  private readonly endpoints: Compiled<C>[];

  constructor(endpoints: Endpoint<C>[]) {
    this.endpoints = endpoints.map((endpoint) => {
      const names: string[] = [];
      const source = endpoint.path.replace(/[.*+?^$|()[\]\\]/g, "\\$&").replace(/\{(\w+)\}/g, (_, name: string) => {
        names.push(name);
        return "([^/]+)";
      });
      return { ...endpoint, names, pattern: new RegExp(`^${source}(?:op-([\\w-]+))?$`) };
    });
  }

  match(path: string): Match<C> | undefined {
    for (const endpoint of this.endpoints) {
      const found = endpoint.pattern.exec(path);
      if (!found) continue;
      const parameters = Object.fromEntries(endpoint.names.map((name, index) => [name, decodeURIComponent(found[index + 1]!)]));
      return { endpoint, parameters, operation: found[endpoint.names.length + 1] };
    }
    return undefined;
  }

  /** The operation to run, or the answer where there is none. */
  select(match: Match<C>, request: MaasRequest, caller?: { isSuperuser: boolean }): ((context: C) => unknown) | Answer {
    const { endpoint } = match;
    if (endpoint.adminsOnly && !caller?.isSuperuser) throw new ApiError(403, "User is not allowed access to this API.");
    const operations = caller
      ? endpoint.operations
      : (endpoint.anonymous ?? (endpoint.operations.anyone ? endpoint.operations : undefined));
    const methods = [...new Set(Object.keys(endpoint.operations).map((key) => key.split(" ")[0]!))];
    if (!operations) throw anonymousForbidden();
    if (!methods.includes(request.method)) {
      const order = ["POST", "GET", "PUT", "DELETE"];
      return methodNotAllowed(methods.sort((a, b) => order.indexOf(a) - order.indexOf(b)));
    }
    // Without login a method that nobody may use so is refused before its operation is looked at.
    if (!caller && !Object.keys(operations).some((key) => key === "anyone" || key.split(" ")[0] === request.method))
      throw anonymousForbidden();
    const format = request.query.get("format");
    if (format !== undefined && format !== "json") {
      return text(`Invalid output format specified '${format}'.`, 400, contentTypes.bareText);
    }
    const name = match.operation ?? request.query.get("op") ?? (request.method === "POST" ? request.form.get("op") : undefined);
    const handler = operations[name ? `${request.method} ${name}` : request.method];
    if (!handler) throw new ApiError(400, `Unrecognised signature: method=${request.method} op=${name ?? "None"}`);
    return handler;
  }
}

export const apiPrefix = "/MAAS/api/2.0/";

export function outsideApi(path: string): Answer {
  if (path.startsWith("/MAAS/api/1.0/")) {
    return new Answer(410, "The 1.0 API is no longer available. Please use API version 2.0.", contentTypes.bareText, {
      "X-Frame-Options": "DENY",
    });
  }
  return unknownEndpoint(path);
}
