/** Whether a finished run was exact. Pure. */

export interface SymbolCount {
  readonly symbol: string
  readonly rows: number
  readonly distinctIds: number
  readonly firstId: number
  readonly lastId: number
}

/** What `table-check.ts` counts. */
export interface TableContents {
  readonly rows: number
  /** Rows whose message id is not the one of their exchange, symbol and id. */
  readonly foreignMessages: number
  readonly symbols: readonly SymbolCount[]
  /** When the first and the last trade were received, µs since 1970. */
  readonly firstReceivedUs: number
  readonly lastReceivedUs: number
  /** When the current snapshot was committed, ms since 1970. */
  readonly committedMs: number
  /** Commits since the table was made. */
  readonly commits: number
  readonly files: number
}

/** What the exchange put on the wire, by symbol. */
export type SentBySymbol = Readonly<
  Record<string, { readonly firstId: number; readonly lastId: number; readonly count: number }>
>

export interface RunFacts {
  readonly table: Pick<TableContents, 'rows' | 'foreignMessages' | 'symbols'>
  readonly sent: SentBySymbol
  /** Trade frames that the feed counted. */
  readonly received: number
  readonly rejected: number
  readonly deadLetters: number
  readonly exitCode: number | null
}

/** What is wrong with a run; empty when every trade that was sent stands in the table once. */
export const faultsOf = ({ table, sent, ...facts }: RunFacts): readonly string[] => [
  ...(facts.exitCode === 0 ? [] : [`K2 ended with ${String(facts.exitCode)}, not 0`]),
  ...(facts.rejected === 0 ? [] : [`${facts.rejected} frames were rejected`]),
  ...(facts.deadLetters === 0 ? [] : [`${facts.deadLetters} dead letters`]),
  ...(facts.received === table.rows
    ? []
    : [`${facts.received} trades were received, ${table.rows} landed`]),
  ...contentFaults(table, sent)
]

/** The same for a table alone. */
export const contentFaults = (
  { symbols, foreignMessages }: RunFacts['table'],
  sent: SentBySymbol
): readonly string[] => [
  ...(foreignMessages === 0
    ? []
    : [`${foreignMessages} rows have a message id that is not of their symbol and id`]),
  ...symbols.flatMap(idFaults),
  ...sentFaults(symbols, sent)
]

/** The same for a table of which nobody can say what was sent, holes allowed. */
export const repeatFaults = ({ symbols }: Pick<TableContents, 'symbols'>): readonly string[] =>
  symbols.flatMap(({ symbol, rows, distinctIds }) =>
    rows === distinctIds ? [] : [`${symbol}: ${rows} rows, ${distinctIds} ids`]
  )

const idFaults = ({ symbol, rows, distinctIds, firstId, lastId }: SymbolCount) => {
  const span = lastId - firstId + 1
  return rows === distinctIds && rows === span
    ? []
    : [`${symbol}: ${rows} rows, ${distinctIds} ids, ${span} from first to last`]
}

const sentFaults = (symbols: readonly SymbolCount[], sent: SentBySymbol): readonly string[] => {
  const landed = new Map(symbols.map((counted) => [counted.symbol, counted]))
  return Object.entries(sent).flatMap(([symbol, { firstId, lastId, count }]) => {
    const counted = landed.get(symbol)
    return counted?.rows === count && counted.firstId === firstId && counted.lastId === lastId
      ? []
      : [
          `${symbol}: ids ${firstId}–${lastId} (${count}) were sent, ` +
            `${counted?.firstId ?? 'none'}–${counted?.lastId ?? ''} (${counted?.rows ?? 0}) landed`
        ]
  })
}
