import { Bytes, type PropertyValue } from "../protocol";

/** What a machine may print over SSH, both streams together, in bytes: far above any command's, far below what the memory holds. */
export const LARGEST_OUTPUT = 64 << 20;

/** Of a line without an end, characters that are kept until it is logged as it is. */
const LONGEST_LINE = 64 << 10;

/** Takes what a command prints: by stream for the state, in order of arrival for errors, line by line for the log. */
export class Outputs {
  private readonly chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  private readonly mixed: Buffer[] = [];
  private readonly partial = { stdout: "", stderr: "" };
  private readonly logged: { stdout: boolean; stderr: boolean };
  private bytes = 0;

  constructor(
    logging: string | undefined,
    private readonly log: (line: string) => void,
  ) {
    // Anything that is none of the four words logs both, as the official plugin does.
    this.logged = { stdout: logging !== "none" && logging !== "stderr", stderr: logging !== "none" && logging !== "stdout" };
  }

  /** Whether there is no room for what comes next. */
  get full(): boolean {
    return this.bytes > LARGEST_OUTPUT;
  }

  add(stream: "stdout" | "stderr", chunk: Buffer): void {
    this.bytes += chunk.length;
    this.chunks[stream].push(chunk);
    this.mixed.push(chunk);
    if (this.logged[stream]) {
      const lines = (this.partial[stream] + chunk.toString()).split("\n");
      if ((lines.at(-1)?.length ?? 0) < LONGEST_LINE) {
        this.partial[stream] = lines.pop() ?? "";
      } else {
        this.partial[stream] = "";
      }
      for (const line of lines) {
        this.log(line);
      }
    }
  }

  /** Logs a last line without a newline. */
  end(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.partial[stream] !== "") {
        this.log(this.partial[stream]);
        this.partial[stream] = "";
      }
    }
  }

  /** Both streams as in the state: without one last newline; bytes that are no text as bytes. */
  state(): { stdout: PropertyValue; stderr: PropertyValue } {
    return { stdout: text(this.chunks.stdout), stderr: text(this.chunks.stderr) };
  }

  /** The end of the output as it came. */
  last(): string {
    return (this.mixed.at(-1) ?? Buffer.alloc(0)).subarray(-4096).toString();
  }

  /** All output as it came. */
  all(): string {
    return Buffer.concat(this.mixed).toString();
  }
}

let byteStrings = true;

/** Whether the engine takes outputs that are not UTF-8; if not, what is no text in them is replaced by U+FFFD. */
export function useByteStrings(use: boolean): void {
  byteStrings = use;
}

const NEWLINE = 0x0a;

function text(chunks: readonly Buffer[]): PropertyValue {
  const whole = Buffer.concat(chunks);
  const trimmed = whole.at(-1) === NEWLINE ? whole.subarray(0, -1) : whole;
  const decoded = trimmed.toString();
  return !byteStrings || trimmed.equals(Buffer.from(decoded)) ? decoded : new Bytes(trimmed.toString("base64"));
}

/** A previous output as an environment variable. */
export function asVariable(value: PropertyValue | undefined): string {
  return value instanceof Bytes ? Buffer.from(value.base64, "base64").toString("latin1") : typeof value === "string" ? value : "";
}
