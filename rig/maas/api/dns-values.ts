/** What MAAS wants of a DNS record's value, by its type; names in it are not looked into. */

const small = (text: string) => Number(text) <= 65535;
const words = (count: number) => (value: string) => {
  const found = value.trim().split(/\s+/);
  return found.length >= count && found.slice(0, count - 1).every((word) => /^\d+$/.test(word)) ? found : undefined;
};

const rules: Record<string, { holds: (value: string) => boolean; form: string }> = {
  CNAME: { holds: (value) => /^[\w-]+(\.[\w-]+)*\.?$/.test(value), form: "'<server>'." },
  MX: {
    holds: (value) => words(2)(value)?.slice(0, 1).every(small) ?? false,
    form: "'<preference> <server>'. Range for preference is 0-65535.",
  },
  SRV: {
    holds: (value) => words(4)(value)?.slice(0, 3).every(small) ?? false,
    form: "'<priority> <weight> <port> <server>'. Range for priority, weight, and port are 0-65536.",
  },
  SSHFP: { holds: (value) => words(3)(value) !== undefined, form: "'<algorithm> <fptype> <fingerprint>'." },
};

/** MAAS's refusal; undefined where the value will do. */
export function wrongValue(type: string, value: string): string | undefined {
  const rule = rules[type];
  return !rule || rule.holds(value) ? undefined : `Invalid ${type}: Should be ${rule.form}`;
}
