import { createServer, type Server } from "node:http";

/** An alert as Alertmanager's webhook tells it. */
export interface ReceivedAlert {
  status: "firing" | "resolved";
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** What a webhook tells; messages for Slack and ntfy, which come here too, are other JSON or text. */
function alertsIn(body: string): ReceivedAlert[] {
  try {
    return (JSON.parse(body) as { alerts?: ReceivedAlert[] }).alerts ?? [];
  } catch {
    return [];
  }
}

/** A receiver of Alertmanager's messages: what a pager service is in real life. */
export class WebhookReceiver {
  readonly alerts: ReceivedAlert[] = [];
  private readonly server: Server;

  constructor(readonly port: number) {
    this.server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => {
        body += chunk;
      });
      request.on("end", () => {
        this.alerts.push(...alertsIn(body));
        response.end();
      });
    });
  }

  /** On every address: the lab's bridge, which the pods' messages come over, is one of them. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(this.port, () => resolve());
    });
  }

  async stop(): Promise<void> {
    if (!this.server.listening) {
      return;
    }
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
