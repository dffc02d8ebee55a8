// Property values as a provider sees them, and their form on the wire (a google.protobuf.Struct in which objects
// with a signature key stand for secrets, assets and so on). Marks stay exactly where they were found: a secret
// deep inside a list comes back as a secret at that place, as with the official plugins.

/** Key that tells a marked object from a plain one. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";
const RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const BYTES = "803fd3297a5875dc03ca845dda5d2a98";

/** Texts that stand for a value not known yet; the first is the one that everybody sends. */
const UNKNOWN_TEXTS = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9", // text, and in practice anything
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // list
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/** What every value that is more than plain data extends. */
abstract class Mark {}

/** A value that is known only after the resources it comes from are made. Use the constant `unknown`. */
export class Unknown extends Mark {
  constructor(readonly text: string = "04da6b54-80e4-46f7-96ec-b56ff0331ba9") {
    super();
  }
}

/** The value of anything a preview cannot tell. */
export const unknown = new Unknown();

/** A value that the engine must encrypt and hide. */
export class Secret extends Mark {
  constructor(readonly value: PropertyValue) {
    super();
  }
}

/** An output with its own marks: unknown when it has no `value`. */
export class Output extends Mark {
  constructor(
    readonly value: PropertyValue | undefined,
    readonly secret = false,
    readonly dependencies: readonly string[] = [],
    private readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super();
  }

  /** The object sent on the wire, its fields present or absent as they came. */
  wire(): Record<string, unknown> {
    return {
      ...(this.value === undefined ? {} : { value: toWire(this.value) }),
      ...(this.secret ? { secret: true } : {}),
      ...(this.dependencies.length > 0 ? { dependencies: [...this.dependencies] } : {}),
      ...this.extra,
    };
  }
}

/** A file asset: `path`, `text` or `uri`, and its SHA-256 in `hash`. Absent and empty fields are told apart. */
export class Asset extends Mark {
  constructor(readonly fields: { hash?: string; path?: string; text?: string; uri?: string }) {
    super();
  }
}

/** An archive: `path`, `uri` or nested `assets` (assets and archives by name), and its `hash`. */
export class Archive extends Mark {
  constructor(readonly fields: { hash?: string; path?: string; uri?: string; assets?: PropertyMap }) {
    super();
  }
}

/** A reference to a resource by URN. */
export class ResourceReference extends Mark {
  constructor(readonly fields: { urn: string; id?: PropertyValue; packageVersion?: string }) {
    super();
  }
}

/** A string of bytes that is not UTF-8 text. */
export class Bytes extends Mark {
  constructor(readonly base64: string) {
    super();
  }
}

export type PropertyValue =
  | null
  | boolean
  | number
  | string
  | Unknown
  | Secret
  | Output
  | Asset
  | Archive
  | ResourceReference
  | Bytes
  | PropertyValue[]
  | PropertyMap;

export interface PropertyMap {
  [key: string]: PropertyValue;
}

/** Whether the value is a plain object, no mark and no list. */
export function isMap(value: PropertyValue | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Mark);
}

/** From JSON-like wire form to property values. */
export function fromWire(value: unknown): PropertyValue {
  if (typeof value === "string") {
    return UNKNOWN_TEXTS.has(value) ? (value === unknown.text ? unknown : new Unknown(value)) : value;
  }
  if (value === null || value === undefined) {
    return null;
  }
  if (typeof value !== "object") {
    return value as boolean | number;
  }
  if (Array.isArray(value)) {
    return value.map(fromWire);
  }
  const { [SIGNATURE]: signature, ...fields } = value as Record<string, any>;
  switch (signature) {
    case undefined:
      return mapFromWire(fields);
    case SECRET:
      return new Secret(fromWire(fields.value));
    case ASSET:
      return new Asset(fields);
    case ARCHIVE:
      return new Archive("assets" in fields ? { ...fields, assets: mapFromWire(fields.assets) } : fields);
    case RESOURCE:
      return new ResourceReference({ ...fields, ...("id" in fields ? { id: fromWire(fields.id) } : {}) } as ResourceReference["fields"]);
    case BYTES:
      return new Bytes(String(fields.value));
    case OUTPUT: {
      const { value: inner, secret, dependencies, ...extra } = fields;
      return new Output("value" in fields ? fromWire(inner) : undefined, secret === true, dependencies ?? [], extra);
    }
    default:
      throw new Error(`a property value has the unknown signature ${String(signature)}: this plugin is older than the engine`);
  }
}

/** From a wire object to a map of property values; an absent one is an empty map. */
export function mapFromWire(value: Record<string, unknown> | undefined): PropertyMap {
  return Object.fromEntries(Object.entries(value ?? {}).map(([key, item]) => [key, fromWire(item)]));
}

/** From property values to JSON-like wire form. Keys whose value is `undefined` are left out. */
export function toWire(value: PropertyValue): any {
  if (value === null || typeof value !== "object") {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((item) => toWire(item ?? null));
  }
  if (value instanceof Unknown) {
    return value.text;
  }
  if (value instanceof Secret) {
    return { [SIGNATURE]: SECRET, value: toWire(value.value) };
  }
  if (value instanceof Asset) {
    return { [SIGNATURE]: ASSET, ...value.fields };
  }
  if (value instanceof Archive) {
    const { assets, ...fields } = value.fields;
    return { [SIGNATURE]: ARCHIVE, ...fields, ...(assets ? { assets: mapToWire(assets) } : {}) };
  }
  if (value instanceof ResourceReference) {
    const { id, ...fields } = value.fields;
    return { [SIGNATURE]: RESOURCE, ...fields, ...(id === undefined ? {} : { id: toWire(id) }) };
  }
  if (value instanceof Bytes) {
    return { [SIGNATURE]: BYTES, value: value.base64 };
  }
  if (value instanceof Output) {
    return { [SIGNATURE]: OUTPUT, ...value.wire() };
  }
  return mapToWire(value);
}

/** From a map of property values to a wire object. */
export function mapToWire(map: PropertyMap): Record<string, any> {
  return Object.fromEntries(
    Object.entries(map)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, toWire(value)]),
  );
}
