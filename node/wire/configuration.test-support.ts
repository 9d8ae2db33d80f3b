/** The configuration of blocks in tests that are not about configurations. */
import type { Configuration } from "../base/configuration.ts";

export const THREE_VOTERS: Configuration = { voters: [1, 2, 3], outgoing: [], learners: [] };
