/** A cell of a CSV file (RFC 4180): in quotes where it would not be read back otherwise. */
export const csvCell = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
