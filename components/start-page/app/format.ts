/** Numbers, times and labels as people read them. */

const scaled = (value: number, base: number, units: readonly string[]): string => {
  let [number, index] = [value, 0];
  while (Math.abs(number) >= base && index < units.length - 1) {
    [number, index] = [number / base, index + 1];
  }
  return `${rounded(number)}${units[index]}`;
};

/** At most three digits that matter. */
function rounded(value: number): string {
  const magnitude = Math.abs(value);
  return String(Number(value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2)));
}

/** A length of time in its two largest units: `3 d 4 h`. */
export function duration(seconds: number): string {
  const sign = seconds < 0 ? "-" : "";
  const left = Math.abs(seconds);
  if (left < 1) {
    return left === 0 ? "0 s" : `${sign}${rounded(left * 1000)} ms`;
  }
  const units: [string, number][] = [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ];
  const first = units.findIndex(([, size]) => left >= size);
  const [name, size] = units[first];
  const next = units[first + 1];
  const rest = next ? Math.floor((left % size) / next[1]) : 0;
  return `${sign}${Math.floor(left / size)} ${name}${rest > 0 ? ` ${rest} ${next[0]}` : ""}`;
}

const per: Record<string, string> = { ops: "/s", reqps: " req/s", pps: " pkt/s", wps: " wr/s" };

/** A value in one of Grafana's units; a unit that is not known here is left out. */
export function format(value: number, unit: string): string {
  if (!Number.isFinite(value)) {
    return "–";
  }
  switch (unit) {
    case "percentunit":
      return `${rounded(value * 100)} %`;
    case "bytes":
      return scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]);
    case "Bps":
      return scaled(value, 1024, [" B/s", " KiB/s", " MiB/s", " GiB/s"]);
    case "s":
      return duration(value);
    default:
      return scaled(value, 1000, ["", " k", " M", " G"]) + (per[unit] ?? "");
  }
}

/** A legend such as `{{instance}} in`, or all labels where it is empty. */
export function legend(template: string, labels: Readonly<Record<string, string>>): string {
  if (template !== "") {
    return template.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? "");
  }
  return Object.entries(labels)
    .filter(([name]) => name !== "__name__")
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

export type Level = "good" | "warn" | "bad" | "none";

/** Where a value stands between thresholds that rise or fall. */
export function level(value: number, thresholds?: readonly [number, number]): Level {
  if (!thresholds || !Number.isFinite(value)) {
    return "none";
  }
  const [orange, red] = thresholds;
  if (orange <= red) {
    return value >= red ? "bad" : value >= orange ? "warn" : "good";
  }
  return value < red ? "bad" : value < orange ? "warn" : "good";
}

/**
 * A panel's expression with the dashboard's variables replaced.
 *
 * @param chosen value of the dashboard's variable; everything unless given
 * @param step seconds between two points
 */
export function expand(expr: string, chosen: string | undefined, step: number): string {
  const value = chosen ? chosen.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\\\$&") : ".+";
  const interval = `${Math.max(300, 4 * step)}s`;
  return expr.replaceAll("$__rate_interval", () => interval).replaceAll(/\$(instance|namespace)\b/g, () => value);
}
