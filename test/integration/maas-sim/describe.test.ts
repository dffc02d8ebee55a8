/** What generic clients build themselves from. */
import { Server } from "./server";

it("describe/ names handlers, their parameters and operations, without login", async () => {
  const server = await Server.start();
  const response = await fetch(`${server.url}/api/2.0/describe/`);
  const { resources } = (await response.json()) as {
    resources: { auth: { name: string; path: string; params: string[]; actions: { name: string; op: string | null; method: string }[] } }[];
  };
  const handler = (name: string) => resources.find(({ auth }) => auth.name === `${name}Handler`)?.auth;
  expect(handler("Partition")).toMatchObject({
    path: "/MAAS/api/2.0/nodes/{system_id}/blockdevices/{device_id}/partition/{id}",
    params: ["system_id", "device_id", "id"],
  });
  expect(handler("Vlan")).toMatchObject({ params: ["fabric_id", "vid"] });
  expect(handler("Fabric")).toMatchObject({ params: ["id"] });
  expect(handler("Machines")?.actions).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: "allocate", op: "allocate", method: "POST" }),
      expect.objectContaining({ name: "read", op: null }),
    ]),
  );
  await server.stop();
});
