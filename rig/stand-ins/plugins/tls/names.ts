import { isIP } from "node:net";
import { AsnConvert } from "@peculiar/asn1-schema";
import { AttributeTypeAndValue, AttributeValue, GeneralName, Name, RelativeDistinguishedName } from "@peculiar/asn1-x509";

/** The subject of a certificate as the program gives it. */
export interface Subject {
  commonName?: string;
  country?: string;
  emailAddress?: string;
  locality?: string;
  organization?: string;
  organizationalUnit?: string;
  postalCode?: string;
  province?: string;
  serialNumber?: string;
  streetAddresses?: string[];
}

/** Order and object identifiers of the parts, as Go's pkix.Name writes them. */
const PARTS: [keyof Subject, string][] = [
  ["country", "2.5.4.6"],
  ["organization", "2.5.4.10"],
  ["organizationalUnit", "2.5.4.11"],
  ["locality", "2.5.4.7"],
  ["province", "2.5.4.8"],
  ["streetAddresses", "2.5.4.9"],
  ["postalCode", "2.5.4.17"],
  ["commonName", "2.5.4.3"],
  ["serialNumber", "2.5.4.5"],
  ["emailAddress", "1.2.840.113549.1.9.1"],
];

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

function attribute(type: string, text: string): AttributeTypeAndValue {
  const email = type === "1.2.840.113549.1.9.1";
  const value = new AttributeValue(email ? { ia5String: text } : PRINTABLE.test(text) ? { printableString: text } : { utf8String: text });
  return new AttributeTypeAndValue({ type, value });
}

/** The distinguished name of a subject. */
export function nameOf(subject: Subject): Name {
  const sets = PARTS.flatMap(([part, type]) => {
    const values = [subject[part] ?? []].flat().filter((value): value is string => typeof value === "string" && value !== "");
    return values.length > 0 ? [new RelativeDistinguishedName(values.map((value) => attribute(type, value)))] : [];
  });
  return new Name(sets);
}

/** Bytes of an IPv4 or IPv6 address. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) {
    return Buffer.from(address.split(".").map(Number));
  }
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const words = (part: string | undefined) => (part ? part.split(":") : []);
  const zeros = tail === undefined ? [] : new Array(8 - words(head).length - words(tail).length).fill("0");
  return Buffer.from([...words(head), ...zeros, ...words(tail)].map((word) => word.padStart(4, "0")).join(""), "hex");
}

/** Names, addresses and URIs as general names, in Go's order. */
export function generalNames(dnsNames: string[], ipAddresses: string[], uris: string[]): GeneralName[] {
  for (const address of ipAddresses) {
    if (isIP(address) === 0) {
      throw new Error(`Failed to parse IP address: ${JSON.stringify(address)}`);
    }
  }
  for (const uri of uris) {
    if (!URL.canParse(uri)) {
      throw new Error(`Failed to parse URI: ${JSON.stringify(uri)}`);
    }
  }
  return [
    ...dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...ipAddresses.map((address) => AsnConvert.parse(tagged(7, addressBytes(address)), GeneralName)),
    ...uris.map((uniformResourceIdentifier) => new GeneralName({ uniformResourceIdentifier })),
  ];
}

/** A short value with a primitive context tag, in DER. */
function tagged(tag: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x80 | tag, bytes.length), bytes]);
}
