/** What the engine is doing to a resource. `same` and `read` change nothing. */
export interface OperationEvent {
  kind: "begun" | "finished" | "failed";
  urn: string;
  operation: string;
}

export interface MessageEvent {
  kind: "message";
  urn?: string;
  severity: "info" | "warning" | "error";
  text: string;
}

export interface SummaryEvent {
  kind: "summary";
  changes: Record<string, number>;
}

export type EngineEvent = OperationEvent | MessageEvent | SummaryEvent;

interface Raw {
  resourcePreEvent?: { metadata: { op: string; urn: string } };
  resOutputsEvent?: { metadata: { op: string; urn: string } };
  resOpFailedEvent?: { metadata: { op: string; urn: string } };
  diagnosticEvent?: { urn?: string; severity: string; message: string };
  summaryEvent?: { resourceChanges?: Record<string, number> };
}

const operation = (kind: OperationEvent["kind"], { metadata }: { metadata: { op: string; urn: string } }): OperationEvent => ({
  kind,
  urn: metadata.urn,
  operation: metadata.op,
});

/**
 * Reads one line of `pulumi up --json` (the engine's `apitype.EngineEvent`). Debug messages are dropped: they hold values of
 * resources, secret ones included. Anything else that is not an event is returned as a message, so that nothing is lost.
 */
export function parseEngineEvent(line: string): EngineEvent | undefined {
  if (line.trim() === "") {
    return undefined;
  }
  let raw: Raw;
  try {
    raw = JSON.parse(line) as Raw;
  } catch {
    return { kind: "message", severity: "info", text: line };
  }
  if (raw.resourcePreEvent) {
    return operation("begun", raw.resourcePreEvent);
  }
  if (raw.resOutputsEvent) {
    return operation("finished", raw.resOutputsEvent);
  }
  if (raw.resOpFailedEvent) {
    return operation("failed", raw.resOpFailedEvent);
  }
  if (raw.summaryEvent) {
    return { kind: "summary", changes: raw.summaryEvent.resourceChanges ?? {} };
  }
  const { diagnosticEvent } = raw;
  if (!diagnosticEvent || diagnosticEvent.severity === "debug") {
    return undefined;
  }
  const severity = diagnosticEvent.severity === "error" || diagnosticEvent.severity === "warning" ? diagnosticEvent.severity : "info";
  return { kind: "message", urn: diagnosticEvent.urn, severity, text: diagnosticEvent.message.trimEnd() };
}
