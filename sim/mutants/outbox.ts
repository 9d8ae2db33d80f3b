/** Questions to the card network that are lost, asked twice, or whose answers are misheard. */
import type { Outside } from "../../node/base/ports/outside.ts";
import { Outbox } from "../../node/state/outbox.ts";

const NOT_HEARD = JSON.stringify({ outcome: "declined", reason: "timeout", networkReference: "", amount: "0" });

/** Each attempt has an idempotency key of its own, and the last one is inquired about: what is asked again is done again. */
export function withNewKeys(outside: Outside): Outside {
  const last = new Map<string, string>();
  return {
    request: (request, done) => {
      const key = request.headers["idempotency-key"];
      if (key === undefined) {
        const asked = request.path.slice(request.path.lastIndexOf("/") + 1);
        outside.request({ ...request, path: request.path.replace(asked, last.get(asked) ?? asked) }, done);
      } else {
        last.set(key, (BigInt(`0x${last.get(key) ?? key}`) + 1n).toString(16).padStart(key.length, "0"));
        const headers = { ...request.headers, "idempotency-key": last.get(key) ?? key };
        outside.request({ ...request, headers }, done);
      }
    },
  };
}

/** No answer counts as a refusal. */
export function takingSilenceForNo(outside: Outside): Outside {
  return {
    request: (request, done) =>
      outside.request(request, (response) => {
        done(response.kind === "answer" ? response : { kind: "answer", status: 200, body: NOT_HEARD });
      }),
  };
}

/** What was open when a checkpoint was taken is not asked after a restart from it. */
export class ForgetsOpenIntents extends Outbox {
  override restored(): void {
    // Nothing is open.
  }
}

/** An answer that comes again is taken again. */
export class TakesAnswersTwice extends Outbox {
  override isOpen(id: bigint): boolean {
    return this.intent(id) !== undefined;
  }

  override close(id: bigint, outcome: "approved" | "declined"): void {
    if (super.isOpen(id)) super.close(id, outcome);
  }
}
