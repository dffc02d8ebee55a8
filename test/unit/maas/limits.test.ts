import { limitedText, parseJson, TooMuch } from "../../../components/core/limits";
import { MaasClient } from "../../../components/maas/api/client";
import { execute } from "../../../components/maas/run/program";

describe("limits for what comes from outside", () => {
  test("JSON may be nested 128 levels, and brackets in texts do not count", () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    expect(parseJson(nested(128))).toBeDefined();
    expect(() => parseJson(nested(129))).toThrow(TooMuch);
    expect(() => parseJson("[".repeat(5_000_000))).toThrow(TooMuch);
    expect(parseJson(JSON.stringify({ text: `\\"${"[{".repeat(500)}` }))).toBeDefined();
  });

  test("an answer is read up to its limit, whatever it says of its length", async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent++;
        controller.enqueue(new Uint8Array(1 << 20));
      },
    });
    await expect(limitedText(new Response(endless), 4 << 20)).rejects.toThrow("larger than 4 MiB");
    expect(sent).toBeLessThan(10);
    await expect(limitedText(new Response("x", { headers: { "content-length": "99999999999" } }))).rejects.toThrow(TooMuch);
    expect(await limitedText(new Response("ä"))).toBe("ä");
  });

  test("an answer that is cut off counts as none, and is asked for again", async () => {
    const answers = ['[{"name": "att', '[{"name": "attic"}]'];
    const fetch = (async () =>
      new Response(answers.shift(), { headers: { "content-type": "application/json" } })) as typeof globalThis.fetch;
    const clock = { now: () => 0, sleep: async () => undefined };
    const client = new MaasClient({ url: "http://maas.test/MAAS", apiKey: "a:b:c", fetch, clock });
    expect(await client.get("zones/")).toEqual([{ name: "attic" }]);
  });

  test.each([
    ["no JSON", "{", "stdin is not JSON", 2],
    ["no object", "[]", "stdin is not a JSON object", 2],
    ["too deep", "[".repeat(1000), "nested more than 128", 2],
    ["too large", `"${"x".repeat(17 << 20)}"`, "larger than 16 MiB", 2],
    ["of another shape", "{}", "the step failed: ", 1],
  ])("stdin of a step that is %s is refused without a stack trace", async (_, stdin, message, code) => {
    const lines: string[] = [];
    const fetch = (async () => new Response("[]", { headers: { "content-type": "application/json" } })) as typeof globalThis.fetch;
    const clock = { now: () => 0, sleep: async () => undefined };
    const access = { MAAS_URL: "http://maas.test/MAAS", MAAS_API_KEY: "a:b:c" };
    expect((await execute(["enlist", "create"], stdin, access, (line) => lines.push(line), { fetch, clock })).code).toBe(code);
    expect(lines.join("\n")).toContain(message);
    expect(lines.join("\n")).not.toMatch(/^\s+at /m);
  });
});
