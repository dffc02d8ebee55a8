import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { provider } from "../../../rig/stand-ins/plugins/command/provider";
import { mapTexts, ownRecordings, recordings, title, unordered } from "./recordings";
import { type Recorded, UnderTest } from "./wire";

/** The folder of the recorded programs, made anew for each suite. */
function workFolder(): string {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "command-")));
  for (const folder of ["w/d1", "w/d2", "w/r"]) {
    fs.mkdirSync(path.join(directory, folder), { recursive: true });
  }
  // The program's own folder, seen under two names in the recordings.
  fs.symlinkSync("w", path.join(directory, "work"));
  fs.writeFileSync(path.join(directory, "w/x.md"), "");
  return directory;
}

const HASH = /^[0-9a-f]{64}$/;

/** The answer with what differs between two runs of the real plugin replaced by its shape. */
function normal(answer: unknown, call: Recorded): unknown {
  const name: string = call.request.name ?? call.request.urn?.split("::")[3] ?? "";
  const clock = JSON.stringify(call.request).includes("date +%N");
  const walk = (value: any, key: string): unknown => {
    if (typeof value === "string") {
      if (key === "id" && new RegExp(`^(${name})?[0-9a-f]{8}$`).test(value)) {
        return value.replace(/[0-9a-f]{8}$/, "(8 hex digits)");
      }
      if (key === "stdout" && clock && /^\d+$/.test(value)) {
        return "(clock)";
      }
      // The program's own file, whose content is not part of the recordings.
      return key === "hash" && call.method === "Invoke" && HASH.test(value) ? "(hash)" : value;
    }
    if (Array.isArray(value)) {
      return value.map((item) => walk(item, ""));
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([inner, item]) => [inner, walk(item, inner)]));
    }
    return value;
  };
  return walk(answer, "");
}

/** Lines of an error in order: the order between stdout and stderr is not kept officially either. */
function sortedLines(error: string[] | null): string[] | null {
  return error?.map((text) => text.split("\n").sort().join("\n")) ?? null;
}

/** Calls broken off because another resource had failed, before the plugin answered. */
const brokenOff = (call: Recorded) => call.error?.some((error) => /code = (Canceled|Unavailable)/.test(error)) ?? false;

/** Remote resources have a suite of their own, with a server. */
const remote = (call: Recorded) => call.scenario.startsWith("remote/");

function suite(name: string, calls: Recorded[]) {
  describe(name, () => {
    let plugin: UnderTest;
    let directory: string;
    const previous = process.env.SSH_AUTH_SOCK;
    beforeAll(async () => {
      directory = workFolder();
      delete process.env.SSH_AUTH_SOCK;
      plugin = await UnderTest.start(provider);
    });
    afterAll(async () => {
      await plugin.close();
      if (previous !== undefined) {
        process.env.SSH_AUTH_SOCK = previous;
      }
      fs.rmSync(directory, { recursive: true, force: true });
    });

    const skipped = ["Handshake", "GetPluginInfo"];
    const replayed = calls.filter((call) => !remote(call) && !skipped.includes(call.method) && !brokenOff(call));
    it.each(replayed.map((call, index) => [title(call, index), call] as const))("%s", async (_, recorded) => {
      const call = mapTexts(recorded, (text) => text.replaceAll("$DIR/work", "$DIR/w").replaceAll("$DIR", directory));
      const answer = await plugin.call(call);
      const expected = unordered({ response: call.response, error: sortedLines(call.error) });
      const actual = unordered({ response: answer.response, error: sortedLines(answer.error) });
      expect(normal(actual, call)).toEqual(normal(expected, call));
    });
  });
}

suite("command: calls kept in this repository", ownRecordings("command"));
suite("command: the official plugin's recorded calls", recordings("command"));
