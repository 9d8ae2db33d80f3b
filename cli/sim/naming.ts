/** What is wrong with a file is told with the file's name. */
import { CodedError } from "../../node/base/errors.ts";

export function naming<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError) throw new CodedError(error.code, `${file}: ${error.message}`, error.facts, error);
    throw error;
  }
}
