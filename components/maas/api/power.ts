import { isStatus } from "./errors";
import { readsOf } from "./region-reads";
import { StepError } from "./step-error";
import type { Context } from "./wait";

/** As `rackcontrollers/?op=describe_power_types` tells. */
interface PowerType {
  name: string;
  description: string;
  fields: { name: string; label: string; required: boolean; choices?: [value: string, label: string][] }[];
}

export type PowerParameters = Record<string, string | number | boolean | string[]>;

/** Holds the parameters against what this MAAS says that the power type takes, before anything is made with them. */
export async function checkPower(context: Context, machine: string, type: string, parameters: PowerParameters): Promise<void> {
  const read = () => context.client.get<PowerType[]>("rackcontrollers/", { op: "describe_power_types" });
  const types = await readsOf(context)
    .once("power types", read)
    .catch((error: unknown) => {
      // Not in MAAS before 2.9; the form that creates the machine checks as well.
      if (isStatus(error, 400, 404)) {
        return undefined;
      }
      throw error;
    });
  const known = types?.find((each) => each.name === type);
  if (!types || types.length === 0) {
    return;
  }
  const path = "homelab:machines[].power";
  if (!known) {
    throw new StepError(
      `${machine}: this MAAS has no power type ${type}; it has ${types.map((each) => each.name).join(", ")}`,
      `change ${path}.type`,
    );
  }
  const names = known.fields.map((each) => each.name);
  for (const key of Object.keys(parameters)) {
    if (!names.includes(key)) {
      throw new StepError(
        `${machine}: the power type ${type} has no parameter ${key}; it has ${names.join(", ") || "none"}`,
        `correct ${path}.parameters.${key}`,
      );
    }
  }
  for (const field of known.fields) {
    const value = parameters[field.name];
    if (value === undefined && field.required && !hasDefault(field)) {
      throw new StepError(
        `${machine}: the power type ${type} needs ${field.name} (${field.label})`,
        `add ${path}.parameters.${field.name}`,
      );
    }
    const choices = field.choices?.map(([choice]) => String(choice)) ?? [];
    const wrong = value === undefined || choices.length === 0 ? undefined : [value].flat().find((each) => !choices.includes(String(each)));
    if (wrong !== undefined) {
      throw new StepError(
        `${machine}: ${field.name} of the power type ${type} cannot be ${JSON.stringify(wrong)}; allowed are ${choices.filter(Boolean).join(", ")}`,
        `correct ${path}.parameters.${field.name}`,
      );
    }
  }
}

function hasDefault(field: object): boolean {
  const value = (field as { default?: unknown }).default;
  return value !== undefined && value !== null && value !== "";
}

/** As MAAS's forms take them. */
export function powerForm(type: string, parameters: PowerParameters): Record<string, string | number | boolean | string[]> {
  const prefixed = Object.entries(parameters).map(([key, value]) => [`power_parameters_${key}`, value]);
  return { power_type: type, ...Object.fromEntries(prefixed) };
}
