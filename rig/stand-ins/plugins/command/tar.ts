/** Field positions of a ustar header that are not zero in the archives made here. */
const BLOCK = 512;

/**
 * A tar file as Go's archive/tar writes it from name, size and mode 0600 alone, which is how the engine hashes archives.
 * Names longer than 100 bytes are split at a slash into prefix and name.
 */
export function tarOf(files: readonly { name: string; content: Buffer }[]): Buffer {
  const parts = files.flatMap(({ name, content }) => [header(name, content.length), content, Buffer.alloc(-content.length & (BLOCK - 1))]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const { prefix, rest } = split(name);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(rest, 0);
  block.write(octal(0o600, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  block.fill(" ", 148, 156);
  block.write("0", 156);
  block.write("ustar\x0000", 257, "latin1");
  block.write(octal(0, 7), 329);
  block.write(octal(0, 7), 337);
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function split(name: string): { prefix: string; rest: string } {
  if (Buffer.byteLength(name) <= 100) {
    return { prefix: "", rest: name };
  }
  const slash = name.lastIndexOf("/", 155);
  return { prefix: name.slice(0, Math.max(slash, 0)), rest: name.slice(slash + 1) };
}
