/** Checks power parameters against what the power type asks for, as MAAS's machine form does. */

import { type PowerField, powerType } from "../data/power-types";
import { crashed } from "../http/answers";
import type { Form } from "../http/forms";
import type { Fields } from "../http/request";

const prefix = "power_parameters_";

/** The parameters that a request carries: single fields, or one JSON object. */
export function givenParameters(fields: Fields): Record<string, string> | undefined {
  const given: Record<string, string> = {};
  const blob = fields.get("power_parameters");
  if (blob) {
    try {
      for (const [name, value] of Object.entries(JSON.parse(blob) as Record<string, unknown>))
        given[name] = typeof value === "string" ? value : JSON.stringify(value);
    } catch {
      // MAAS takes what is no JSON for an empty object.
    }
  }
  for (const name of fields.names())
    if (name.startsWith(prefix) && name !== `${prefix}skip_check`) given[name.slice(prefix.length)] = fields.get(name)!;
  return Object.keys(given).length > 0 ? given : undefined;
}

export const skipCheck = (fields: Fields) => fields.get(`${prefix}skip_check`)?.toLowerCase() === "true";

function fieldError(field: PowerField, value: string): string | undefined {
  if (value === "") return field.required ? "This field is required." : undefined;
  if (field.field_type === "choice" && !field.choices.some(([name]) => name === value)) {
    const allowed = field.choices.map(([name]) => `'${name}'`).join(", ");
    return `'${value}' is not a valid ${field.name}.  It should be one of: ${allowed}.`;
  }
  if (field.field_type === "mac_address" && !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(value))
    return `'${value}' is not a valid MAC address.`;
  return undefined;
}

/** MAAS takes the address apart when it looks for the BMC's own record, and stumbles over a URL of a redfish BMC. */
function checkAddress(type: string, parameters: Record<string, unknown>): void {
  const address = String(parameters.power_address ?? "");
  if (type === "redfish" && /^https?:\/\/\d+\.\d+\.\d+\.\d+/.test(address)) {
    throw crashed("IPAddress() does not support netmasks or subnet prefixes! See documentation for details.");
  }
}

/** The full set for the type: what was given, what was there before, defaults. Errors go into the form. */
export function readPowerParameters(
  form: Form,
  type: string,
  before: Record<string, unknown>,
  creating: boolean,
): Record<string, unknown> | undefined {
  const given = givenParameters(form.fields);
  const driver = powerType(type);
  if (!driver) return undefined;
  if (!given && !creating) return undefined;
  const skip = skipCheck(form.fields);
  const unknown = Object.keys(given ?? {}).filter((name) => !driver.fields.some((field) => field.name === name));
  if (unknown.length > 0 && !skip) return form.error("power_parameters", `Unknown parameter(s): ${unknown.sort().join(", ")}.`);
  if (!given && driver.fields.some((field) => field.required && field.default === "") && !skip)
    return form.error("power_parameters", "This field is required.");
  const result: Record<string, unknown> = {};
  for (const field of driver.fields) {
    const value = given?.[field.name] ?? before[field.name] ?? field.default;
    if (!skip) {
      const message = typeof value === "string" ? fieldError(field, value) : undefined;
      if (message) form.error("power_parameters", `${field.label}: ${message}`);
    }
    result[field.name] = field.field_type === "multiple_choice" && typeof value === "string" ? value.split(",").filter(Boolean) : value;
  }
  if (form.errors.power_parameters === undefined && !skip) checkAddress(type, result);
  return result;
}
