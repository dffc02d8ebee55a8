import { mkdir, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { renderTaskdGate } from "../../../components/taskserver/gate";
import { renderRevocations } from "../../../components/taskserver/revocations";
import type { UserAccess } from "../../../components/taskserver/taskrc";
import { HaProxy } from "../../support/haproxy";
import { freePort, TaskdOnLoopback } from "./server";

export const organisations = [{ name: "Home", users: [{ name: "alice" }, { name: "bob" }] }];

/** A real taskd behind the real HAProxy, both on loopback and configured as in the pod. */
export class GatedTaskd {
  private constructor(
    readonly server: TaskdOnLoopback,
    public gate: HaProxy,
    readonly port: number,
  ) {}

  static async create(revoked: (server: TaskdOnLoopback) => Promise<string[]> = async () => []): Promise<GatedTaskd> {
    const server = await TaskdOnLoopback.create({ organisations });
    await server.layOut();
    const certificates = await revoked(server);
    const { certificate: authority, privateKey: authorityKey } = server.authority;
    const revocations = certificates.length > 0 ? await renderRevocations({ authority, authorityKey, revoked: certificates }) : undefined;
    await mkdir(path.join(server.folder, "gate"));
    await server.start();
    const port = await freePort();
    return new GatedTaskd(server, await startGate(server, port, { authority, server: server.served, revocations }), port);
  }

  /** Both with other certificates: authorities to trust, the servers' own, lists of what is revoked. */
  async restart(pki: Pki): Promise<void> {
    await this.gate.stop();
    await this.server.stop("SIGKILL");
    await this.server.write("ca.pem", pki.authority);
    await this.server.write("server.pem", pki.server.certificate);
    await this.server.write("server.key", pki.server.privateKey);
    await this.server.write("crl.pem", pki.revocations ?? "");
    await this.server.layOut();
    await this.server.start();
    this.gate = await startGate(this.server, this.port, pki);
  }

  through(access: UserAccess): UserAccess {
    return { ...access, taskd: { ...access.taskd!, server: `127.0.0.1:${this.port}` } };
  }

  async destroy(): Promise<void> {
    await this.gate.stop();
    await this.server.destroy();
  }
}

interface Pki {
  authority: string;
  server: { certificate: string; privateKey: string };
  revocations?: string;
}

async function startGate(server: TaskdOnLoopback, port: number, pki: Pki): Promise<HaProxy> {
  const folder = path.join(server.folder, "gate");
  await writeFile(path.join(folder, "ca.pem"), pki.authority);
  await writeFile(path.join(folder, "server.pem"), `${pki.server.certificate}\n${pki.server.privateKey}`, { mode: 0o600 });
  if (pki.revocations !== undefined) {
    await writeFile(path.join(folder, "crl.pem"), pki.revocations);
  }
  const config = renderTaskdGate(
    { listen: port, server: server.port },
    { log: true, trust: "strict", revocations: pki.revocations !== undefined },
    folder,
  );
  const here = config
    // Its metrics' port may be taken here.
    .replace(/bind :8404/, `bind 127.0.0.1:${await freePort()}`)
    // What is refused is refused by our configuration, and not by this computer's OpenSSL.
    .replace(/^ *maxconn/m, (line) => `  ssl-default-bind-ciphers DEFAULT:@SECLEVEL=0\n${line}`);
  return HaProxy.start(folder, here, port);
}
