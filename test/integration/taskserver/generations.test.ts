import { authorityArgs, serverCertificateArgs, serverRequest } from "../../../components/taskserver/certificates";
import { renderRevocations } from "../../../components/taskserver/revocations";
import type { UserAccess } from "../../../components/taskserver/taskrc";
import { GatedTaskd } from "./gated";
import { type Issued, issue } from "./issuer";

jest.setTimeout(180_000);

/** What `TaskPki` makes of generations, with a real taskd behind the real HAProxy and Debian's Taskwarrior. */
describe("another generation of the task servers' certificates", () => {
  let gated: GatedTaskd;
  const authorities: Record<number, Issued> = {};

  const bundle = (generation: number) =>
    generation === 1 ? authorities[1].certificate : `${authorities[generation].certificate}\n${authorities[generation - 1].certificate}\n`;

  /** A device as `lab taskrc` gives it to its user in this generation. */
  async function device(name: string, generation: number, user = "Home/alice") {
    const access = gated.through(await gated.server.access(user, authorities[generation]));
    return { access, client: await gated.server.client(name, withAuthority(access, bundle(generation))) };
  }

  const withAuthority = (access: UserAccess, ca: string): UserAccess => ({ ...access, taskd: { ...access.taskd!, ca } });

  /** The servers after an `up` with this generation; their own certificate is of the authority before. */
  async function raise(generation: number, revoked: Record<number, string[]>): Promise<void> {
    const { certificates } = gated.server.settings;
    authorities[generation] = await issue(certificates.algorithm, authorityArgs(certificates, generation));
    const request = { ...serverRequest(certificates, ["tasks.test"]), ipAddresses: ["127.0.0.1"] };
    const leaf = await issue(certificates.algorithm, { ...request, ...serverCertificateArgs(certificates) }, authorities[generation - 1]);
    const lists = await Promise.all(
      [generation, generation - 1].map((each) => {
        const { certificate, privateKey } = authorities[each];
        return renderRevocations({ authority: certificate, authorityKey: privateKey, revoked: revoked[each] ?? [] });
      }),
    );
    await gated.restart({ authority: bundle(generation), server: leaf, revocations: lists.join("") });
  }

  beforeAll(async () => {
    gated = await GatedTaskd.create();
    authorities[1] = gated.server.authority;
  });
  afterAll(() => gated.destroy());

  it("lets devices go on with the generation before, and with no older one", async () => {
    const first = await device("first", 1);
    await first.client.task("add", "of the first generation");
    await first.client.sync(true);

    const { access: gone, client: goneFirst } = await device("gone", 1, "Home/bob");
    await goneFirst.sync(true);
    await raise(2, { 1: [gone.taskd!.certificate] });
    await first.client.task("add", "with the old certificate");
    await first.client.sync();
    const second = await device("second", 2);
    await second.client.sync(true);
    expect(await second.client.descriptions()).toEqual(["of the first generation", "with the old certificate"]);
    // A list of each authority: who was removed stays out, and nobody else is.
    await expect(goneFirst.sync()).rejects.toThrow();

    await raise(3, {});
    const third = await device("third", 3);
    await third.client.sync(true);
    await second.client.task("add", "of the second generation");
    await second.client.sync();
    await third.client.sync();
    expect(await third.client.descriptions()).toContain("of the second generation");
    await expect(first.client.sync()).rejects.toThrow();
  });
});
