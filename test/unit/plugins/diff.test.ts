import { Asset, changes, equal, fromWire, Secret, topLevel, unknown } from "../../../rig/stand-ins/plugins/protocol";

test("one entry a changed leaf, a secret being one leaf", () => {
  const olds = { same: 1, env: { A: "1", "b.c": "1", gone: "x" }, list: ["a", "b"], secret: new Secret({ a: 1, b: 2 }), removed: [1] };
  const news = { same: 1, env: { A: "2", "b.c": "2" }, list: ["a", "c", "d"], secret: new Secret({ a: 1, b: 3 }), added: { x: 1 } };
  expect(Object.fromEntries(changes(olds, news))).toEqual({
    "env.A": "update",
    'env["b.c"]': "update",
    "env.gone": "delete",
    "list[1]": "update",
    "list[2]": "add",
    secret: "update",
    removed: "delete",
    added: "add",
  });
});

test("what is not known has changed", () => {
  expect([...changes({ a: "x" }, { a: unknown })]).toEqual([["a", "update"]]);
  expect(equal(unknown, unknown)).toBe(false);
});

test("a value and the same value as a secret differ", () => {
  expect(equal("a", new Secret("a"))).toBe(false);
  expect(equal(new Secret("a"), new Secret("a"))).toBe(true);
});

test("files are the same when their hashes are", () => {
  expect(equal(new Asset({ hash: "1", path: "/a" }), new Asset({ hash: "1" }))).toBe(true);
  expect(equal(new Asset({ hash: "1" }), new Asset({ hash: "2" }))).toBe(false);
});

test("null is as good as absent", () => {
  expect([...changes({ a: null }, {})]).toEqual([]);
});

test("the first step of a path", () => {
  expect(["a.b", "a[0]", 'a["x.y"]', '["x.y"].z', "a"].map(topLevel)).toEqual(["a", "a", "a", "x.y", "a"]);
  expect([...changes({}, fromWire({ "x.y": 1 }) as never)]).toEqual([['["x.y"]', "add"]]);
});
