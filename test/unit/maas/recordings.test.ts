/** The client on the answers of a real region: it parses what MAAS allowed, and tells apart what MAAS refused. */
import { type Form, MaasClient } from "../../../components/maas/api/client";
import { MaasError } from "../../../components/maas/api/errors";
import { loadRecordings, type RecordedResponse, type Recording } from "../../integration/maas-sim/recordings";

/** Recordings keep JSON's `null` as a text. */
function bodyOf(answer: RecordedResponse): unknown {
  if ("json" in answer) return answer.json;
  const isNull =
    answer.text?.trim() === "null" && /json/.test(Object.entries(answer.headers).find(([key]) => /content-type/i.test(key))?.[1] ?? "");
  return isNull ? null : (answer.text ?? "");
}

const base = "/MAAS/api/2.0/";

/** What the client sent, in the recording's terms. */
interface Sent {
  method: string;
  path: string;
  query: Record<string, string>;
  form: [string, string][];
}

/** Ends as the recording did, at once and every time. */
async function play(recording: Recording, answer: RecordedResponse) {
  const { method, path, query, form } = recording.request;
  const sent: Sent[] = [];
  let now = 0;
  const client = new MaasClient({
    url: "http://maas.test:5240/MAAS",
    apiKey: "Xq8vD2kLzE:mW4rT9bHnA:Jc7sP1yGfU",
    clock: {
      now: () => now,
      sleep: async (milliseconds) => {
        now += milliseconds;
      },
    },
    fetch: async (url, init) => {
      const asked = new URL(String(url));
      const body = [...new URLSearchParams(String(init?.body ?? ""))] as [string, string][];
      sent.push({ method: init?.method ?? "GET", path: asked.pathname, query: Object.fromEntries(asked.searchParams), form: body });
      const text = "json" in answer ? JSON.stringify(answer.json) : (answer.text ?? "");
      return new Response(answer.status === 204 ? null : text, { status: answer.status, headers: answer.headers });
    },
  });
  const where = path.slice(base.length);
  const { op, ...rest } = query;
  const fields: Record<string, string[]> = {};
  for (const [name, value] of form) fields[name] = [...(fields[name] ?? []), value];
  const run = () => {
    if (method === "GET") return client.get(where, query);
    if (method === "PUT") return client.put(where, fields as Form);
    if (method === "DELETE") return client.delete(where, query);
    return client.post(where, op, fields as Form);
  };
  const outcome = await run().then(
    (value) => ({ value, error: undefined }),
    (error: unknown) => ({ value: undefined, error }),
  );
  return { ...outcome, sent, parameters: rest };
}

/** Requests that this client would not make: other logins, other encodings, other methods. */
const playable = ({ request }: Recording) =>
  ["admin", "plain-user"].includes(request.auth) &&
  ["GET", "POST", "PUT", "DELETE"].includes(request.method) &&
  request.path.startsWith(base) &&
  Object.keys(request.files).length === 0 &&
  request.raw === undefined &&
  (request.encoding === null || request.encoding.startsWith("application/x-www-form-urlencoded")) &&
  !(request.method === "POST" && Object.keys(request.query).some((name) => name !== "op"));

const known = loadRecordings().filter(playable);

it("understands every answer of a real region", async () => {
  const problems: string[] = [];
  const expectThat = (holds: boolean, name: string, what: string) => holds || problems.push(`${name}: ${what}`);
  for (const recording of known) {
    const { name, response: answer } = recording;
    const { value, error, sent } = await play(recording, answer);
    const { method, path, query, form } = recording.request;
    const wanted = JSON.stringify([method, path, query, form]);
    const first = sent[0]!;
    expectThat(wanted === JSON.stringify([first.method, first.path, first.query, first.form]), name, `sent ${JSON.stringify(first)}`);
    if (answer.status < 300) {
      expectThat(error === undefined, name, `threw ${String(error)}`);
      const body = method === "DELETE" ? true : bodyOf(answer);
      expectThat(JSON.stringify(value) === JSON.stringify(body), name, `gave ${JSON.stringify(value)?.slice(0, 100)}`);
      expectThat(sent.length === 1, name, `sent ${sent.length} times`);
    } else if (method === "DELETE" && answer.status === 404) {
      // Gone already is as good as deleted.
      expectThat(value === false && error === undefined, name, `gave ${String(value ?? error)}`);
    } else {
      expectThat(error instanceof MaasError, name, `ended with ${String(error ?? value)}`);
      const failure = error as MaasError;
      expectThat(failure.status === answer.status, name, `status ${failure.status}`);
      if ("json" in answer) {
        expectThat(JSON.stringify(failure.fields) === JSON.stringify(answer.json), name, `fields ${JSON.stringify(failure.fields)}`);
      } else if (!/html/.test(failure.contentType)) {
        expectThat(failure.text === (answer.text ?? failure.text).trim().slice(0, 2000), name, `text ${failure.text}`);
      }
      expectThat(!/<html/i.test(failure.message), name, "shows HTML");
      // A refusal is final; what may pass is asked again, but a POST that may have worked never is.
      const untouched = answer.status === 409 && /html/.test(failure.contentType);
      const repeats = method === "POST" ? untouched : failure.isTransient;
      expectThat(repeats ? sent.length > 1 : sent.length === 1, name, `sent ${sent.length} times`);
    }
  }
  expect(problems).toEqual([]);
  expect(known.length).toBe(608);
});
