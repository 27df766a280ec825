/** Which known name a misspelt one may stand for. */

const editsMax = 4

/** A third of the letters: beyond it, another word was meant. */
const editsMaxOf = (name: string): number => {
  const letters = name.replaceAll(/[^A-Za-z0-9]/g, '').length
  return Math.min(editsMax, Math.floor((letters + 1) / 3))
}

/** `; did you mean …?` for a name that is nearly a known one, else nothing. */
export const suggestion = (name: string, known: ReadonlySet<string>): string => {
  const [nearest] = [...known]
    .map((candidate) => ({ candidate, edits: editDistance(name, candidate) }))
    .sort((a, b) => a.edits - b.edits)
  return nearest !== undefined && nearest.edits <= editsMaxOf(name)
    ? `; did you mean ${nearest.candidate}?`
    : ''
}

const editDistance = (a: string, b: string): number => {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const substituted = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(substituted, previous[column]! + 1, current[column - 1]! + 1))
    }
    previous = current
  }
  return previous[b.length]!
}
