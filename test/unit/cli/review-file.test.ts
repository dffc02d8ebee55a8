import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { readReview } from "../../../cli/report/review";

/** review.json comes from the job of a pull request: anybody may have written it, whatever it is. */
describe("a file that should be a review", () => {
  let folder: string;
  const file = () => path.join(folder, "review.json");
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-review-"));
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  it("is read where it is one", async () => {
    const review = { format: 1, base: "b".repeat(40), head: "a".repeat(40), stacks: [] };
    await fs.writeFile(file(), JSON.stringify(review));
    expect(await readReview(file())).toEqual(review);
  });

  it.each([
    ["a link to what never ends", () => fs.symlink("/dev/zero", file()), "a link or a device"],
    ["a link to the reader's secrets", () => fs.symlink("/proc/self/environ", file()), "a link or a device"],
    ["a pipe that nobody writes to", async () => execFileSync("mkfifo", [file()]), "a link or a device"],
    ["a folder", () => fs.mkdir(file()), "a link or a device"],
    ["nothing", async () => undefined, "there is no such file"],
    [
      "larger than a review may be",
      async () => fs.truncate(file(), 33 << 20).catch(() => fs.writeFile(file(), Buffer.alloc(33 << 20))),
      "too large",
    ],
    ["no JSON", () => fs.writeFile(file(), "{"), "not JSON"],
    ["another thing", () => fs.writeFile(file(), '{"format":2}'), "not a review"],
    ["an object that is its own prototype's", () => fs.writeFile(file(), '{"__proto__":{"format":1}}'), "not a review"],
  ])("is refused where it is %s", async (_, make, why) => {
    await make();
    await expect(readReview(file())).rejects.toThrow(why);
  });
});
