import { provider } from "../../../rig/stand-ins/plugins/random/provider";
import { mapTexts, ownRecordings, recordings, title, unordered } from "./recordings";
import { type Recorded, UnderTest } from "./wire";

/**
 * What differs between any two runs of the real plugin, by the type of the property: values of the same shape are taken
 * for the same. `shape` is undefined for what has to be the same to the letter.
 */
function shapes(call: Recorded): Record<string, RegExp> {
  const urn: string = call.request.urn ?? "";
  const seeded = call.request.properties?.seed !== undefined;
  const imported = call.method === "Read";
  if (imported || seeded || call.method === "Check" || call.method === "Diff") {
    return { bcryptHash: /^\$2a\$10\$[./A-Za-z0-9]{53}$/ };
  }
  const inputs = call.request.properties ?? {};
  const length = Number(inputs.length ?? 0);
  const uuid = urn.includes("RandomUuid7") ? "7" : urn.includes("RandomUuid4") ? "4" : "[0-9a-f]";
  const byType: [RegExp, Record<string, RegExp>][] = [
    [/RandomPassword/, { result: new RegExp(`^.{${length}}$`), bcryptHash: /^\$2a\$10\$[./A-Za-z0-9]{53}$/ }],
    [/RandomString/, { result: new RegExp(`^.{${length}}$`), id: new RegExp(`^.{${length}}$`) }],
    [/RandomPet/, { id: /^[a-z]+([-_][a-z]+)*$/ }],
    [/RandomUuid/, { id: new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${uuid}[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`), result: /^[0-9a-f-]{36}$/ }],
    [/RandomInteger/, { id: /^-?\d+$/, result: /^-?\d+$/ }],
    [/RandomShuffle/, { results: new RegExp(`^(${(inputs.inputs ?? []).join("|")})$`) }],
    [/RandomBytes/, { id: /^[A-Za-z0-9+/]+=*$/, base64: /^[A-Za-z0-9+/]+=*$/, hex: new RegExp(`^[0-9a-f]{${2 * length}}$`) }],
    [/RandomId/, { id: /^[\w-]*$/, b64Url: /^[\w-]*$/, b64Std: /^[\w+/=-]*$/, hex: /^(.*-)?[0-9a-f]*$/, dec: /^(.*-)?\d+$/ }],
  ];
  return byType.find(([type]) => type.test(urn))?.[1] ?? {};
}

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The answer with volatile values replaced by the name of their shape where they have it. */
function normal(answer: Record<string, any> | null, volatile: Record<string, RegExp>): unknown {
  const walk = (value: any, key: string): unknown => {
    const shape = volatile[key];
    if (shape && (typeof value === "string" || typeof value === "number") && value !== UNKNOWN && shape.test(String(value))) {
      return `(${shape.source})`;
    }
    if (Array.isArray(value)) {
      return value.map((item) => walk(item, key === "results" ? key : ""));
    }
    if (value !== null && typeof value === "object") {
      const inner = "value" in value && "4dabf18193072939515e22adb298388d" in value;
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, inner && name === "value" ? key : name)]));
    }
    return value;
  };
  return walk(answer, "");
}

/** Calls that end the official plugin with a panic, or that were made after it: the stand-in answers with an error. */
const crashed = (call: Recorded) => call.error?.some((error) => error.includes("code = Unavailable")) ?? false;

function suite(name: string, calls: Recorded[]) {
  describe(name, () => {
    let plugin: UnderTest;
    beforeAll(async () => {
      plugin = await UnderTest.start(provider);
    });
    afterAll(() => plugin.close());

    const replayed = calls.filter((call) => !["Handshake", "GetPluginInfo"].includes(call.method) && !crashed(call));
    it.each(replayed.map((call, index) => [title(call, index), call] as const))("%s", async (_, call) => {
      const answer = await plugin.call(call);
      const volatile = shapes(call);
      const expected = unordered({ response: call.response, error: call.error });
      const actual = unordered(answer);
      expect({ ...actual, response: normal(actual.response, volatile) }).toEqual({
        ...expected,
        response: normal(expected.response, volatile),
      });
    });
  });
}

suite("random: calls kept in this repository", ownRecordings("random"));
suite("random: the official plugin's recorded calls", recordings("random"));

test("a panic of the official plugin is an error here", async () => {
  const plugin = await UnderTest.start(provider);
  try {
    const urn = "urn:pulumi:s::p::random:index/randomPassword:RandomPassword::x";
    const answer = await plugin.call({ method: "Create", request: { urn, properties: { length: 8, minLower: -1 } } });
    expect(answer.error?.[0]).toContain("minLower");
  } finally {
    await plugin.close();
  }
});

test("texts are mapped in keys and values", () => {
  expect(mapTexts({ "$DIR/a": ["$DIR/b", 1] }, (text) => text.replace("$DIR", "/x"))).toEqual({ "/x/a": ["/x/b", 1] });
});
