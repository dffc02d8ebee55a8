import { randomBytes } from "node:crypto";

/** Frames of WebSocket (RFC 6455), as much of it as a client of Kubernetes needs: no extensions, no fragments sent. */

export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;

export interface Frame {
  opcode: number;
  payload: Buffer;
}

/** A client's frame: masked, as servers insist. */
function frame(opcode: number, payload: Buffer): Buffer {
  const length = payload.length;
  const size = length < 126 ? Buffer.from([0x80 | length]) : length < 65_536 ? Buffer.alloc(3) : Buffer.alloc(9);
  if (size.length === 3) {
    size[0] = 0x80 | 126;
    size.writeUInt16BE(length, 1);
  } else if (size.length === 9) {
    size[0] = 0x80 | 127;
    size.writeBigUInt64BE(BigInt(length), 1);
  }
  const mask = randomBytes(4);
  const masked = Buffer.from(payload.map((byte, index) => byte ^ mask[index % 4]));
  return Buffer.concat([Buffer.from([0x80 | opcode]), size, mask, masked]);
}

export const binaryFrame = (payload: Buffer) => frame(Opcode.Binary, payload);
export const pongFrame = (payload: Buffer) => frame(Opcode.Pong, payload);
/** 1000: done. */
export const closeFrame = () => frame(Opcode.Close, Buffer.from([0x03, 0xe8]));

/** Cuts a stream of bytes into messages: fragments are put together, control frames come as they are. */
export class FrameReader {
  private rest: Buffer = Buffer.alloc(0);
  private parts: Buffer[] = [];
  private opcode: number = Opcode.Binary;

  read(bytes: Buffer): Frame[] {
    this.rest = Buffer.concat([this.rest, bytes]);
    const messages: Frame[] = [];
    for (let next = this.next(); next; next = this.next()) {
      const { final, opcode, payload } = next;
      if (opcode >= Opcode.Close) {
        messages.push({ opcode, payload });
        continue;
      }
      this.opcode = opcode === Opcode.Continuation ? this.opcode : opcode;
      this.parts.push(payload);
      if (final) {
        messages.push({ opcode: this.opcode, payload: Buffer.concat(this.parts) });
        this.parts = [];
      }
    }
    return messages;
  }

  /** The first whole frame of what there is, taken away from it. */
  private next(): (Frame & { final: boolean }) | undefined {
    const { rest } = this;
    if (rest.length < 2) {
      return undefined;
    }
    const short = rest[1] & 0x7f;
    const header = short === 126 ? 4 : short === 127 ? 10 : 2;
    const masked = (rest[1] & 0x80) !== 0;
    const start = header + (masked ? 4 : 0);
    if (rest.length < start) {
      return undefined;
    }
    const length = short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
    if (rest.length < start + length) {
      return undefined;
    }
    this.rest = rest.subarray(start + length);
    const body = rest.subarray(start, start + length);
    const mask = rest.subarray(header, header + 4);
    const payload = masked ? Buffer.from(body.map((byte, index) => byte ^ mask[index % 4])) : body;
    return { final: (rest[0] & 0x80) !== 0, opcode: rest[0] & 0x0f, payload };
  }
}
