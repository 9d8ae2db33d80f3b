/** Fields of a log line; no secrets, no personal data. */
export type LogFields = Readonly<Record<string, string | number | boolean | bigint>>;

/** Structured log. `event` is a stable name such as `raft.became_leader`. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}
