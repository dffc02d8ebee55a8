import * as pulumi from "@pulumi/pulumi";
import { changed } from "../../../components/core/inputs";
import { parsedUrl } from "../../../components/core/url";
import { UserError } from "../../../components/core/user-error";
import { recordResources } from "../../support/mocks";

recordResources();

const host = ({ url }: { url: string; names: string[] }) => parsedUrl("url", url).host;
const promised = <T>(value: pulumi.Input<T>) => (pulumi.output(value) as unknown as { promise(): Promise<T> }).promise();

test("plain values are changed, and refused, at once", () => {
  expect(changed({ url: "http://a.test", names: ["a"] }, host)).toBe("a.test");
  expect(() => changed({ url: "a.test", names: ["a"] }, host)).toThrow(UserError);
});

test.each([
  ["the value", (url: string) => pulumi.output({ url, names: ["a"] })],
  ["a part of it", (url: string) => ({ url: pulumi.output(url), names: ["a"] })],
  ["a part of a list in it", (url: string) => ({ url, names: [Promise.resolve("a")] })],
])("an output as %s is changed as soon as it is known", async (_, value) => {
  await expect(promised(changed(value("http://a.test"), host))).resolves.toBe("a.test");
});
