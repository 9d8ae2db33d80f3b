/**
 * Options of V8 for a node. Its state and its blocks are bytes outside of V8's heap, which V8 nevertheless counts when it
 * decides to collect: with its defaults a node of twenty megabytes of objects was collected as a whole every five batches
 * of transfers, for a third of its processor time.
 *
 * `initial-old-space-size`: no whole collection before so many megabytes are in use, those bytes among them.
 * `min-semi-space-size`: a few megabytes of short-lived objects do not make a collection.
 */
export const V8_OPTIONS: readonly string[] = ["--initial-old-space-size=256", "--min-semi-space-size=16"];
