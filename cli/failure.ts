/** What went wrong at the system's border, for people. */
import { CodedError, errorMessage } from "../node/base/errors.ts";

/** A refusal of the operating system as an error with a code; anything else as it is. */
export function asCoded(error: unknown): unknown {
  if (error instanceof CodedError || !(error instanceof Error)) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const reason = errorMessage(error).replace(`${code}: `, "");
  if (syscall !== "listen") return new CodedError("file_unusable", `the system refused: ${reason}`, {}, error);
  return new CodedError(code === "EADDRINUSE" ? "address_in_use" : "listen_failed", reason, {}, error);
}
