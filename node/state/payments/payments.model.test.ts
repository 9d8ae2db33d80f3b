import fc from "fast-check";
import { test } from "vitest";
import { PaymentWorld, paymentStep } from "./payment-world.test-support.ts";

test("money is conserved, nothing is captured twice, and what is pending is exactly what open holds say", () => {
  fc.assert(
    fc.property(fc.array(paymentStep, { minLength: 10, maxLength: 60 }), (steps) => {
      const world = new PaymentWorld();
      for (const step of steps) {
        world.run(step);
        world.check();
      }
    }),
    { numRuns: 25 },
  );
});
