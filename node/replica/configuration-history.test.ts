import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigurationHistory } from "./configuration-history.ts";

test("knows the configuration of each block, and of no height between or beside them", () => {
  const step = fc.record({
    ahead: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 3 })),
    voter: fc.integer({ min: 1, max: 2 }),
  });
  fc.assert(
    fc.property(fc.nat(5), fc.array(step), (begin, steps) => {
      const history = new ConfigurationHistory();
      const model = new Map<number, unknown>();
      let height = begin;
      for (const { ahead, voter } of steps) {
        height += ahead;
        const configuration = { voters: [voter], outgoing: [], learners: [] };
        history.set(height, configuration);
        model.set(height, configuration);
      }
      for (let at = 0; at <= height + 1; at++) expect(history.get(at)).toEqual(model.get(at));
    }),
  );
});
