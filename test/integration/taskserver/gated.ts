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
    readonly gate: HaProxy,
    readonly port: number,
  ) {}

  static async create(revoked: (server: TaskdOnLoopback) => Promise<string[]> = async () => []): Promise<GatedTaskd> {
    const server = await TaskdOnLoopback.create({ organisations });
    await server.layOut();
    const certificates = await revoked(server);
    const { certificate: authority, privateKey: authorityKey } = server.authority;
    const folder = path.join(server.folder, "gate");
    await mkdir(folder);
    if (certificates.length > 0) {
      const list = await renderRevocations({ authority, authorityKey, revoked: certificates });
      await writeFile(path.join(folder, "crl.pem"), list);
    }
    await server.start();
    await writeFile(path.join(folder, "ca.pem"), authority);
    await writeFile(path.join(folder, "server.pem"), `${server.served.certificate}\n${server.served.privateKey}`, { mode: 0o600 });
    const port = await freePort();
    const config = renderTaskdGate(
      { listen: port, server: server.port },
      { log: true, trust: "strict", revocations: certificates.length > 0 },
      folder,
    );
    const here = config
      // Its metrics' port may be taken here.
      .replace(/bind :8404/, `bind 127.0.0.1:${await freePort()}`)
      // What is refused is refused by our configuration, and not by this computer's OpenSSL.
      .replace(/^ *maxconn/m, (line) => `  ssl-default-bind-ciphers DEFAULT:@SECLEVEL=0\n${line}`);
    return new GatedTaskd(server, await HaProxy.start(folder, here, port), port);
  }

  through(access: UserAccess): UserAccess {
    return { ...access, taskd: { ...access.taskd!, server: `127.0.0.1:${this.port}` } };
  }

  async destroy(): Promise<void> {
    await this.gate.stop();
    await this.server.destroy();
  }
}
