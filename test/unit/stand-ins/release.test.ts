import { createHash } from "node:crypto";
import { verifiedRelease } from "../../../rig/stand-ins/engine/release";

/** The vendor's servers in small: the list of checksums and the archive. */
const vendor = (list: string, archive = "an archive") =>
  (async (url: string) => new Response(url.endsWith("-checksums.txt") ? list : archive)) as unknown as typeof fetch;
const line = (text: string, name = "pulumi-v3.220.0-linux-x64.tar.gz") => `${createHash("sha256").update(text).digest("hex")}  ${name}\n`;

it("is taken where its checksum is the published one", async () => {
  const list = `${line("another", "pulumi-v3.220.0-linux-arm64.tar.gz")}${line("an archive")}`;
  expect(String(await verifiedRelease("3.220.0", "linux-x64", vendor(list)))).toBe("an archive");
});

it("is refused where it is another one, and where no checksum is published", async () => {
  await expect(verifiedRelease("3.220.0", "linux-x64", vendor(line("an archive"), "another"))).rejects.toThrow(
    /has the checksum .* instead of/,
  );
  await expect(verifiedRelease("3.220.0", "linux-arm64", vendor(line("an archive")))).rejects.toThrow(
    "does not name pulumi-v3.220.0-linux-arm64",
  );
});
