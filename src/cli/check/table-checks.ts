/** Tables of the K2 that is asked: rows, snapshots, age of the newest commit, span, symbols. */
import { ageText, type CheckContext, jsonOf, plural, sizeText } from './check-context.ts'
import { type CheckLine, line } from './check-report.ts'

interface Stats {
  readonly data: {
    readonly tables: ReadonlyArray<{
      readonly table_name: string
      readonly records: number
      readonly data_files: number
      readonly bytes: number
      readonly snapshot_id: string | null
      readonly committed_at: string | null
    }>
  }
}

type Table = Stats['data']['tables'][number]

interface Page {
  readonly data: readonly { readonly timestamp: string }[]
  readonly pagination: { readonly has_more: boolean; readonly total?: number | null }
}

const snapshotsMax = 100
/** Streamed data is committed within seconds of its arrival (K2_COMMIT_AGE). */
const commitAgeMsMax = 60_000
const streamed = ['market.trades', 'market.quotes']

export const tableChecks = async (context: CheckContext): Promise<readonly CheckLine[]> => {
  const { data } = jsonOf('/v1/stats', await context.ask('/v1/stats')) as Stats
  const lines: CheckLine[] = []
  for (const table of data.tables)
    lines.push(tableLine(table, await snapshotsOf(context, table), context))
  return [...lines, await spanLine(context), await symbolsLine(context)]
}

const snapshotsOf = async ({ ask }: CheckContext, table: Table): Promise<string> => {
  const path = `/v1/snapshots?table=${table.table_name.split('.')[1]}&limit=${snapshotsMax}`
  const { data, pagination } = jsonOf(path, await ask(path)) as Page
  return `${data.length}${pagination.has_more ? ' or more' : ''}`
}

export const tableLine = (
  { table_name: name, records, data_files: files, bytes, committed_at: committed }: Table,
  snapshots: string,
  { config }: Pick<CheckContext, 'config'>,
  nowMs = Date.now()
): CheckLine => {
  const ageMs = committed === null ? undefined : nowMs - Date.parse(committed)
  const newest = ageMs === undefined ? 'nothing committed yet' : `newest ${ageText(ageMs)} ago`
  const isAwaited = streamed.includes(name) && config.dataTypes.some((it) => name.endsWith(it))
  const isLate = isAwaited && (ageMs === undefined || ageMs > commitAgeMsMax)
  return line('tables', name, {
    figure:
      `${plural(records, 'row')}, ${plural(files, 'file')}, ${sizeText(bytes)}, ` +
      `${snapshots} ${snapshots === '1' ? 'snapshot' : 'snapshots'}, ${newest}`,
    values: {
      rows: records,
      files,
      bytes,
      snapshots: Number.parseInt(snapshots, 10),
      ...(ageMs === undefined ? {} : { newestCommitAgeSeconds: ageMs / 1_000 })
    },
    ...(isLate ? { remedy: 'npm run k2 -- actors --failed' } : {})
  })
}

/** From the oldest trade to the newest. */
const spanLine = async ({ ask }: CheckContext): Promise<CheckLine> => {
  const oldest = (jsonOf(
    '/v1/replay',
    await ask('/v1/replay', { method: 'POST', body: JSON.stringify({ limit: 1 }) })
  ) as Page).data[0]?.timestamp
  const newest = (jsonOf('/v1/trades', await ask('/v1/trades?limit=1')) as Page).data[0]?.timestamp
  if (oldest === undefined || newest === undefined)
    return line('tables', 'span of trades', {
      figure: 'there is no trade',
      remedy: 'npm run k2 -- demo-mode load'
    })
  const spanMs = Date.parse(newest) - Date.parse(oldest)
  return line('tables', 'span of trades', {
    figure: `${ageText(spanMs)}, from ${oldest} to ${newest}`,
    values: { spanSeconds: spanMs / 1_000 }
  })
}

const symbolsLine = async ({ ask }: CheckContext): Promise<CheckLine> => {
  const path = '/v1/symbols'
  const { data } = jsonOf(path, await ask(path)) as { readonly data: readonly string[] }
  return line('tables', 'symbols of trades', {
    figure: `${data.length}: ${data.slice(0, 12).join(' ')}${data.length > 12 ? ' …' : ''}`,
    values: { symbols: data.length },
    ...(data.length === 0 ? { remedy: 'npm run k2 -- demo-mode load' } : {})
  })
}
