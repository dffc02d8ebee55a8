/** Small pure parts of the simulator. */

import { parseSize } from "../../../rig/maas/api/storage-node";
import { powerTypes } from "../../../rig/maas/data/power-types";
import { checkbox, Form, strictBoolean } from "../../../rig/maas/http/forms";
import { Fields } from "../../../rig/maas/http/request";
import { readPowerParameters } from "../../../rig/maas/machine/power-parameters";
import { matches, xpathError } from "../../../rig/maas/machine/tag-rules";
import { decodeUserData } from "../../../rig/maas/metadata";
import { humanSize } from "../../../rig/maas/render/storage";

describe("booleans", () => {
  it("of Django's checkboxes are true for any text but false, so for 0", () => {
    expect(["1", "0", "no", "true"].map((text) => checkbox(text))).toEqual([true, true, true, true]);
    expect(["false", "False", "", undefined].map((text) => checkbox(text))).toEqual([false, false, false, false]);
  });

  it("outside forms are refused where they are neither", () => {
    expect(() => strictBoolean(new Fields([["erase", "perhaps"]]), "erase")).toThrow("Value should be 'true' or 'false'");
  });
});

describe("power parameters", () => {
  const read = (type: string, fields: [string, string][], before = {}) => {
    const form = new Form(new Fields(fields.map(([name, value]) => [`power_parameters_${name}`, value])));
    const values = readPowerParameters(form, type, before, true);
    return { values, errors: form.errors };
  };

  it("get the type's defaults", () => {
    expect(read("ipmi", [["power_address", "10.0.0.1"]]).values).toMatchObject({
      power_driver: "LAN_2_0",
      privilege_level: "OPERATOR",
      workaround_flags: ["opensesspriv"],
    });
  });

  it.each([
    ["virsh", [["power_address", "qemu:///system"]], "Virsh VM ID: This field is required."],
    [
      "ipmi",
      [
        ["power_address", "10.0.0.1"],
        ["power_driver", "LAN_9"],
      ],
      "Power driver: 'LAN_9' is not a valid power_driver.  It should be one of: 'LAN', 'LAN_2_0'.",
    ],
    ["manual", [["bogus", "1"]], "Unknown parameter(s): bogus."],
  ] as [string, [string, string][], string][])("of %s are checked", (type, fields, message) => {
    expect(read(type, fields).errors).toEqual({ power_parameters: [message] });
  });

  it("keep what an update leaves out", () => {
    expect(read("ipmi", [["power_pass", "new"]], { power_address: "10.0.0.1", power_user: "u" }).values).toMatchObject({
      power_address: "10.0.0.1",
      power_user: "u",
      power_pass: "new",
    });
  });

  it("are known for every type that MAAS offers, each named once", () => {
    expect(new Set(powerTypes.map(({ name }) => name)).size).toBe(powerTypes.length);
    expect(powerTypes.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["manual", "ipmi", "redfish", "amt", "webhook", "lxd", "virsh"]),
    );
  });
});

describe("tag definitions", () => {
  it.each(["//node[[", "//node[", "//node[@id='core]"])("%s is no expression", (text) => {
    expect(xpathError(text)).toBe("Invalid expression");
  });

  it("match elements that the machine has", () => {
    expect(matches("//node[@id='core']")).toBe(true);
    expect(matches("//node[@class='processor' and @id='cpu:0']")).toBe(true);
    expect(matches("//node[@id='flux-capacitor']")).toBe(false);
  });
});

describe("user data", () => {
  it("is decoded where it is base64, else left alone", () => {
    expect(decodeUserData(Buffer.from("#cloud-config\n").toString("base64")).toString()).toBe("#cloud-config\n");
    expect(decodeUserData("#!/bin/sh\n").toString()).toBe("#!/bin/sh\n");
  });
});

describe("sizes", () => {
  it("are read in powers of ten, with an i of two", () => {
    expect(["10G", "1000000", "1.5T", "4Mi"].map(parseSize)).toEqual([10e9, 1e6, 1.5e12, 4 * 1024 * 1024]);
    expect(parseSize("big")).toBeNaN();
  });

  it("are shown in decimal units", () => {
    expect(humanSize(960197124096)).toBe("960.2 GB");
  });
});
