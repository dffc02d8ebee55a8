/** Django's forms in small: fields are read one by one, errors gathered by field, and thrown together. */
import ipaddr from "ipaddr.js";
import { ApiError, contentTypes } from "./answers";
import type { Fields } from "./request";

export type Errors = Record<string, string[]>;

export const required = "This field is required.";
export const invalidModelChoice = "Select a valid choice. That choice is not one of the available choices.";
export const invalidChoice = (value: string) => `Select a valid choice. ${value} is not one of the available choices.`;
const macPattern = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;
export const isMac = (value: string) => macPattern.test(value);
export const normaliseMac = (value: string) => value.toLowerCase().replaceAll("-", ":");
export const isIp = (value: string) => ipaddr.isValid(value) && (value.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(value));

export function formErrors(errors: Errors): ApiError {
  return new ApiError(400, JSON.stringify(errors), contentTypes.json);
}

/** Any text but "false" (whatever its case) and "" ticks a Django checkbox: `0` does too. */
export const checkbox = (value: string | undefined) => value !== undefined && value !== "" && value.toLowerCase() !== "false";

/** MAAS's strict booleans outside forms. */
export function strictBoolean(fields: Fields, name: string): boolean {
  const value = fields.get(name);
  if (value === undefined) return false;
  if (["true", "1", "yes", "on"].includes(value.toLowerCase())) return true;
  if (["false", "0", "no", "off"].includes(value.toLowerCase())) return false;
  throw new ApiError(400, `Invalid ${name}: Value should be 'true' or 'false'`);
}

export class Form {
  readonly errors: Errors = {};

  /** `creating` makes required fields required; an update keeps what is not sent. */
  constructor(
    readonly fields: Fields,
    readonly creating = true,
  ) {}

  error(field: string, message: string): undefined {
    (this.errors[field] ??= []).push(message);
    return undefined;
  }

  has(name: string): boolean {
    return this.fields.has(name);
  }

  get(name: string): string | undefined {
    return this.fields.get(name)?.trim();
  }

  /** A value that must be there when something is created. */
  required(name: string, check?: (value: string) => string | undefined): string | undefined {
    const value = this.get(name);
    if (value === undefined || value === "") {
      if (this.creating || value === "") this.error(name, required);
      return undefined;
    }
    return this.checked(name, value, check);
  }

  optional(name: string, check?: (value: string) => string | undefined): string | undefined {
    const value = this.get(name);
    return value === undefined || value === "" ? value : this.checked(name, value, check);
  }

  private checked(name: string, value: string, check?: (value: string) => string | undefined): string | undefined {
    const message = check?.(value);
    return message ? this.error(name, message) : value;
  }

  integer(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined || value === "") return undefined;
    if (!/^-?\d+$/.test(value)) return this.error(name, "Enter a whole number.");
    return Number(value);
  }

  boolean(name: string): boolean | undefined {
    return this.has(name) ? checkbox(this.get(name)) : undefined;
  }

  done(): void {
    if (this.fields.unbound) throw formErrors({});
    if (Object.keys(this.errors).length > 0) throw formErrors(this.errors);
  }
}

/** Missing parameters of operations that are not forms. */
export function mandatory(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (value === undefined) throw new ApiError(400, `No provided ${name}!`);
  return value;
}
