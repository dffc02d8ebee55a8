import { trustSteps } from "../../../cli/verbs/ca";

it("trust in the lab's authority is explained for each system, with the file's name", () => {
  const steps = Object.fromEntries(trustSteps("/home/anna/lab-ca.crt"));
  expect(Object.keys(steps)).toEqual([
    "Debian, Ubuntu",
    "Fedora, RHEL",
    "Arch",
    "macOS",
    "Windows",
    "iOS, iPadOS",
    "Android",
    "Firefox",
    "Chrome on Linux",
  ]);
  // Where a command does it, it names the file.
  for (const system of ["Debian, Ubuntu", "Fedora, RHEL", "Arch", "macOS", "Windows", "Chrome on Linux"]) {
    expect([system, steps[system]]).toEqual([system, expect.stringContaining("lab-ca.crt")]);
  }
});
