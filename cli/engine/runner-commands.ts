/**
 * A forge's runner takes a line of a job's output that starts with `::`, and `##[` anywhere in one, for a command: to hide a word in
 * the log, to stop listening, to mark a file. Names and texts of settings, and what machines say, get into the output.
 */
const command = /(^|[\r\n])([\s\u0085]*)::/g;

/** The same text for a reader, which no runner takes for a command. */
export function withoutCommands(text: string): string {
  return text.replace(command, "$1$2: :").replaceAll("##[", "## [");
}

const onRunner = () => process.env.GITHUB_ACTIONS === "true";

type Write = typeof process.stdout.write;
let direct: Write | undefined;

/** From here on only `toRunner` gives the runner commands. Does nothing elsewhere. */
export function keepCommandsFromOutput(): void {
  if (!onRunner()) {
    return;
  }
  direct = process.stdout.write.bind(process.stdout) as Write;
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    stream.write = ((chunk: unknown, ...rest: unknown[]) =>
      write(typeof chunk === "string" ? withoutCommands(chunk) : chunk, ...rest)) as Write;
  }
}

/** Gives the runner a command, such as an annotation of a file. Returns false where there is no runner: nothing is written then. */
export function toRunner(line: string): boolean {
  if (onRunner()) {
    (direct ?? process.stdout.write.bind(process.stdout))(`${line}\n`);
  }
  return onRunner();
}
