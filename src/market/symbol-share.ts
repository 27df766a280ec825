/**
 * Which symbols are among a share of all symbols: the same ones everywhere and at any time. A
 * symbol that is among a share is among every larger one.
 */

/** The share from which on a symbol is taken: from 0, never 1. */
export const placeOf = (symbol: string): number => {
  let hash = 0x811c9dc5
  for (let at = 0; at < symbol.length; at++) {
    hash = Math.imul(hash ^ symbol.charCodeAt(at), 0x01000193)
  }
  // Symbols end alike: their differences are spread over all bits.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

export const isAmong = (share: number, symbol: string): boolean => placeOf(symbol) < share
