import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { k3sVersions } from "../../../rig/stand-ins/k3s";
import versions from "../../../versions.json";

const source = path.join(__dirname, "../../../rig/stand-ins/k3s");
const read = (...name: string[]) => fs.readFileSync(path.join(source, ...name), "utf8");
const manifests = path.join(source, "internal/addons/manifests");

describe("the k3s stand-in's pins", () => {
  const { version, next, before, kubernetes } = versions.k3s;

  it.each([
    ["go.mod", kubernetes],
    ["k3s-before.mod", before.split("+")[0]],
  ])("has in %s the Kubernetes of versions.json, staging modules alike", (file, wanted) => {
    const goMod = read("..", file);
    expect(goMod).toContain(`\tk8s.io/kubernetes ${wanted}\n`);
    const staging = [...goMod.matchAll(/^\tk8s\.io\/\S+ => k8s\.io\/\S+ (\S+)$/gm)].map((match) => match[1]);
    expect(new Set(staging)).toEqual(new Set([wanted.replace("v1.", "v0.")]));
  });

  it("is of one version in every go.mod of what an up builds: each further one is compiled anew", () => {
    const modules = execFileSync("git", ["ls-files", "rig/**/go.mod"], { cwd: path.resolve(__dirname, "../../.."), encoding: "utf8" });
    const used = modules
      .trim()
      .split("\n")
      .flatMap((file) => {
        const text = fs.readFileSync(path.resolve(__dirname, "../../..", file), "utf8");
        const required = [...text.matchAll(/^\s*(k8s\.io\/(?:api|apimachinery|client-go)) (v\S+)/gm)];
        // What a replacement says is what is compiled.
        return required.map(([, module, version]) => {
          const replaced = new RegExp(
            `^\\s*(?:replace )?${module.replace(".", "\\.")}(?: v\\S+)? => ${module.replace(".", "\\.")} (v\\S+)`,
            "m",
          ).exec(text);
          return [file, module, replaced?.[1] ?? version];
        });
      });
    expect(used.length).toBeGreaterThan(5);
    expect([...new Set(used.map(([, , version]) => version))]).toEqual([versions.k3s.kubernetes.replace("v1.", "v0.")]);
  });

  it("offers another revision of that Kubernetes to upgrade to, and the minor version before to upgrade from", () => {
    expect(k3sVersions).toEqual([version, next, before]);
    const minors = k3sVersions.map((each) => Number(/^v1\.(\d+)\.\d+\+k3s\d+$/.exec(each)?.[1]));
    expect(minors).toEqual([minors[0], minors[0], minors[0] - 1]);
    expect([version, next].map((each) => each.split("+")[0])).toEqual([kubernetes, kubernetes]);
    expect(next).not.toBe(version);
  });

  it("runs the images that are assembled, under their references", () => {
    const used = fs
      .readdirSync(manifests)
      .map((name) => fs.readFileSync(path.join(manifests, name), "utf8"))
      .concat(read("internal/node/containerd.go"))
      .flatMap((text) => [...text.matchAll(/homelab\.internal\/[a-z0-9-]+:[0-9.]+/g)].map((match) => match[0]));
    const standIns = ["coredns", "local-path-provisioner", "local-path-helper", "pause", "traefik"] as const;
    expect(new Set(used)).toEqual(new Set(standIns.map((name) => versions.images[name].standIn)));
  });

  it("closes the folder of all volumes to other users, as k3s does: a volume itself is open to its pod's, whoever that is", () => {
    const [{ data }] = (yaml.loadAll(fs.readFileSync(path.join(manifests, "local-storage.yaml"), "utf8")) as any[]).filter(
      ({ kind }) => kind === "ConfigMap",
    );
    const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-volumes-"));
    try {
      execFileSync("sh", ["-ec", data.setup], { env: { ...process.env, VOL_DIR: path.join(folder, "storage/volume") } });
      expect(fs.statSync(path.join(folder, "storage")).mode & 0o777).toBe(0o700);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
