import versions from "../../versions.json";

export interface SupportedLine {
  what: string;
  /** The minor version that is pinned, such as `1.34`. */
  line: string;
  /** Its last day, as `YYYY-MM-DD`. */
  ends: string;
  /** Where that was read. */
  read: string;
}

/** The pinned minor versions whose support has a known end. Projects without one support only their newest. */
export const supportedLines: readonly SupportedLine[] = Object.entries(versions.support).map(([what, line]) => ({ what, ...line }));

/** Those that have ended by a day. */
export function pastEnd(day: Date, lines = supportedLines): SupportedLine[] {
  const today = day.toISOString().slice(0, 10);
  return lines.filter(({ ends }) => ends < today);
}
