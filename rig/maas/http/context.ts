/** What an endpoint gets to work with. */
import type { Maas } from "../maas";
import type { User } from "../state/model";
import { adminsOnly, anonymousForbidden, forbidden } from "./answers";
import type { MaasRequest } from "./request";

export class Context {
  constructor(
    readonly maas: Maas,
    readonly request: MaasRequest,
    readonly parameters: Record<string, string>,
    private readonly caller: User | undefined,
  ) {}

  /** The logged-in user. */
  get user(): User {
    if (!this.caller) throw anonymousForbidden();
    return this.caller;
  }

  get anonymous(): boolean {
    return this.caller === undefined;
  }

  get isAdmin(): boolean {
    return this.caller?.isSuperuser === true;
  }

  get form() {
    return this.request.form;
  }

  get query() {
    return this.request.query;
  }

  parameter(name: string): string {
    return this.parameters[name] ?? "";
  }

  /** For methods that name admins in their refusal. */
  requireAdmin(): void {
    if (!this.isAdmin) throw adminsOnly();
  }

  /** For objects whose permissions refuse without a word. */
  requirePermission(allowed: boolean): void {
    if (!allowed) throw forbidden();
  }
}
