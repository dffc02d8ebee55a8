import * as fs from "node:fs";
import * as path from "node:path";
import { RunError } from "@pulumi/pulumi";
import fc from "fast-check";
import * as yaml from "js-yaml";
import * as values from "../../../components/core/notations";
import { Secret } from "../../../components/core/secret";
import { editDistance, formatProblem, nearest, describe as show, UserError } from "../../../components/core/user-error";
import { at } from "../../../settings/schema";
import { parseSettings, readConfig } from "../../../settings/validate";
import { stackSettings } from "../program/fixtures";

describe("durations and sizes", () => {
  it("mean what they say", () => {
    expect(values.toSeconds("90 seconds")).toBe(90);
    expect(values.toSeconds("1 hour")).toBe(3600);
    expect(values.toGoDuration("15 days")).toBe("1296000s");
    expect(values.toBytes("16 GiB")).toBe(16 * 2 ** 30);
    expect(values.toQuantity("512 MiB")).toBe("512Mi");
  });
});

describe("addresses", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const address = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join("."));

  it("have the order of their numbers", () => {
    fc.assert(
      fc.property(address, address, (a, b) => {
        const [x, y] = [a, b].map((text) => text.split(".").map(Number));
        const first = x.findIndex((part, index) => part !== y[index]);
        const expected = first < 0 ? 0 : Math.sign(x[first] - y[first]);
        expect(Math.sign(values.addressNumber(a) - values.addressNumber(b))).toBe(expected);
      }),
    );
  });

  it("overlap both ways or not at all, and what contains overlaps", () => {
    const range = fc.tuple(fc.nat(1000), fc.nat(1000)).map(([start, length]) => ({ start, end: start + length }));
    fc.assert(
      fc.property(range, range, (a, b) => {
        const common = Math.min(a.end, b.end) - Math.max(a.start, b.start) + 1;
        expect(values.overlaps(a, b)).toBe(common > 0);
        expect(values.overlaps(b, a)).toBe(common > 0);
        expect(values.contains(a, b)).toBe(common === b.end - b.start + 1);
      }),
    );
  });

  it("come as network, range or one", () => {
    expect(values.parseRange("10.0.0.0/30")).toEqual(values.parseRange("10.0.0.0-10.0.0.3"));
    expect(values.parseRange("10.0.0.7")).toEqual(values.parseRange("10.0.0.7-10.0.0.7"));
  });

  it.each(["192.168.1.5/24", "192.168.1/24", "1.2.3.4/33", "::/0"])("are not %s", (text) => {
    expect(values.cidr.safeParse(text).success).toBe(false);
  });
});

describe("nearest", () => {
  it("finds a name through one typing mistake in it", () => {
    const names = ["environment", "machines", "cluster", "monitoring", "taskServers"];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.constantFrom("drop", "double", "swap"), (name, position, mistake) => {
        const i = position % (name.length - 1);
        const wrong = {
          drop: name.slice(0, i) + name.slice(i + 1),
          double: name.slice(0, i + 1) + name.slice(i),
          swap: name.slice(0, i) + name[i + 1] + name[i] + name.slice(i + 2),
        }[mistake] as string;
        expect(nearest(wrong, names)).toBe(name);
      }),
    );
  });

  it("says nothing when nothing is near", () => {
    expect(nearest("zzz", ["cluster", "images"])).toBeUndefined();
  });

  it("counts edits", () => {
    expect(["", "abc", "acb", "abcd", "xyz"].map((text) => editDistance("abc", text))).toEqual([3, 0, 1, 1, 3]);
  });
});

describe("messages", () => {
  it("are shown by the engine without a stack trace", () => {
    expect(RunError.isInstance(new UserError({ path: "homelab:x", message: "is wrong" }))).toBe(true);
  });

  it("name path, finding, allowed values and fix", () => {
    expect(formatProblem({ path: "homelab:x", message: "is wrong", found: 1, allowed: "2", fix: "write 2" })).toBe(
      "homelab:x: is wrong\n  found:   1\n  allowed: 2\n  fix:     write 2",
    );
  });

  it("show no secret, nor one that stands where none belongs", () => {
    expect(show(new Secret("hush"))).toBe("(secret, not shown)");
    expect(show({ power: { power_pass: new Secret("hush") } })).toBe('{"power":{"power_pass":"(secret)"}}');
    expect(show("-----BEGIN OPENSSH PRIVATE KEY-----\nhush\n")).not.toContain("hush");
    expect(show("postgres://k3s:hush@db/k3s")).toBe('"postgres://k3s:(secret)@db/k3s"');
  });

  it("have paths as the config has them", () => {
    expect(at("machines", 1, "power", "type")).toBe("homelab:machines[1].power.type");
  });
});

describe("Pulumi's flat configuration", () => {
  it("gives structured values back and leaves other namespaces alone", () => {
    expect(readConfig({ "homelab:machines": '[{"name":"a"}]', "homelab:environment": "sim", "other:x": "1" })).toEqual({
      machines: [{ name: "a" }],
      environment: "sim",
    });
  });
});

describe("Pulumi.yaml", () => {
  it("gives what a stack file leaves out defaults that the settings accept", () => {
    const { config } = yaml.load(fs.readFileSync(path.join(__dirname, "../../../Pulumi.yaml"), "utf8")) as {
      config: Record<string, { default: unknown }>;
    };
    const defaults = Object.fromEntries(Object.entries(config).map(([key, { default: value }]) => [key, value]));
    const { inventory, maasApiKey, ...rest } = defaults;
    // What the engine adds to each, and the two that the program takes as left out when they are empty.
    expect([inventory, maasApiKey]).toEqual(["", ""]);
    const settings = parseSettings({ ...rest, ...stackSettings("sim") });
    expect(settings).toEqual(parseSettings(stackSettings("sim")));
  });
});
