/**
 * How many rows of a table there are for each of some symbols, as earlier answers have shown. It
 * decides how much is read at first, never what is answered.
 */
export interface Densities {
  readonly of: (symbols: readonly string[] | undefined) => number
  readonly learn: (symbols: readonly string[] | undefined, rowsPerMatch: number) => void
}

const rowsPerSymbolMatch = 8
const rowsPerMatchMax = 10_000
const keptMax = 1_000

export const makeDensities = (): Densities => {
  const known = new Map<string, number>()
  return {
    of: (symbols) =>
      symbols === undefined ? 1 : (known.get(keyOf(symbols)) ?? rowsPerSymbolMatch),
    learn: (symbols, rowsPerMatch) => {
      if (symbols === undefined) return
      if (known.size >= keptMax) known.clear()
      known.set(keyOf(symbols), Math.min(rowsPerMatch, rowsPerMatchMax))
    }
  }
}

const keyOf = (symbols: readonly string[]): string => JSON.stringify(symbols)
