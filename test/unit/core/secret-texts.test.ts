import { Secret } from "../../../components/core/secret";
import { secretTexts } from "../../../components/guards/secret-texts";

test("what no resource may have in clear: secret texts, but neither words nor what the settings say in clear as well", () => {
  const settings = {
    url: "qemu+ssh://lab@192.168.200.2/system",
    power: {
      power_pass: new Secret("correct-horse-1"),
      power_address: new Secret("qemu+ssh://lab@192.168.200.2/system"),
      privilege_level: new Secret("ADMINISTRATOR"),
      power_boot_type: new Secret("auto"),
    },
    commands: [new Secret(["curtin", "in-target", "--", "apt-get", "install", "python3-yaml"]), new Secret('echo "two\nlines"')],
    sealed: Secret.sealed(),
  };
  expect(secretTexts(settings)).toEqual(["correct-horse-1", 'echo "two\nlines"', 'echo \\"two\\nlines\\"']);
});
