import { MaasClient, type MaasClientOptions } from "../../../components/maas/api/client";
import { MaasError, MaasUnreachable } from "../../../components/maas/api/errors";
import { connectionError, FakeClock, fakeFetch, type Reply, type Seen } from "./support";

function clientFor(answer: (seen: Seen) => Reply, options: Partial<MaasClientOptions> = {}) {
  const { fetch, seen } = fakeFetch(answer);
  const clock = new FakeClock();
  const log: string[] = [];
  const client = new MaasClient({
    url: "http://maas.test:5240/MAAS/",
    apiKey: "con:tok:s3cr&t",
    fetch,
    clock,
    log: (line) => log.push(line),
    ...options,
  });
  return { client, seen, clock, log };
}

/** Answers one after another, the last one for ever. */
function inTurn(...replies: Reply[]): () => Reply {
  let next = 0;
  return () => replies[Math.min(next++, replies.length - 1)];
}

describe("requests", () => {
  test("are signed with OAuth 1.0 PLAINTEXT, with another nonce each", async () => {
    const { client, seen } = clientFor(() => ({ json: [] }));
    await client.get("zones/");
    await client.get("zones/");
    const [first, second] = seen.map((each) => each.headers.get("authorization") ?? "");
    expect(first).toContain('oauth_consumer_key="con"');
    expect(first).toContain('oauth_token="tok"');
    expect(first).toContain('oauth_signature="%26s3cr%26t"');
    expect(first).toContain('oauth_signature_method="PLAINTEXT"');
    expect(first).toMatch(/oauth_timestamp="1700000000"/);
    const nonce = (header: string) => /oauth_nonce="([^"]+)"/.exec(header)?.[1];
    expect(nonce(first)).not.toEqual(nonce(second));
  });

  test("repeat lists as fields, write booleans as words and leave out what is undefined", async () => {
    const { client, seen } = clientFor(() => ({ json: {} }));
    await client.post("machines/", undefined, { mac_addresses: ["a", "b"], commission: false, zone: undefined, swap_size: 0 });
    expect(seen[0].form).toEqual([
      ["mac_addresses", "a"],
      ["mac_addresses", "b"],
      ["commission", "false"],
      ["swap_size", "0"],
    ]);
  });

  test.each(["http://maas.test:5240/MAAS", "http://maas.test:5240/MAAS/", "http://maas.test:5240/MAAS/api/2.0/"])(
    "go to the API below %s",
    async (url) => {
      const urls: string[] = [];
      const recording = (async (input: string) => {
        urls.push(input);
        return new Response("[]", { headers: { "content-type": "application/json" } });
      }) as unknown as typeof fetch;
      await new MaasClient({ url, apiKey: "a:b:c", fetch: recording }).get("machines/", {
        op: "is_registered",
        mac_address: "52:54:00:00:00:01",
      });
      expect(urls).toEqual(["http://maas.test:5240/MAAS/api/2.0/machines/?op=is_registered&mac_address=52%3A54%3A00%3A00%3A00%3A01"]);
    },
  );

  test.each(["", "a:b", "a:b:", "a:b:c:d"])("are not made with the key %j", (apiKey) => {
    expect(() => new MaasClient({ url: "http://maas.test/MAAS", apiKey })).toThrow(/consumer:token:secret/);
  });
});

describe("refusals", () => {
  test("carry the status, the field and MAAS's own words", async () => {
    const { client } = clientFor(() => ({
      status: 400,
      json: { hostname: ["Node with this Hostname already exists."], __all__: ["No."] },
    }));
    const error = await client.post("machines/", undefined, {}).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(MaasError);
    expect((error as MaasError).fields).toEqual({ hostname: ["Node with this Hostname already exists."], __all__: ["No."] });
    expect((error as MaasError).message).toBe(
      "MAAS answered 400 to POST machines/: hostname: Node with this Hostname already exists.; No.",
    );
  });

  test("never show the key, though MAAS quotes the secret that it expected", async () => {
    const { client } = clientFor(() => ({
      status: 401,
      type: "text/html",
      text: "Authorization Error: 'Invalid signature. Expected signature base string: &s3cr&t'",
    }));
    const error = (await client.get("users/", { op: "whoami" }).catch((each: unknown) => each)) as MaasError;
    expect(error.status).toBe(401);
    expect(error.message).toContain("Invalid signature");
    expect(error.message).not.toContain("s3cr");
  });

  test("a deletion of what is gone is done", async () => {
    const { client } = clientFor(inTurn({ status: 204 }, { status: 404, text: "No Machine matches the given query." }));
    expect(await client.delete("machines/abc/")).toBe(true);
    expect(await client.delete("machines/abc/")).toBe(false);
  });
});

describe("repetition", () => {
  test("of reads goes on through dropped connections, 5xx and 429", async () => {
    const { client, seen, log } = clientFor(
      inTurn(connectionError("ECONNRESET"), { status: 503, text: "busy" }, { status: 429, text: "slow down" }, { json: { ok: true } }),
    );
    expect(await client.get("version/")).toEqual({ ok: true });
    expect(seen).toHaveLength(4);
    expect(log).toHaveLength(3);
  });

  test("waits as long as Retry-After says", async () => {
    const { client, clock } = clientFor(inTurn({ status: 503, text: "x", headers: { "retry-after": "10" } }, { json: 1 }));
    await client.get("version/");
    expect(clock.sleeps).toEqual([10_000]);
  });

  test("ends when patience does", async () => {
    const { client, clock } = clientFor(() => connectionError("ECONNREFUSED"), { patience: 60_000 });
    await expect(client.get("version/")).rejects.toBeInstanceOf(MaasUnreachable);
    const waited = clock.sleeps.reduce((sum, each) => sum + each, 0);
    expect(waited).toBeGreaterThan(30_000);
    expect(waited).toBeLessThanOrEqual(60_000);
  });

  test("of a plain 500 is given up soon: mostly it is a bug that stays", async () => {
    const { client, seen } = clientFor(() => ({ status: 500, text: "Error determining BMC task queue for machine w4hkmr" }));
    await expect(client.get("machines/w4hkmr/")).rejects.toThrow("Error determining BMC task queue");
    expect(seen).toHaveLength(3);
  });

  test("of a 503 about one machine's controller is given up as soon; one with Retry-After is not", async () => {
    const lasting = clientFor(() => ({ status: 503, text: "Unable to connect to the VM host" }));
    await expect(lasting.client.get("vm-hosts/1/")).rejects.toThrow("503");
    expect(lasting.seen).toHaveLength(3);
    const passing = clientFor(() => ({ status: 503, text: "no rack controllers", headers: { "retry-after": "10" } }), { patience: 60_000 });
    await expect(passing.client.get("machines/")).rejects.toThrow("no rack");
    expect(passing.seen.length).toBeGreaterThan(3);
  });

  test("of the database's conflict page goes on as long as there is patience, each time after Retry-After", async () => {
    const conflict = {
      status: 409,
      type: "text/html; charset=utf-8",
      text: "<html><title>Error: Conflict Error</title></html>",
      headers: { "retry-after": "5" },
    };
    const { client, clock, seen } = clientFor(inTurn(conflict, conflict, conflict, conflict, conflict, conflict, { json: 1 }));
    expect(await client.post("machines/", undefined, {})).toBe(1);
    expect(seen).toHaveLength(7);
    expect(Math.min(...clock.sleeps)).toBeGreaterThanOrEqual(5000);
  });

  test.each([400, 401, 403, 404])("of a %d does not happen", async (status) => {
    const { client, seen } = clientFor(() => ({ status, text: "no" }));
    await expect(client.get("machines/")).rejects.toBeInstanceOf(MaasError);
    expect(seen).toHaveLength(1);
  });

  test("of a POST that may have arrived does not happen unless one can look", async () => {
    const { client, seen } = clientFor(() => connectionError("ECONNRESET"));
    await expect(client.post("machines/", undefined, {})).rejects.toThrow("ECONNRESET");
    expect(seen).toHaveLength(1);
  });

  test("of a POST that cannot have arrived does", async () => {
    const { client, seen } = clientFor(inTurn(connectionError("ECONNREFUSED"), { status: 429, text: "later" }, { json: "made" }));
    expect(await client.post("machines/", undefined, {})).toBe("made");
    expect(seen).toHaveLength(3);
  });

  test("of a POST stops when looking shows that it was carried out", async () => {
    const { client, seen } = clientFor(() => ({ status: 504, text: "Gateway timeout" }));
    expect(await client.post("machines/", undefined, {}, { settled: async () => "found" })).toBe("found");
    expect(seen).toHaveLength(1);
  });

  test("of a POST goes on when looking shows that nothing happened", async () => {
    const { client, seen } = clientFor(inTurn({ status: 502, text: "" }, { json: "made" }));
    expect(await client.post("machines/", undefined, {}, { settled: async () => undefined })).toBe("made");
    expect(seen).toHaveLength(2);
  });

  test("a 409 in plain text tells of a wrong state and is not repeated; the database's conflict page is", async () => {
    const wrong = clientFor(() => ({ status: 409, text: "Can't deploy a machine that is in the 'Deployed' state" }));
    await expect(wrong.client.post("machines/x/", "deploy", {})).rejects.toThrow("Can't deploy");
    expect(wrong.seen).toHaveLength(1);
    const conflict = clientFor(
      inTurn({ status: 409, type: "text/html; charset=utf-8", text: "<html><title>Error: Conflict Error</title></html>" }, { json: 1 }),
    );
    expect(await conflict.client.post("machines/x/", "deploy", {})).toBe(1);
  });

  test("a clock that is behind is corrected by MAAS's, once", async () => {
    const { client, seen } = clientFor(
      inTurn(
        {
          status: 401,
          type: "text/html",
          text: "Authorization Error: 'Expired timestamp: given 1700000000 and now 1700004000 has a greater difference than threshold 300'",
        },
        { json: [] },
      ),
    );
    await client.get("machines/");
    expect(seen[1].headers.get("authorization")).toContain('oauth_timestamp="1700004000"');
  });
});
