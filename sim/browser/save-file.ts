/** Files that a page gives to whoever looks at it. */

let lastUrl = "";

/** Has the browser save a file; its address is good until the next one is saved. */
export function saveFile(name: string, parts: readonly string[]): void {
  URL.revokeObjectURL(lastUrl);
  lastUrl = URL.createObjectURL(new Blob([...parts], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = lastUrl;
  link.download = name;
  link.click();
}
