import { parsedUrl } from "../../../components/core/url";
import { UserError } from "../../../components/core/user-error";
import { preseedTemplate } from "../../../components/maas/curtin";
import { installCommand } from "../../../components/maas/region-install";
import { maasJobs } from "../../../components/maas/watched";

test("a URL is taken apart", () => {
  expect(parsedUrl("url", "https://maas.test:5443/MAAS").port).toBe("5443");
});

test("what is no URL is the user's mistake, wherever the library takes one apart", () => {
  expect(() => maasJobs("maas.test/MAAS", [])).toThrow(UserError);
  expect(() => installCommand("maas.test/MAAS", { channel: "3.7/stable" })).toThrow(/^url: is not a URL\n {2}found: {3}"maas\.test\/MAAS"/);
});

test("a secret one is not in the message", () => {
  const preseed = () => preseedTemplate({ prefix: "curtin_userdata", curtin: { webhook: "hush" } }, 0);
  expect(preseed).toThrow(/^curtin\.webhook: is not a URL/);
  expect(preseed).not.toThrow(/hush/);
});
