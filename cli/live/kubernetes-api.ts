import { httpLimits, KubernetesRefusal, limitedHttp } from "./kubernetes-http";
import { type Library, loadLibrary, type Of } from "./kubernetes-library";

type Method = "GET" | "POST" | "DELETE";

interface Client {
  library: Library;
  config: Of<"KubeConfig">;
  configuration: ReturnType<Library["createConfiguration"]>;
  server: string;
}

/** The same, undefined where there is no such object. */
export function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof KubernetesRefusal && error.status === 404) {
      return undefined;
    }
    throw error;
  });
}

/**
 * The Kubernetes API with a kubeconfig's own credentials, by the Kubernetes project's client library. No proxy of the environment is used.
 * Kinds that are known have the library's typed calls; `get` and its like take any path, and give back what the server has, fields that
 * the library does not know included.
 *
 * @throws KubernetesRefusal for any answer that is no success; Error without an answer within the limits
 */
export class KubernetesApi {
  private made?: Promise<Client>;

  constructor(
    private readonly kubeconfig: string,
    private readonly limits = httpLimits,
  ) {}

  /** The library, with the kubeconfig read. Throws where that has no cluster or no user. */
  client(): Promise<Client> {
    this.made ??= this.connect();
    return this.made;
  }

  private async connect(): Promise<Client> {
    const library = await loadLibrary();
    const config = new library.KubeConfig();
    config.loadFromString(this.kubeconfig);
    const server = config.getCurrentCluster()?.server;
    if (!server || !config.getCurrentUser()) {
      throw new Error(`the kubeconfig has no cluster or no user for its current context ${config.getCurrentContext()}`);
    }
    const configuration = library.createConfiguration({
      baseServer: new library.ServerConfiguration(server, {}),
      authMethods: { default: config },
      httpApi: limitedHttp(library, this.limits),
    });
    return { library, config, configuration, server };
  }

  async core(): Promise<Of<"CoreV1Api">> {
    const { library, configuration } = await this.client();
    return new library.CoreV1Api(configuration);
  }

  async apps(): Promise<Of<"AppsV1Api">> {
    const { library, configuration } = await this.client();
    return new library.AppsV1Api(configuration);
  }

  async batch(): Promise<Of<"BatchV1Api">> {
    const { library, configuration } = await this.client();
    return new library.BatchV1Api(configuration);
  }

  /** GET of an API path, for example `/api/v1/nodes`. */
  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.text("GET", path)) as T;
  }

  /** The same, undefined where there is no such object. */
  find<T>(path: string): Promise<T | undefined> {
    return ifThere(this.get<T>(path));
  }

  /** POST of an object to a collection; the object as the server has it. */
  async create<T>(path: string, object: unknown): Promise<T> {
    return JSON.parse(await this.text("POST", path, object)) as T;
  }

  async delete(path: string): Promise<void> {
    await this.text("DELETE", path);
  }

  /** Any request; the answer as text. */
  async text(method: Method, path: string, object?: unknown): Promise<string> {
    const { library, config, configuration, server } = await this.client();
    const request = new library.RequestContext(new URL(path, server).href, library.HttpMethod[method]);
    await config.applySecurityAuthentication(request);
    if (object !== undefined) {
      request.setHeaderParam("content-type", "application/json");
      request.setBody(JSON.stringify(object));
    }
    return (await configuration.httpApi.send(request).toPromise()).body.text();
  }
}
