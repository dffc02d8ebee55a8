import { KubernetesApi } from "../../../cli/live/kubernetes-api";
import { httpLimits } from "../../../cli/live/kubernetes-http";
import { type ClusterApi, startClusterApi } from "./cluster-api";

let server: ClusterApi | undefined;
const proxies = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"];

afterEach(async () => {
  for (const name of proxies) {
    delete process.env[name];
  }
  await server?.stop();
  server = undefined;
});

const json = (value: unknown) => (_url: string, response: import("node:http").ServerResponse) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
};

describe("the Kubernetes API", () => {
  it("is asked with the kubeconfig's certificate and authority, past every proxy of the environment", async () => {
    server = await startClusterApi(json({ kind: "NodeList", items: [{ metadata: { name: "node1" }, later: "than the library" }] }));
    for (const name of proxies) {
      process.env[name] = "http://127.0.0.1:9";
    }
    const api = new KubernetesApi(server.kubeconfig);
    const { items } = await (await api.core()).listNode();
    expect(items.map(({ metadata }) => metadata?.name)).toEqual(["node1"]);
    // Fields that the library does not know are not lost to those who ask by path.
    expect(await api.get("/api/v1/nodes")).toMatchObject({ items: [{ later: "than the library" }] });
    expect(server.requests.map(({ method, url, subject }) => [method, url, subject])).toEqual([
      ["GET", "/api/v1/nodes", "admin"],
      ["GET", "/api/v1/nodes", "admin"],
    ]);
  });

  it("is not believed when its certificate is another authority's", async () => {
    server = await startClusterApi(json({}), undefined, false);
    await expect(new KubernetesApi(server.kubeconfig).get("/api")).rejects.toThrow(/certificate/);
    expect(server.requests).toEqual([]);
  });

  it("gets what is created as JSON", async () => {
    server = await startClusterApi(json({ metadata: { name: "ä" } }));
    const api = new KubernetesApi(server.kubeconfig);
    expect(await api.create("/api/v1/namespaces", { metadata: { name: "ä" } })).toEqual({ metadata: { name: "ä" } });
    await api.delete("/api/v1/namespaces/ä?propagationPolicy=Background");
    expect(server.requests.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["POST", "/api/v1/namespaces", '{"metadata":{"name":"ä"}}'],
      ["DELETE", "/api/v1/namespaces/%C3%A4?propagationPolicy=Background", ""],
    ]);
  });

  it.each([["get by path"], ["typed call"]])("says what it refused (%s)", async (how) => {
    server = await startClusterApi((_url, response) => response.writeHead(403).end('{"message":"admin may not"}'));
    const api = new KubernetesApi(server.kubeconfig);
    const asked = how === "typed call" ? (await api.core()).listNamespace() : api.get("/api/v1/namespaces");
    await expect(asked).rejects.toThrow('the Kubernetes API answered 403 to /api/v1/namespaces: {"message":"admin may not"}');
  });

  it("has no object where it answers 404, and follows no redirect with its credentials", async () => {
    server = await startClusterApi((url, response) =>
      url === "/gone" ? response.writeHead(404).end() : response.writeHead(302, { location: "/gone" }).end(),
    );
    const api = new KubernetesApi(server.kubeconfig);
    expect(await api.find("/gone")).toBeUndefined();
    await expect(api.find("/moved")).rejects.toThrow("answered 302 to /moved");
    expect(server.requests.map(({ url }) => url)).toEqual(["/gone", "/moved"]);
  });

  it("is read no further than the limit", async () => {
    let sent = 0;
    server = await startClusterApi((_url, response) => {
      const piece = Buffer.alloc(1 << 20, "x");
      const more = () => {
        while (!response.destroyed && sent < 64) {
          sent++;
          if (!response.write(piece)) {
            response.once("drain", more);
            return;
          }
        }
      };
      more();
    });
    const api = new KubernetesApi(server.kubeconfig, { ...httpLimits, largest: 2 << 20 });
    await expect(api.get("/api/v1/pods")).rejects.toThrow("the answer of the Kubernetes API to /api/v1/pods is larger than 2 MiB");
    expect(sent).toBeLessThan(64);
  });

  it("may not answer in more levels than can be walked through", async () => {
    server = await startClusterApi((_url, response) => {
      response.setHeader("content-type", "application/json");
      response.end("[".repeat(100_000) + "]".repeat(100_000));
    });
    await expect(new KubernetesApi(server.kubeconfig).get("/deep")).rejects.toThrow("is nested more than 128 levels deep");
  });

  it.each([
    ["says nothing", { silence: 50 }, () => undefined, "within 0.05 s"],
    [
      "says a little for ever",
      { silence: 10_000, longest: 300 },
      (response: import("node:http").ServerResponse) => {
        const drip = setInterval(() => response.write(" "), 20);
        response.on("close", () => clearInterval(drip));
      },
      "within 0.3 s",
    ],
  ])("is not waited for when it %s", async (_what, limits, behave, message) => {
    server = await startClusterApi((_url, response) => behave(response));
    const api = new KubernetesApi(server.kubeconfig, { ...httpLimits, ...limits });
    await expect(api.get("/api")).rejects.toThrow(`did not answer ${message}`);
  });

  it("needs a kubeconfig with a cluster and a user", async () => {
    const api = new KubernetesApi("clusters: []\nusers: []\ncontexts: []\ncurrent-context: lab\n");
    await expect(api.get("/api")).rejects.toThrow("the kubeconfig has no cluster or no user for its current context lab");
  });
});
