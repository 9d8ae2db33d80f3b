/**
 * Text as a terminal may be given it. Payments, names and answers bear the texts of others, and control characters in them
 * would move the cursor, wipe lines or turn the direction of writing, so that people read what is not there. They are shown
 * as JSON writes them, and so JSON stays what it is.
 */

/** C0 and C1 controls, what turns the direction of writing, and the two separators that some count as ends of lines. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Text of which the program itself has made the lines. */
export function printable(text: string): string {
  return text.replace(CONTROL, (control) => (control === "\n" ? control : escaped(control)));
}

/** Text that must not begin a line of its own. */
export function printableLine(text: string): string {
  return text.replace(CONTROL, escaped);
}

function escaped(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
