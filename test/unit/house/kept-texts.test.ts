import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KeptTexts } from "../../support/kept-texts";

describe("what looks at the files of a runner's jobs", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-kept-"));
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  const seen = (kept: KeptTexts) =>
    Object.fromEntries([...kept.texts].map(([file, texts]) => [path.relative(folder, file), [...texts].sort()]).sort());
  const write = async (name: string, text: string) => {
    await fs.mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await fs.writeFile(path.join(folder, name), text);
  };

  it("sees files that were there, that come and go, and each of their contents; nothing that it is not to look at", async () => {
    await write("there", "before");
    await write("job/there", "before");
    const kept = new KeptTexts(folder, (relative) => !relative.startsWith("other"));
    await kept.during(
      (async () => {
        await sleep(50);
        await write("a/new/folder/gone", "one");
        await sleep(50);
        await write("a/new/folder/gone", "two");
        await sleep(50);
        await fs.rm(path.join(folder, "a"), { recursive: true });
        await write("other/file", "unseen");
        await sleep(50);
        await write("a/again", "three");
        await write("job/there", "after");
        await fs.symlink("/dev/zero", path.join(folder, "job", "link"));
      })(),
    );
    expect(seen(kept)).toEqual({
      there: ["before"],
      "job/there": ["after", "before"],
      "a/new/folder/gone": ["one", "two"],
      "a/again": ["three"],
    });
  });

  it("sees what is left at the end, whenever it came, and ends where the work fails", async () => {
    const kept = new KeptTexts(folder, () => true);
    const failing = kept.during(
      (async () => {
        await write("late/file", "last");
        throw new Error("as it does");
      })(),
    );
    await expect(failing).rejects.toThrow("as it does");
    expect(seen(kept)).toEqual({ "late/file": ["last"] });
  });
});
