import * as path from "node:path";
import { type Answer, pages, ServedPages } from "./served-pages";
import { ADDRESS, DOMAIN, eventually } from "./stage";

const provider = { port: 4443, client: "lab", secret: "secret of the client at the provider" };
const issuer = `https://${ADDRESS}:${provider.port}`;
const callback = `https://login.${DOMAIN}/oauth2/callback`;

/** A browser's cookies, by host; those of a domain are sent to all of its hosts. */
class Visitor {
  private readonly cookies = new Map<string, Map<string, string>>();

  constructor(private readonly served: ServedPages) {}

  private jar(where: string): Map<string, string> {
    const jar = this.cookies.get(where) ?? new Map<string, string>();
    this.cookies.set(where, jar);
    return jar;
  }

  /** Goes where it is led, until a page answers. */
  async visit(target: string, form?: Record<string, string>): Promise<{ answer: Answer; url: URL }> {
    let url = new URL(target);
    let sent = form;
    for (let hops = 0; hops < 20; hops++) {
      const jars = [...(url.hostname.endsWith(DOMAIN) ? this.jar(DOMAIN) : []), ...this.jar(url.host)];
      const cookie = jars.map(([name, value]) => `${name}=${value}`).join("; ");
      const answer = await this.served.visit(url, { cookie, form: sent });
      for (const line of answer.headers["set-cookie"] ?? []) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) as RegExpExecArray;
        const jar = this.jar(/; *domain=\.?([^;]+)/i.exec(line)?.[1] ?? url.host);
        if (value === "" || /expires=Thu, 01 Jan 1970/i.test(line)) {
          jar.delete(name);
        } else {
          jar.set(name, value);
        }
      }
      if (!answer.headers.location) {
        return { answer, url };
      }
      url = new URL(answer.headers.location, url);
      sent = undefined;
    }
    throw new Error(`led in circles, last to ${url}`);
  }

  /** Logs in at the provider's form, and agrees to what it asks then. */
  async logIn(page: string, name: string): Promise<{ answer: Answer; url: URL }> {
    let at = await this.visit(page);
    for (const form of [{ prompt: "login", login: name, password: "any" }, { prompt: "consent" }]) {
      if (!at.url.href.startsWith(`${issuer}/interaction/`)) {
        break;
      }
      at = await this.visit(at.url.href, form as Record<string, string>);
    }
    return at;
  }
}

describe("pages behind the login of an OpenID Connect provider", () => {
  const served = new ServedPages({
    oidc: { issuer, clientId: provider.client, clientSecret: provider.secret, emailDomains: ["example.org"] },
  });
  const page = (name: string, target = "/") => `https://${name}.${DOMAIN}${target}`;

  beforeAll(async () => {
    served.certificate("provider.crt", [`IP:${ADDRESS}`]);
    const options = {
      issuer,
      address: ADDRESS,
      callback,
      certificate: served.file("provider.crt"),
      key: served.file("tls.key"),
      ...provider,
    };
    const program = path.resolve(__dirname, "../../fixtures/oidc/provider.mjs");
    served.run("provider", process.execPath, [program, JSON.stringify(options)]);
    // oauth2-proxy ends where its provider does not answer; in the cluster it is started again.
    await eventually(async () => {
      expect((await served.visit(new URL("/.well-known/openid-configuration", issuer))).status).toBe(200);
    });
    await served.start(302, { SSL_CERT_FILE: served.file("ca.crt") });
  });
  afterAll(() => served.stop());

  it("leads who is not logged in to the provider, whatever user his request names", async () => {
    for (const name of pages) {
      const { status, headers, text } = await served.browse(name, "/", { headers: { "x-auth-request-user": "admin" } });
      expect([status, headers.location]).toEqual([302, expect.stringMatching(`^${issuer}/auth\\?.*client_id=${provider.client}`)]);
      expect(text).not.toContain(`${name} for`);
    }
  });

  it("brings back to the page that was asked for, opens all others, and tells each who it is", async () => {
    const anna = new Visitor(served);
    const { answer, url } = await anna.logIn(page("grafana", "/d/1?from=now-6h"), "anna@example.org");
    expect([url.href, answer.status]).toEqual([page("grafana", "/d/1?from=now-6h"), 200]);
    expect(answer.text).toMatch(/^grafana for anna/);
    for (const name of pages) {
      expect((await anna.visit(page(name))).answer.text).toMatch(new RegExp(`^${name} for anna`));
    }
  });

  it("lets nobody in whose address is of another domain", async () => {
    const mallory = new Visitor(served);
    const { answer } = await mallory.logIn(page("prometheus"), "mallory@example.com");
    expect(answer.status).toBe(403);
    expect((await mallory.visit(page("prometheus"))).answer.text).not.toContain("prometheus for");
  });

  it("logs out", async () => {
    const anna = new Visitor(served);
    expect((await anna.logIn(page("home"), "anna@example.org")).answer.status).toBe(200);
    await anna.visit(page("login", "/oauth2/sign_out"));
    expect((await served.browse("home")).status).toBe(302);
  });
});
