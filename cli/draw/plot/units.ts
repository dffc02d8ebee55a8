/** Values as Grafana's units show them, in few characters. */

/** At most three digits that mean something. */
function digits(value: number): string {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}

function scaled(value: number, base: number, names: readonly string[]): string {
  let rest = value;
  let index = 0;
  while (Math.abs(rest) >= base && index < names.length - 1) {
    rest /= base;
    index += 1;
  }
  return `${digits(rest)}${names[index]}`;
}

const TIMES: [seconds: number, name: string][] = [
  [365 * 86_400, " years"],
  [86_400, " days"],
  [3_600, " h"],
  [60, " min"],
  [1, " s"],
  [1e-3, " ms"],
  [1e-6, " µs"],
];

function time(seconds: number): string {
  const [size, name] = TIMES.find(([unit]) => Math.abs(seconds) >= unit) ?? [1, " s"];
  return `${digits(seconds / size)}${name}`;
}

const SI = ["", " k", " M", " G"];
const BINARY = [" B", " KiB", " MiB", " GiB", " TiB"];
const RATES: Record<string, string> = { reqps: " req/s", ops: " /s", pps: " p/s", wps: " /s" };

/** @param unit Grafana's name of a unit; an unknown one is a plain number */
export function format(value: number, unit: string): string {
  if (!Number.isFinite(value)) {
    return "–";
  }
  switch (unit) {
    case "percentunit":
      return `${digits(value * 100)} %`;
    case "bytes":
      return scaled(value, 1024, BINARY);
    case "Bps":
      return `${scaled(value, 1024, BINARY)}/s`;
    case "s":
      return time(value);
    default:
      return `${scaled(value, 1000, SI)}${RATES[unit] ?? ""}`;
  }
}
