import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Images, imagesOf } from "../core/images";
import { type Transform, withTransform } from "../core/transform";
import { webPod } from "../kubernetes/web-pod";
import { labelsOf } from "../kubernetes/workload";
import type { StartPageData } from "./data";
import { pageFiles } from "./files";

/** Port of the page's service and of its pod. */
export const START_PAGE_PORT = 8080;

const NAME = "home";
/** nginx, as in upstream's unprivileged image. */
const USER = 101;

/** Arguments of {@link StartPage}. */
export interface StartPageArgs {
  /** Of the cluster that it runs in. */
  provider: kubernetes.Provider;
  /** Monitoring's: an ingress leads from one name to services of one namespace only. It must exist. */
  namespace: pulumi.Input<string>;
  /** What the page shows. */
  data: pulumi.Input<StartPageData>;
  /** Namespace of the ingress controller's pods: nobody else may ask. */
  controllerNamespace: pulumi.Input<string>;
  /** Where image references come from. Default: upstream's. */
  images?: Images;
  /** The last word on every resource that the component makes. */
  transform?: Transform;
}

/**
 * The page that people open first: what the lab has, whether it is well, and its dashboards. Static files; the page in the browser
 * asks Prometheus at `/api/v1` and Alertmanager at `/api/v2` of its own name, where the ingress leads to them.
 */
export class StartPage extends pulumi.ComponentResource {
  /** Serves the files. */
  readonly service: kubernetes.core.v1.Service;

  /**
   * Makes the files, the pod and the service.
   *
   * @param name prefix of the names of all that it makes
   * @param args see {@link StartPageArgs}
   */
  constructor(name: string, args: StartPageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:start-page:StartPage", name, { namespace: args.namespace }, withTransform(opts, args.transform));
    const { namespace, images = imagesOf({}) } = args;
    const options = { parent: this, provider: args.provider };
    const meta = (suffix = "") => ({ name: `${NAME}${suffix}`, namespace, labels: labelsOf(NAME, "monitoring") });
    const configMap = (suffix: string, data: Record<string, pulumi.Input<string>>) =>
      new kubernetes.core.v1.ConfigMap(`${name}-${suffix}`, { metadata: meta(`-${suffix}`), data }, options);

    const files = pageFiles();
    const page = configMap("page", files);
    // Not in the pod's checksum: nginx reads it at each request, so that a change needs no restart.
    const data = configMap("data", { "lab.json": pulumi.output(args.data).apply((known) => `${JSON.stringify(known)}\n`) });
    this.service = webPod(
      name,
      {
        app: NAME,
        partOf: "monitoring",
        namespace,
        image: images.ref("nginx"),
        user: USER,
        port: START_PAGE_PORT,
        from: [{ namespace: args.controllerNamespace }],
        egress: "none",
        readAtStart: files,
        container: {
          command: ["/usr/sbin/nginx", "-e", "stderr", "-c", "/etc/start-page/nginx.conf"],
          resources: { requests: { cpu: "5m", memory: "8Mi" }, limits: { memory: "48Mi" } },
          readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 5 },
          livenessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 15 },
          volumeMounts: [
            { name: "page", mountPath: "/etc/start-page", readOnly: true },
            { name: "data", mountPath: "/etc/start-page-data", readOnly: true },
            { name: "temporary", mountPath: "/tmp" },
          ],
        },
        volumes: [
          { name: "page", configMap: { name: page.metadata.name } },
          { name: "data", configMap: { name: data.metadata.name } },
          { name: "temporary", emptyDir: { sizeLimit: "16Mi" } },
        ],
      },
      options,
    );
    this.registerOutputs({});
  }
}
