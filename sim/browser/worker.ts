/** The worker in which a page's runs happen: it runs what it is asked for, and the page ends it. */
import type { Asked } from "./messages.ts";
import { simulate } from "./simulate.ts";

self.addEventListener("message", ({ data }: MessageEvent<Asked>) => simulate(data, (told) => self.postMessage(told)));
