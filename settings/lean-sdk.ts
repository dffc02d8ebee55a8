import * as pulumi from "@pulumi/pulumi";
import { isGrpcError } from "@pulumi/pulumi/errors";
import * as debuggable from "@pulumi/pulumi/runtime/debuggable";
import * as rpc from "@pulumi/pulumi/runtime/rpc";

/** What the SDK gives the value of a property with, once the engine has answered. */
type Resolver = (value: unknown, isKnown: boolean, isSecret: boolean, dependencies?: pulumi.Resource[], error?: Error) => void;
type Properties = Record<string, unknown>;

const sdk = {
  resource: pulumi.Resource as unknown as { stackTrace(): unknown[] },
  log: pulumi.log as { debug: typeof pulumi.log.debug },
  debuggable: debuggable as unknown as {
    debuggablePromise<T>(promise: Promise<T>, context: string): Promise<T>;
    debugPromiseLeaks: boolean;
  },
  rpc: rpc as unknown as { transferProperties(onto: object, label: string, properties: Properties): Record<string, Resolver> },
};

/**
 * Has the SDK keep less for each resource: of 1,000 machines there are 18,000, all of them made before the engine has answered for
 * the first. It has no switches for this. With PULUMI_DEBUG_PROMISE_LEAKS, its own for debugging, all stays as it is.
 */
export function leanSdk(): void {
  // Where each resource was made, a list of absolute paths, would be a sixteenth of the state, differ between checkouts, and show nowhere.
  sdk.resource.stackTrace = () => [];
  if (sdk.debuggable.debugPromiseLeaks) {
    return;
  }
  // Five calls of the engine for each resource, with texts that it drops unless it runs with --debug.
  sdk.log.debug = () => Promise.resolve();
  sdk.debuggable.debuggablePromise = withoutStack(sdk.debuggable.debuggablePromise);
  sdk.rpc.transferProperties = whenRead;
}

/** Each promise of the SDK has a stack of its maker, as a text. */
function withoutStack(make: typeof sdk.debuggable.debuggablePromise): typeof make {
  return (promise, context) => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return make(promise, context);
    } finally {
      Error.stackTraceLimit = limit;
    }
  };
}

/**
 * In place of `transferProperties`, which makes an output of some 40 promises for each property of a resource, also of those that nobody
 * reads: these are made when they are read.
 */
function whenRead(onto: object, label: string, properties: Properties): Record<string, Resolver> {
  const names = Object.keys(properties).filter((name) => name !== "id" && name !== "urn");
  return Object.fromEntries(names.map((name) => [name, outputWhenRead(onto, name, label)]));
}

function outputWhenRead(onto: object, name: string, label: string): Resolver {
  if (Object.hasOwn(onto, name)) {
    throw new Error(`Property '${name}' is already initialized on target '${label}'`);
  }
  const property = (value: unknown) => Object.defineProperty(onto, name, { configurable: true, enumerable: true, writable: true, value });
  let settle: ((...answer: Parameters<Resolver>) => void) | undefined;
  let answer: Parameters<Resolver> | undefined;
  Object.defineProperty(onto, name, {
    configurable: true,
    enumerable: true,
    set: property,
    get() {
      const settled = new Promise<{ value: unknown; isKnown: boolean; isSecret: boolean; dependencies: pulumi.Resource[] }>(
        (resolve, reject) => {
          settle = (value, isKnown, isSecret, dependencies = [], error) => {
            if (!error) {
              resolve({ value, isKnown, isSecret, dependencies });
            } else if (!isGrpcError(error)) {
              reject(error);
            }
          };
        },
      );
      if (answer) {
        settle?.(...answer);
      }
      const known = sdk.debuggable.debuggablePromise(settled, `property ${name} of ${label}`);
      const output = new Output(
        onto,
        known.then(({ value }) => value),
        known.then(({ isKnown }) => isKnown),
        known.then(({ isSecret }) => isSecret),
        known.then(({ dependencies }) => dependencies),
      );
      property(output);
      return output;
    },
  });
  return (...given) => {
    answer = given;
    settle?.(...given);
  };
}

const Output = pulumi.Output as unknown as new (
  resource: object,
  value: Promise<unknown>,
  isKnown: Promise<boolean>,
  isSecret: Promise<boolean>,
  dependencies: Promise<pulumi.Resource[]>,
) => object;
