/** Waiting in tests of real processes. */
const PATIENCE_MS = 120_000;

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** What `look` finds in the end; throws when that takes two minutes. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const giveUp = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > giveUp) throw new Error(`waited in vain for ${what}`);
    await pause(50);
  }
}
