// Which kinds the API server has, where they lie and whether they live in namespaces.
import { type Client, isNotFound } from "./client";
import { apiVersionOf, type GroupVersionKind } from "./objects";

/** Where objects of a kind lie. */
export interface Mapping {
  /** `/api/v1` or `/apis/<group>/<version>`. */
  root: string;
  /** Plural name in paths, e.g. `configmaps`. */
  resource: string;
  /** `configmaps`, `deployments.apps`: how the API server names the resource in its errors. */
  qualified: string;
  namespaced: boolean;
}

/** The API server has no such kind (yet). */
export class NoMatch extends Error {
  constructor(readonly gvk: GroupVersionKind) {
    super(`no matches for kind ${JSON.stringify(gvk.kind)} in version ${JSON.stringify(apiVersionOf(gvk))}`);
  }
}

interface Resource {
  name: string;
  kind: string;
  namespaced: boolean;
}

export class Discovery {
  private readonly lists = new Map<string, Promise<Resource[]>>();

  constructor(private readonly client: Client) {}

  /** Where objects of this kind lie; throws `NoMatch`. */
  async mapping(gvk: GroupVersionKind): Promise<Mapping> {
    const root = gvk.group === "" ? `/api/${gvk.version}` : `/apis/${gvk.group}/${gvk.version}`;
    const found = (await this.list(root)).find(({ kind, name }) => kind === gvk.kind && !name.includes("/"));
    if (!found) {
      // A definition may add the kind at any moment.
      this.lists.delete(root);
      throw new NoMatch(gvk);
    }
    const qualified = gvk.group === "" ? found.name : `${found.name}.${gvk.group}`;
    return { root, resource: found.name, qualified, namespaced: found.namespaced };
  }

  /** Forgets what was learnt, for instance because a definition has been added. */
  forget(): void {
    this.lists.clear();
  }

  /** Shared by all calls that ask, so that none of them may end it. */
  private list(root: string): Promise<Resource[]> {
    let list = this.lists.get(root);
    if (!list) {
      list = this.client.request<{ resources?: Resource[] }>(root).then(
        (answer) => answer.resources ?? [],
        (error) => {
          this.lists.delete(root);
          if (isNotFound(error)) {
            return [];
          }
          throw error;
        },
      );
      this.lists.set(root, list);
    }
    return list;
  }
}

/** Kinds of the API's own groups that do not live in namespaces, for when the API server cannot be asked. */
const CLUSTER_SCOPED = new Set(
  [
    "APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding ClusterTrustBundle ComponentStatus",
    "CustomResourceDefinition DeviceClass DeviceTaintRule FlowSchema IPAddress IngressClass MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration Namespace Node PersistentVolume PodSecurityPolicy PriorityClass PriorityLevelConfiguration",
    "ResourceSlice RuntimeClass SelfSubjectAccessReview SelfSubjectReview SelfSubjectRulesReview ServiceCIDR StorageClass",
    "StorageVersion StorageVersionMigration SubjectAccessReview TokenReview ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration VolumeAttachment VolumeAttributesClass",
  ].flatMap((line) => line.split(" ")),
);

/** Whether a kind of the API's own groups lives in namespaces. */
export const isNamespacedByName = (kind: string): boolean => !CLUSTER_SCOPED.has(kind);
