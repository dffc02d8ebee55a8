import { Duplex } from "node:stream";
import * as tls from "node:tls";

/** The first message of a TLS client, as it goes over the wire. */
export function clientHello(): Buffer {
  const written: Buffer[] = [];
  const wire = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => {
      written.push(chunk);
      done();
    },
  });
  const client = tls.connect({ socket: wire, host: "127.0.0.1", minVersion: "TLSv1.2" });
  client.on("error", () => undefined);
  const hello = () => Buffer.concat(written);
  return hello();
}
