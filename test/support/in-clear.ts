import { Secret } from "../../components/core/secret";

/** Plain lists and maps with every secret in them revealed. */
export function inClearNow(value: unknown): unknown {
  if (Secret.isInstance(value)) {
    return inClearNow(value.reveal());
  }
  if (Array.isArray(value)) {
    return value.map(inClearNow);
  }
  return value !== null && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inClearNow(each)]))
    : value;
}
