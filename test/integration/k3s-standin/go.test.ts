import { spawnSync } from "node:child_process";
import * as path from "node:path";

const source = path.resolve(__dirname, "../../../rig/stand-ins/k3s");
const packages = [...["options", "credentials", "datastore", "supervisor", "node"].map((name) => `./internal/${name}`), "./kube-vip"];

// The packages above Kubernetes' programs only: what they share with the build of the stand-in is compiled once for both.
describe("the k3s stand-in's own Go tests", () => {
  it("pass, with the flags of the build", () => {
    const done = spawnSync("go", ["test", "-mod=readonly", "-trimpath", "-vet=off", ...packages], {
      cwd: source,
      encoding: "utf8",
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" },
    });
    // Without Go there is no lab either.
    expect(done.error).toBeUndefined();
    expect(`${done.stdout}${done.stderr}`).not.toMatch(/FAIL|panic|no test files/);
    expect(done.status).toBe(0);
  }, 900_000);
});
