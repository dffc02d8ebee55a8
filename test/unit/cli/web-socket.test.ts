import { binaryFrame, FrameReader, Opcode } from "../../../cli/live/web-socket";

/** A server's frame: not masked. */
function sent(opcode: number, payload: Buffer, final = true): Buffer {
  const length = payload.length < 126 ? Buffer.from([payload.length]) : Buffer.from([126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode]), length, payload]);
}

describe("WebSocket frames", () => {
  test.each([0, 1, 125, 126, 65_535, 65_536])("of %d bytes are read as they were written", (size) => {
    const payload = Buffer.alloc(size, "lab");
    const written = binaryFrame(payload);
    // A client has to mask, so that no proxy reads its bytes as HTTP.
    expect(written[1] & 0x80).toBe(0x80);
    const [message] = new FrameReader().read(written);
    expect(message.opcode).toBe(Opcode.Binary);
    expect(message.payload.equals(payload)).toBe(true);
  });

  test("come in whatever pieces the network makes of them", () => {
    const bytes = Buffer.concat([sent(Opcode.Binary, Buffer.alloc(300, "a")), sent(Opcode.Binary, Buffer.from("b"))]);
    const reader = new FrameReader();
    const messages = [...bytes].flatMap((byte) => reader.read(Buffer.from([byte])));
    expect(messages.map(({ payload }) => payload.length)).toEqual([300, 1]);
  });

  test("that are fragments become one message, and a ping in between is not part of it", () => {
    const bytes = [
      sent(Opcode.Binary, Buffer.from("one "), false),
      sent(Opcode.Ping, Buffer.from("?")),
      sent(Opcode.Continuation, Buffer.from("message")),
    ];
    const messages = new FrameReader().read(Buffer.concat(bytes));
    expect(messages.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [Opcode.Ping, "?"],
      [Opcode.Binary, "one message"],
    ]);
  });
});
