import type { LoginOptions } from "../../../components/ingress/args";
import { allRegistered, type Registered, recordResources } from "../../support/mocks";

async function made(login: Partial<LoginOptions>): Promise<(name: string) => Registered> {
  jest.resetModules();
  const seen = recordResources();
  const kubernetes = require("@pulumi/kubernetes");
  const { Login } = require("../../../components/ingress/login");
  const { imagesOf, Secret } = require("../../../components/index");
  const { oidc } = login;
  new Login("login", {
    provider: new kubernetes.Provider("cluster"),
    images: imagesOf({}),
    namespace: "ingress",
    domain: "lab.home.arpa",
    login: { users: ["anna"], passwordGeneration: 1, ...login, ...(oidc && { oidc: { ...oidc, clientSecret: new Secret("hush") } }) },
    controllerNamespace: "kube-system",
  });
  await allRegistered();
  return (name) => seen.find((each) => (name === "login" ? each.type.endsWith(":Deployment") : each.name === name)) as Registered;
}

const argumentsOf = (resource: Registered): string[] => resource.inputs.spec.template.spec.containers[0].args;

describe("the login of the pages", () => {
  it("has other passwords with another generation, and ends the sessions that the old ones began", async () => {
    const [first, second] = [await made({}), await made({ passwordGeneration: 2 })];
    for (const name of ["login-password-anna", "login-cookie-secret"]) {
      // A random password is made anew where its keepers change.
      expect([name, first(name).inputs.keepers, second(name).inputs.keepers]).toEqual([name, { generation: "1" }, { generation: "2" }]);
    }
  });

  it("asks an OpenID Connect provider in place of the user file, and makes no passwords then", async () => {
    const issuer = "https://login.example.org/realms/home";
    const named = await made({ oidc: { issuer, clientId: "lab", clientSecret: undefined as never, emailDomains: ["example.org"] } });
    const args = argumentsOf(named("login"));
    expect(args).toEqual(
      expect.arrayContaining([
        `--oidc-issuer-url=${issuer}`,
        "--client-id=lab",
        "--redirect-url=https://login.lab.home.arpa/oauth2/callback",
        "--email-domain=example.org",
      ]),
    );
    expect(args.filter((each) => /htpasswd|hush/.test(each))).toEqual([]);
    expect(named("login-password-anna")).toBeUndefined();
    expect(argumentsOf((await made({}))("login"))).toContain("--htpasswd-file=/etc/login/htpasswd");
  });
});
