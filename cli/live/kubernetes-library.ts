/**
 * The Kubernetes project's client library: an ES module of 850 files, half a second that only those pay who ask a cluster.
 * Its types are taken from here, too, as a file that is no ES module cannot import them by name.
 */
export const loadLibrary = () => import("@kubernetes/client-node");

export type Library = Awaited<ReturnType<typeof loadLibrary>>;

/** An object of one of the library's classes, for example `Of<"V1Pod">`. */
export type Of<Name extends keyof Library> = Library[Name] extends abstract new (...args: any[]) => infer Made ? Made : never;
