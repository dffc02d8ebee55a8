import { isMap, type PropertyMap, type PropertyValue, plain, secret, unwrap } from "../protocol";

/** How to reach a machine over SSH, as the program gives it. */
export interface Endpoint {
  host: string;
  port: number;
  user: string;
  password?: string;
  privateKey?: string;
  privateKeyPassword?: string;
  agentSocketPath?: string;
  /** The host's public key as in known_hosts or authorized_keys; any key is taken without. */
  hostKey?: string;
  /** Attempts to connect; -1 for no limit. */
  dialErrorLimit: number;
  /** Seconds that one TCP connect may take; 0 for no limit. */
  perDialTimeout: number;
}

export interface Connection extends Endpoint {
  /** A machine to go through. */
  proxy?: Endpoint;
}

const DEFAULTS = { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };

/** Keys that are secret whether the program said so or not. */
const SECRETS = ["password", "privateKey", "privateKeyPassword"];

/** A connection out of the checked inputs. */
export function connectionOf(value: PropertyValue): Connection {
  const { proxy, ...endpoint } = plain(value) as Record<string, any>;
  return { ...withDefaults(endpoint), ...(proxy ? { proxy: withDefaults(proxy) } : {}) };
}

function withDefaults(given: Record<string, any>): Endpoint {
  return { ...DEFAULTS, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) } as Endpoint;
}

/** The connection as Check answers it: a secret as a whole, its passwords and keys secrets too, defaults filled in. */
export function checkedConnection(value: PropertyValue): PropertyValue {
  const inner = unwrap(value);
  return secret(isMap(inner) ? endpoint(inner) : inner);
}

function endpoint(given: PropertyMap): PropertyMap {
  const marked = Object.entries(given).map(([key, value]): [string, PropertyValue] => {
    const bare = unwrap(value);
    if (key === "proxy" && isMap(bare)) {
      return [key, endpoint(bare)];
    }
    return [key, SECRETS.includes(key) ? secret(value) : value];
  });
  return { ...DEFAULTS, ...Object.fromEntries(marked) };
}
