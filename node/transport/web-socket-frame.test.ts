import { expect, test } from "vitest";
import { fromHex, toHex } from "../base/bytes.ts";
import { webSocketFrames } from "./web-socket-frame.ts";

/** Headers as RFC 6455 has them, section 5.2; those of 256 and 65,536 bytes are its examples (section 5.7). */
const HEADERS: readonly (readonly [bytes: number, unmasked: string, masked: string])[] = [
  [0, "8200", "828000000000"],
  [125, "827d", "82fd00000000"],
  [126, "827e007e", "82fe007e00000000"],
  [256, "827e0100", "82fe010000000000"],
  [65_535, "827effff", "82feffff00000000"],
  [65_536, "827f0000000000010000", "82ff000000000001000000000000"],
];

test.each(HEADERS)("a frame of %i bytes has the header of RFC 6455", (bytes, unmasked, masked) => {
  const payload = Uint8Array.from({ length: bytes }, (_, i) => i);
  const pieces = [payload.subarray(0, bytes >> 1), new Uint8Array(0), payload.subarray(bytes >> 1)];
  for (const [header, dialled] of [[unmasked, false] as const, [masked, true] as const]) {
    const frame = webSocketFrames([pieces], dialled);
    const headerBytes = fromHex(header)?.length ?? 0;
    expect(toHex(frame.subarray(0, headerBytes))).toBe(header);
    expect(frame.subarray(headerBytes)).toEqual(Buffer.from(payload));
  }
});

test.each([true, false])("frames stand one behind the other, masked: %s", (masked) => {
  const messages = HEADERS.map(([bytes]) => [new Uint8Array(bytes >> 1).fill(1), new Uint8Array(bytes >> 2).fill(2)]);
  const each = messages.map((pieces) => webSocketFrames([pieces], masked));
  expect(Buffer.concat(each).equals(webSocketFrames(messages, masked))).toBe(true);
});
