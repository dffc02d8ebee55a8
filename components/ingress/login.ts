import * as fs from "node:fs";
import * as path from "node:path";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Images } from "../core/images";
import { secretOutput } from "../core/secret-output";
import { secretObject } from "../kubernetes/secret";
import { webPod } from "../kubernetes/web-pod";
import { labelsOf } from "../kubernetes/workload";
import type { LoginOptions } from "./args";

export const LOGIN_PORT = 4180;
/** Below this path every page has the login itself: the form, logging out, an OpenID Connect provider's answer. */
export const LOGIN_PATH = "/oauth2";
/** Header with the user's name that the login gives to pages. */
export const USER_HEADER = "X-Auth-Request-User";

const NAME = "login";
/** nonroot, as in upstream's image. */
const USER = 65532;
const FILES = "/etc/login";
const TEMPLATES = "/etc/login-pages";

/** Arguments of {@link Login}. */
export interface LoginArgs {
  provider: kubernetes.Provider;
  images: Images;
  namespace: pulumi.Input<string>;
  domain: pulumi.Input<string>;
  login: LoginOptions;
  /** Namespace of the ingress controller's pods: nobody else may ask. */
  controllerNamespace: pulumi.Input<string>;
}

/** oauth2-proxy as the ingress's forward authentication: one login for all pages of a domain. */
export class Login extends pulumi.ComponentResource {
  readonly service: kubernetes.core.v1.Service;
  /** By user; a secret. Empty where an OpenID Connect provider knows the users. */
  readonly passwords: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: LoginArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:ingress:Login", name, { namespace: args.namespace }, opts);
    const { login, namespace } = args;
    const options = { parent: this, provider: args.provider };
    const meta = (suffix = "") => ({ name: `${NAME}${suffix}`, namespace, labels: labelsOf(NAME, "ingress") });

    const keepers = { generation: String(login.passwordGeneration) };
    const made = (what: string, length: number) =>
      new random.RandomPassword(`${name}-${what}`, { length, special: false, keepers }, { parent: this });
    const users = login.oidc ? [] : login.users;
    const passwords = users.map((user) => ({ user, password: made(`password-${user}`, 20) }));
    this.passwords = pulumi.secret(
      pulumi
        .all(passwords.map(({ user, password }) => password.result.apply((result) => [user, result] as const)))
        .apply((pairs) => Object.fromEntries(pairs)),
    );
    const files: Record<string, pulumi.Input<string>> = {
      // New passwords end the sessions of old ones.
      "cookie-secret": made("cookie-secret", 32).result,
      "client-secret": login.oidc ? secretOutput(login.oidc.clientSecret) : "unused",
      htpasswd: pulumi
        .all(passwords.map(({ user, password }) => pulumi.interpolate`${user}:${password.bcryptHash}`))
        .apply((lines) => `${lines.join("\n")}\n`),
    };
    const secret = secretObject(name, meta(), files, options);
    const pages = { "sign_in.html": fs.readFileSync(path.join(__dirname, "sign-in.html"), "utf8") };
    const templates = new kubernetes.core.v1.ConfigMap(`${name}-pages`, { metadata: meta("-pages"), data: pages }, options);
    this.service = webPod(
      name,
      {
        app: NAME,
        partOf: "ingress",
        namespace,
        image: args.images.ref("oauth2-proxy"),
        user: USER,
        port: LOGIN_PORT,
        from: [{ namespace: args.controllerNamespace }],
        // To the OpenID Connect provider.
        egress: login.oidc ? "any" : "none",
        readAtStart: { ...files, ...pages },
        container: {
          args: flags(args.domain, login),
          resources: { requests: { cpu: "10m", memory: "24Mi" }, limits: { memory: "96Mi" } },
          readinessProbe: { httpGet: { path: "/ping", port: "http" }, periodSeconds: 5 },
          livenessProbe: { httpGet: { path: "/ping", port: "http" }, periodSeconds: 15 },
          volumeMounts: [
            { name: "files", mountPath: FILES, readOnly: true },
            { name: "pages", mountPath: TEMPLATES, readOnly: true },
          ],
        },
        volumes: [
          { name: "files", secret: { secretName: secret.metadata.name, defaultMode: 0o440 } },
          { name: "pages", configMap: { name: templates.metadata.name } },
        ],
      },
      options,
    );
    // No resource: a saved plan, which does not know its identity yet, would be violated.
    this.registerOutputs({ passwords: this.passwords });
  }
}

/**
 * oauth2-proxy's command line. It answers 202 where somebody is logged in, and with the login form where nobody is, which Traefik
 * then shows in the page's place.
 *
 * @see https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview
 */
function flags(domain: pulumi.Input<string>, { oidc }: LoginOptions): pulumi.Output<string[]> {
  const provider = oidc && { issuer: oidc.issuer, client: oidc.clientId, emailDomains: oidc.emailDomains };
  return pulumi.all([domain, pulumi.output(provider)]).apply(([known, each]) => flagsOf(known, each));
}

function flagsOf(domain: string, oidc?: { issuer: string; client: string; emailDomains: readonly string[] }): string[] {
  const common = [
    `--http-address=0.0.0.0:${LOGIN_PORT}`,
    "--reverse-proxy=true",
    "--upstream=static://202",
    `--proxy-prefix=${LOGIN_PATH}`,
    "--set-xauthrequest=true",
    `--cookie-domain=.${domain}`,
    `--whitelist-domain=.${domain}`,
    `--cookie-secret-file=${FILES}/cookie-secret`,
    "--cookie-samesite=lax",
    "--cookie-expire=168h",
    `--client-secret-file=${FILES}/client-secret`,
    `--custom-templates-dir=${TEMPLATES}`,
    "--silence-ping-logging=true",
  ];
  // The program insists on a provider; nothing leads to this one.
  const builtIn = [
    "--provider=oidc",
    "--client-id=unused",
    `--oidc-issuer-url=https://login.${domain}`,
    "--skip-oidc-discovery=true",
    `--login-url=https://login.${domain}/`,
    `--redeem-url=https://login.${domain}/`,
    `--oidc-jwks-url=https://login.${domain}/`,
    `--htpasswd-file=${FILES}/htpasswd`,
  ];
  if (!oidc) {
    return [...common, ...builtIn];
  }
  return [
    ...common,
    "--provider=oidc",
    "--skip-provider-button=true",
    `--oidc-issuer-url=${oidc.issuer}`,
    `--client-id=${oidc.client}`,
    `--redirect-url=https://login.${domain}${LOGIN_PATH}/callback`,
    ...oidc.emailDomains.map((each) => `--email-domain=${each}`),
  ];
}
