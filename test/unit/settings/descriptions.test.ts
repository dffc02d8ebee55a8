import { z } from "zod";
import { type JsonSchema, settingsJsonSchema, stackJsonSchema } from "../../../cli/reference/schema";
import { duration } from "../../../components/core/notations";

interface Described {
  path: string;
  text?: string;
}

/** Every setting below a path with its own description; one that a notation brings along says nothing about the setting. */
function settingsOf(path: string, { properties, additionalProperties, items, anyOf, oneOf }: JsonSchema): Described[] {
  const named = Object.entries(properties ?? {}).flatMap(([name, part]) => [
    { path: `${path}.${name}`, text: part.description },
    ...settingsOf(`${path}.${name}`, part),
  ]);
  const inner = [...(anyOf ?? []), ...(oneOf ?? []), ...(items ? [items] : []), ...(additionalProperties ? [additionalProperties] : [])];
  return [...named, ...inner.flatMap((part) => (typeof part === "object" ? settingsOf(`${path}[]`, part) : []))];
}

describe("the settings' descriptions", () => {
  const schema = settingsJsonSchema();
  const all = settingsOf("homelab", schema);

  it("leave out no setting", () => {
    expect(all.length).toBeGreaterThan(400);
    expect(all.filter(({ text }) => !text).map(({ path }) => path)).toEqual([]);
  });

  it("are short sentences that start with a noun or a verb", () => {
    const odd = all.filter(
      ({ text = "" }) => !/^(\p{Lu}|k3s|taskd)[^\n]{8,200}\.$/su.test(text) || /^(Whether|If|When|The|A|An) /.test(text),
    );
    expect(odd).toEqual([]);
  });

  it("would be missed: those of a setting, of an alternative's, of a list's and of a map's", () => {
    const part = z.strictObject({ span: duration.optional() });
    const lacking = z.strictObject({
      plain: z.string(),
      list: z.array(part).describe("List."),
      map: z.record(z.string(), part).describe("Map."),
      either: z.union([z.string(), part]).describe("Either."),
    });
    const found = settingsOf("top", z.toJSONSchema(lacking, { io: "input", unrepresentable: "any" }) as JsonSchema);
    expect(found.filter(({ text }) => !text).map(({ path }) => path)).toEqual([
      "top.plain",
      "top.list[].span",
      "top.map[].span",
      "top.either[].span",
    ]);
  });

  it("are joined by those of the notations that they share", () => {
    const { $defs = {} } = stackJsonSchema();
    expect(Object.keys($defs)).toEqual(expect.arrayContaining(["duration", "size", "address", "network", "macAddress", "url", "schedule"]));
    expect(Object.entries($defs).filter(([, { description }]) => !description)).toEqual([]);
    const used = JSON.stringify(stackJsonSchema()).match(/"#\/\$defs\/\w+"/g) ?? [];
    expect(used.filter((reference) => !(JSON.parse(reference).split("/").at(-1) in $defs))).toEqual([]);
  });
});
