/**
 * Candles as one would make them by hand, of a list of trades: nothing here is K2's own code.
 * Decimals are bigints scaled by 10^8; those of `quoteVolume` by 10^16.
 */

export interface HandTrade {
  readonly timestamp: number
  readonly source_sequence: number | null
  readonly message_id: string
  readonly price: bigint
  readonly quantity: bigint
  readonly side: string
}

export interface HandCandle {
  readonly startUs: number
  readonly endUs: number
  readonly open: bigint
  readonly high: bigint
  readonly low: bigint
  readonly close: bigint
  readonly volume: bigint
  readonly quoteVolume: bigint
  readonly vwap: bigint | null
  readonly twap: bigint
  readonly tradeCount: number
  readonly buyVolume: bigint
  readonly sellVolume: bigint
}

/** Start and end of the interval that a time lies in. */
export type IntervalOf = (us: number) => readonly [startUs: number, endUs: number]

export const fixedInterval =
  (widthUs: number): IntervalOf =>
  (us) => {
    const startUs = Math.floor(us / widthUs) * widthUs
    return [startUs, startUs + widthUs]
  }

/** Of one symbol at one exchange; `newestUs` is when it traded last, in whatever interval. */
export const candlesByHand = (
  trades: readonly HandTrade[],
  intervalOf: IntervalOf,
  newestUs: number
): readonly HandCandle[] => {
  const sorted = trades.toSorted(
    (left, right) =>
      left.timestamp - right.timestamp ||
      (left.source_sequence ?? -Infinity) - (right.source_sequence ?? -Infinity) ||
      (left.message_id < right.message_id ? -1 : 1)
  )
  const groups = new Map<number, HandTrade[]>()
  for (const trade of sorted) {
    const [startUs] = intervalOf(trade.timestamp)
    const group = groups.get(startUs)
    if (group === undefined) groups.set(startUs, [trade])
    else group.push(trade)
  }
  return [...groups.values()].map((group) => {
    const [startUs, endUs] = intervalOf(group[0]!.timestamp)
    return candleOf(group, { startUs, endUs, newestUs })
  })
}

const candleOf = (
  group: readonly HandTrade[],
  times: { readonly startUs: number; readonly endUs: number; readonly newestUs: number }
): HandCandle => {
  const { startUs, endUs, newestUs } = times
  const sum = (of: (trade: HandTrade) => bigint) => group.reduce((all, it) => all + of(it), 0n)
  const prices = group.map(({ price }) => price)
  const [first, last] = [group[0]!, group.at(-1)!]
  const volume = sum(({ quantity }) => quantity)
  const quoteVolume = sum(({ price, quantity }) => price * quantity)
  const untilUs = newestUs < endUs ? last.timestamp : endUs
  let weighted = 0n
  for (const [index, { price, timestamp }] of group.entries()) {
    weighted += price * BigInt((group[index + 1]?.timestamp ?? untilUs) - timestamp)
  }
  const spanUs = BigInt(untilUs - first.timestamp)
  return {
    startUs,
    endUs,
    open: first.price,
    high: prices.reduce((a, b) => (a > b ? a : b)),
    low: prices.reduce((a, b) => (a < b ? a : b)),
    close: last.price,
    volume,
    quoteVolume,
    vwap: volume === 0n ? null : quotient(quoteVolume, volume),
    twap: spanUs === 0n ? last.price : quotient(weighted, spanUs),
    tradeCount: group.length,
    buyVolume: sum(({ side, quantity }) => (side === 'BUY' ? quantity : 0n)),
    sellVolume: sum(({ side, quantity }) => (side.startsWith('SELL') ? quantity : 0n))
  }
}

/** Rounded half to even; the divisor is positive. */
const quotient = (dividend: bigint, divisor: bigint): bigint => {
  const down = (dividend - (((dividend % divisor) + divisor) % divisor)) / divisor
  const rest = 2n * (dividend - down * divisor)
  if (rest === divisor) return down % 2n === 0n ? down : down + 1n
  return rest > divisor ? down + 1n : down
}
