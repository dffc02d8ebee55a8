/** A step cannot go on, and the user can do something about it: shown without a stack trace. */
export class StepError extends Error {
  constructor(
    finding: string,
    /** What to do: a command, a setting. */
    readonly fix?: string,
    /** The end of the log that tells why, if there is one. */
    readonly tail?: string,
  ) {
    super(finding);
    this.name = "StepError";
  }

  /** For stderr. */
  format(): string {
    return [this.message, this.tail?.replace(/^/gm, "  | "), this.fix && `what to do: ${this.fix}`].filter(Boolean).join("\n");
  }
}
