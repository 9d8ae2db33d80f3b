import fc from "fast-check";
import { expect, test } from "vitest";
import { Mailbox } from "./mailbox.ts";

test("gives messages back in order and never holds more than it is allowed, as a plain queue would", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ offer: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 4, arbitrary: fc.constant("take" as const) },
    { weight: 1, arbitrary: fc.constant("clear" as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (script) => {
      const mailbox = new Mailbox<number>();
      let queue: number[] = [];
      let next = 0;
      let most = 0;
      for (const action of script) {
        if (action === "take") {
          if (queue.length > 0) expect(mailbox.take()).toBe(queue.shift());
        } else if (action === "clear") {
          mailbox.clear();
          queue = [];
        } else {
          const room = queue.length < action.offer;
          expect(mailbox.offer(next, action.offer)).toBe(room);
          if (room) queue.push(next);
          next += 1;
        }
        most = Math.max(most, queue.length);
        expect([mailbox.length, mailbox.most]).toEqual([queue.length, most]);
      }
    }),
  );
});
