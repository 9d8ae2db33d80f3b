/** Everything of the world that a node is handed. */
import type { Cipher } from "./cipher.ts";
import type { Clock } from "./clock.ts";
import type { Crypto } from "./crypto.ts";
import type { Disk } from "./disk.ts";
import type { Log } from "./log.ts";
import type { Network } from "./network.ts";
import type { Outside } from "./outside.ts";
import type { Perturb } from "./perturb.ts";
import type { Random } from "./random.ts";
import type { Store } from "./store.ts";

/** Everything a node may touch. `node/host/` implements it on the real world, `sim/` on a seed. */
export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly store: Store;
  /** For what is kept on `disk`; `store` has its own. Without one nothing is encrypted. */
  readonly cipher?: Cipher | undefined;
  readonly network: Network;
  readonly outside: Outside;
  readonly crypto: Crypto;
  readonly log: Log;
  /** Only a simulator has it. */
  readonly perturb?: Perturb | undefined;
}
