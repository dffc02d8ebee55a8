import * as http from "node:http";
import { Crowd, type Door } from "../../support/crowd";
import { cookieOf, pages, ServedPages } from "./served-pages";
import { ADDRESS, DOMAIN } from "./stage";

describe("pages behind the ingress", () => {
  const served = new ServedPages({ users: ["anna"] });
  const { browse, openssl, read } = served;
  const login = (user: string, password: string) =>
    browse("prometheus", "/oauth2/sign_in", { form: { username: user, password, rd: `https://grafana.${DOMAIN}/d/1` } });

  beforeAll(() => served.start(403));
  afterAll(() => served.stop());

  it.each(pages)("%s shows the login and nothing else to who is not logged in, whoever he says he is", async (page) => {
    for (const headers of [{}, { "x-auth-request-user": "admin" }]) {
      const { status, text } = await browse(page, "/", { headers });
      expect([status, text]).toEqual([403, expect.stringContaining("Log in to the lab")]);
      expect(text).not.toContain(`${page} for`);
    }
  });

  it("is not believed by who does not trust the lab's authority", async () => {
    openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      "o.key",
      "-out",
      "o.crt",
      "-subj",
      "/CN=o",
    );
    await expect(browse("grafana", "/", { ca: read("o.crt") })).rejects.toThrow(/certificate/);
  });

  it("opens all pages with one login, and tells each who it is", async () => {
    const answer = await login("anna", served.passwords.anna);
    expect([answer.status, answer.headers.location]).toEqual([302, `https://grafana.${DOMAIN}/d/1`]);
    expect(answer.headers["set-cookie"]?.join()).toMatch(new RegExp(`Domain=${DOMAIN}.*HttpOnly; Secure`, "i"));
    const cookie = cookieOf(answer);
    for (const page of pages) {
      const { status, text } = await browse(page, "/", { cookie, headers: { "x-auth-request-user": "admin" } });
      expect([status, text]).toEqual([200, `${page} for anna`]);
    }
    const below = await Promise.all(["/api/v1/query?query=up", "/api/v2/alerts"].map((each) => browse("home", each, { cookie })));
    expect(below.map(({ status, text }) => [status, text])).toEqual([
      [200, "prometheus for anna"],
      [200, "alertmanager for anna"],
    ]);
    expect((await browse("home", "/api/v1/query?query=up")).status).toBe(403);
    const out = await browse("alertmanager", "/oauth2/sign_out", { cookie });
    expect(out.status).toBe(302);
    expect(out.headers["set-cookie"]?.join()).toMatch(/_oauth2_proxy=;/);
  });

  it("leads from http to https", async () => {
    const { status, headers } = await new Promise<{ status?: number; headers: http.IncomingHttpHeaders }>((resolve, reject) => {
      http
        .get({ host: ADDRESS, path: "/graph", headers: { host: `prometheus.${DOMAIN}` } }, (response) => {
          response.resume();
          resolve({ status: response.statusCode, headers: response.headers });
        })
        .on("error", reject);
    });
    expect([status, headers.location]).toEqual([301, `https://prometheus.${DOMAIN}/graph`]);
  });

  describe("among silent, half and slow connections", () => {
    const crowd = new Crowd();
    afterEach(() => crowd.go());
    const https = { host: ADDRESS, port: 443, tls: { servername: `grafana.${DOMAIN}` } };

    it.each<[string, Door]>([
      ["pages", https],
      ["the redirection to https", { host: ADDRESS, port: 80 }],
      ["the login", { host: ADDRESS, port: 4180 }],
      ["the API server", { host: "127.0.0.1", port: 0, tls: {} }],
    ])("to %s, others are answered, and so is who opened some of them", async (name, door) => {
      const where =
        name === "the API server" ? { ...door, port: Number(/server: "https:.*:(\d+)"/.exec(served.cluster.kubeconfig)?.[1]) } : door;
      await crowd.come({ ...where, silent: true }, "127.0.0.2", 1500);
      await crowd.come(where, "127.0.0.1", 300);
      expect((await browse("grafana")).status).toBe(403);
      expect((await login("anna", served.passwords.anna)).status).toBe(302);
      expect((await served.cluster.request("GET", "/api/v1/namespaces/default")).kind).toBe("Namespace");
    });
  });

  it("refuses wrong passwords, and slows down who goes on guessing", async () => {
    const first = await login("anna", "guess");
    expect([first.status, first.text]).toEqual([401, expect.stringContaining("Wrong user or password")]);
    const more = await Promise.all(Array.from({ length: 15 }, () => login("anna", "guess")));
    expect(more.map(({ status }) => status)).toContain(429);
    // The pages themselves are not slowed down.
    expect((await browse("grafana")).status).toBe(403);
  });
});
