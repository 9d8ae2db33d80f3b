/** Structured logs as JSON lines on standard error; `event` is the stable name to look for. */
import { destination, type Logger, type Level as PinoLevel, pino } from "pino";
import type { Log, LogFields } from "../base/ports/log.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export class PinoLog implements Log {
  readonly #logger: Logger;

  constructor(level: LogLevel, bindings: Readonly<Record<string, string | number>>) {
    this.#logger = pino({ level, base: bindings }, destination({ fd: 2, sync: true }));
  }

  /** Finer than the port's levels: every message that an actor handles. */
  trace(event: string, fields: LogFields): void {
    this.#write("trace", event, fields);
  }

  debug(event: string, fields: LogFields = {}): void {
    this.#write("debug", event, fields);
  }

  info(event: string, fields: LogFields = {}): void {
    this.#write("info", event, fields);
  }

  warn(event: string, fields: LogFields = {}): void {
    this.#write("warn", event, fields);
  }

  error(event: string, fields: LogFields = {}): void {
    this.#write("error", event, fields);
  }

  #write(level: PinoLevel, event: string, fields: LogFields): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    const printable = Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "bigint" ? String(value) : value,
    ]);
    this.#logger[level]({ event, ...Object.fromEntries(printable) });
  }
}
