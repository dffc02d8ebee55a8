import { UserError } from "../../../components/core/user-error";
import { parseScript, readScript } from "../../../components/maas/script-metadata";

const script = { file: "scripts/45-x.sh", where: "homelab:maas.scripts[0].file" };
const withHeader = (...lines: string[]) =>
  ["#!/bin/sh", "# --- Start MAAS 1.0 script metadata ---", ...lines, "# --- End MAAS 1.0 script metadata ---", "true", ""].join("\n");

test("name and type come from the header, the name from the file without one", () => {
  expect(
    parseScript(withHeader("# name: 50-fio", "# script_type: testing", "# parameters:", "#   storage: {type: storage}"), script),
  ).toMatchObject({
    name: "50-fio",
    type: "testing",
  });
  expect(parseScript("#!/bin/sh\ntrue\n", script)).toMatchObject({ name: "45-x" });
  expect(parseScript("#!/bin/sh\ntrue\n", { ...script, name: "other" })).toMatchObject({ name: "other" });
});

test("another content is another digest", () => {
  expect(parseScript("#!/bin/sh\n", script).digest).not.toBe(parseScript("#!/bin/sh\ntrue\n", script).digest);
});

test.each([
  ["no shebang", "echo hello\n", "shebang"],
  ["a header that is not closed", "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: x\n", "not closed"],
  ["a header that is no YAML", withHeader("# name: ["), "no YAML"],
  ["a header line that is no comment", withHeader("name: x"), "is no comment"],
  ["a header that is a list", withHeader("# - name"), "no map"],
  ["a misspelt key", withHeader("# hardware_typ: cpu"), "no hardware_typ"],
  ["an unknown type", withHeader("# script_type: cooking"), "script_type of its header is wrong"],
  ["a timeout in words", withHeader("# timeout: five minutes"), "timeout of its header is wrong"],
  ["a flag that is none", withHeader("# destructive: maybe"), "destructive of its header is wrong"],
])("%s is refused before anything is uploaded", (_what, content, message) => {
  let error: unknown;
  try {
    parseScript(content, script);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).problems[0]).toMatchObject({
    path: "homelab:maas.scripts[0].file",
    message: expect.stringContaining(message),
    fix: expect.stringMatching(/\w/),
  });
});

test("a file that is not there is named", () => {
  expect(() => readScript({ file: "nowhere/45-x.sh" }, 2)).toThrow(/homelab:maas.scripts\[2\].file: cannot be read/);
});
