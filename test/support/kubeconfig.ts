/** A kubeconfig as k3s writes it, of a cluster that does not exist. */
export const KUBECONFIG = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "default", cluster: { server: "https://127.0.0.1:6443" } }],
  contexts: [{ name: "default", context: { cluster: "default", user: "default" } }],
  users: [{ name: "default", user: { "client-key-data": "S0VZ" } }],
  "current-context": "default",
});
