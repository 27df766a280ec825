/**
 * Takes secrets out of log lines, whoever wrote them there: the texts of all secret settings, and
 * what stands before the @ of an address.
 */
const hidden = '[secret]'
const charsMin = 4

/** @param secrets as they are; shorter ones than four letters would blot out half of the log */
export const redactor = (secrets: readonly string[]): ((line: string) => string) => {
  const texts = new Set(
    secrets
      .filter((text) => text.length >= charsMin)
      .flatMap((text) => [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text)])
  )
  // A secret that holds another one goes first.
  const ordered = [...texts].sort((left, right) => right.length - left.length)
  return (line) =>
    ordered
      .reduce((text, secret) => text.replaceAll(secret, hidden), line)
      .replaceAll(/:\/\/[^\s/"@]+@/g, `://${hidden}@`)
}
