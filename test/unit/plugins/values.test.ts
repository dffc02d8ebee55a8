import * as fc from "fast-check";
import {
  copySecrets,
  fromWire,
  hasSecret,
  hasUnknown,
  isMap,
  Output,
  plain,
  Secret,
  strip,
  toWire,
  unknown,
} from "../../../rig/stand-ins/plugins/protocol";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const marked = (signature: string, fields: object) => ({ [SIGNATURE]: signature, ...fields });
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Wire values with every kind of mark at every depth. */
const wire = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false, UNKNOWN, "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"),
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "value", "secret", "hash"), tie("value"), { maxKeys: 3, noNullPrototype: true }),
    tie("value").map((value) => marked("1b47061264138c4ac30d75fd1eb44270", { value })),
    fc
      .record({ hash: fc.string(), path: fc.string(), text: fc.string() }, { requiredKeys: ["hash"], noNullPrototype: true })
      .map((fields) => marked("c44067f5952c0a294b673a41bacd8c17", fields)),
    tie("value").map((value) => marked("0def7320c3a5731c473e5ecbe6d01bc7", { assets: { "a.txt": value }, hash: "" })),
    tie("value").map((id) => marked("5cf8f73096256a8f31e491e813e4eb8e", { urn: "urn:pulumi:s::p::t::n", id })),
    fc.constant(marked("803fd3297a5875dc03ca845dda5d2a98", { value: "//4=" })),
    fc
      .record(
        { value: tie("value"), secret: fc.constant(true), dependencies: fc.constant(["urn:a"]) },
        { requiredKeys: [], noNullPrototype: true },
      )
      .map((fields) => marked("d0e6a833031e9bbcd3f4e8bde6ca49a4", fields)),
  ),
})).value;

test("wire values survive the way in and out, marks in place", () => {
  fc.assert(fc.property(wire, (value) => expect(toWire(fromWire(value))).toEqual(value)));
});

test("stripping takes every secret and output mark off, and only those", () => {
  fc.assert(
    fc.property(wire, (value) => {
      const stripped = strip(fromWire(value));
      // What archives and resource references hold is left as it is.
      expect(stripped instanceof Secret || stripped instanceof Output).toBe(false);
      expect(hasUnknown(stripped)).toBe(hasUnknown(fromWire(value)));
    }),
  );
});

test("a secret and an unknown are found however deep they lie", () => {
  const value = fromWire({ a: [{ b: marked("1b47061264138c4ac30d75fd1eb44270", { value: { c: UNKNOWN } }) }], d: 1 });
  expect(hasSecret(value)).toBe(true);
  expect(hasUnknown(value)).toBe(true);
  expect(hasSecret(fromWire({ a: ["b"] }))).toBe(false);
  expect(hasUnknown(fromWire({ a: ["b"] }))).toBe(false);
  expect(hasUnknown(new Output(undefined))).toBe(true);
});

test("plain values have no marks and nothing for what is not known", () => {
  expect(plain({ a: new Secret(["x", unknown]), b: new Output({ c: 1 }, true) })).toEqual({ a: ["x", undefined], b: { c: 1 } });
});

test("secret marks are put back where they were", () => {
  const inputs = { data: { user: "plain", password: new Secret("hush") }, list: [new Secret(1), 2] };
  const back = copySecrets(inputs, { data: { user: "plain", password: "hush", added: "x" }, list: [1, 2, 3] });
  expect(back).toEqual({ data: { user: "plain", password: new Secret("hush"), added: "x" }, list: [new Secret(1), 2, 3] });
});

test("marks are not maps", () => {
  expect([isMap({}), isMap([]), isMap(null), isMap(unknown), isMap(new Secret({}))]).toEqual([true, false, false, false, false]);
});

test("an unheard-of signature is refused, not passed off as data", () => {
  expect(() => fromWire(marked("ffffffffffffffffffffffffffffffff", {}))).toThrow(/older than the engine/);
});
