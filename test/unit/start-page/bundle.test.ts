import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { bundled } from "../../../components/start-page/bundle";

describe("the bundle of the start page", () => {
  let folder: string;
  let app: string;
  let kept: string;
  const write = (name: string, text: string) => fs.writeFileSync(path.join(app, name), text);

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-bundle-"));
    app = path.join(folder, "app");
    kept = path.join(folder, "kept", "start-page.json");
    fs.mkdirSync(app);
    write("main.tsx", 'import { text } from "./text";\ndocument.title = text;\n');
    write("text.ts", 'export const text: string = "one";\n');
    write("page.css", "body {\n  margin: 0;\n}\n");
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  it("is of the sources as they are", () => {
    expect(bundled(app)).toEqual({ "page.js": expect.stringContaining('document.title="one"'), "page.css": "body{margin:0}\n" });
  });

  it("is kept for as long as no file that is in it changes, and no other file makes it", () => {
    const first = bundled(app, kept);
    const mark = () => fs.writeFileSync(kept, fs.readFileSync(kept, "utf8").replace('\\"one\\"', '\\"kept\\"'));
    mark();
    write("other.ts", "export {};\n");
    expect(bundled(app, kept)["page.js"]).toBe(first["page.js"].replace("one", "kept"));
    write("text.ts", 'export const text: string = "two";\n');
    expect(bundled(app, kept)["page.js"]).toContain('document.title="two"');
    write("text.ts", 'export const text: string = "one";\n');
    expect(bundled(app, kept)).toEqual(first);
    mark();
    const other = JSON.parse(fs.readFileSync(kept, "utf8")) as { by: string };
    fs.writeFileSync(kept, JSON.stringify({ ...other, by: "another version" }));
    expect(bundled(app, kept)).toEqual(first);
  });

  it.each(["", "{", "{}", "null"])("is made anew where %j is kept, and all the same where nothing can be", (text) => {
    fs.mkdirSync(path.dirname(kept));
    fs.writeFileSync(kept, text);
    const made = bundled(app, kept);
    expect(made["page.js"]).toContain('document.title="one"');
    expect(bundled(app, path.join(app, "text.ts", "no-folder"))).toEqual(made);
  });
});
