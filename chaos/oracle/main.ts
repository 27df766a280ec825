/**
 * `npm run oracle -- [flags]`: judges what K2 has delivered, without K2.
 *
 * Exit codes: 0 nothing is wrong; 1 faults were found; 2 nothing can be said.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { pyIceberg } from '../../test/support/pyiceberg/pyiceberg.ts'
import type { Explanation, IssueSpan } from './evidence.ts'
import { examineDelivery, type LogSource, type OracleInput, type TableSource } from './oracle.ts'
import { faultClasses, type Verdict } from './verdict.ts'

const usage = `usage: npm run oracle -- --issued DIR (--metadata FILE | --catalog JSON) [flags]

  --issued DIR       the exchange's record (npm run exchange -- --issued-record DIR)
  --metadata FILE    the table's metadata file, as a path or address
  --catalog JSON     or PyIceberg's properties of the catalog, such as {"uri":"http://…"},
  --table NAME       and the table's name in it (market.trades)
  --log DIR          the embedded log's folder; without a log, holes are taken for lost to nobody
  --kafka SERVERS    or the brokers (the interpreter must have confluent_kafka)
  --topic NAME       topic of the log (market.crypto.trades.binance)
  --explained FILE   JSON array of what may be missing:
                     {"symbol":"BTCUSDT","fromId":1,"toId":9,"reason":"shed"}
                     {"symbol":"*","fromMs":1,"toMs":9,"reason":"ingest_killed"}
  --whole MS-MS      what was issued between these (Unix ms) must be there, whatever explains it
  --cut-grace-ms N   what was sent so shortly before a connection ended may not have arrived (2000)
  --python FILE      an interpreter with PyIceberg; one is installed unless told
  --json             the verdict as one JSON document`

const options = {
  issued: { type: 'string' },
  metadata: { type: 'string' },
  catalog: { type: 'string' },
  table: { type: 'string', default: 'market.trades' },
  log: { type: 'string' },
  kafka: { type: 'string' },
  topic: { type: 'string', default: 'market.crypto.trades.binance' },
  explained: { type: 'string' },
  whole: { type: 'string' },
  'cut-grace-ms': { type: 'string', default: '2000' },
  python: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false }
} as const

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values']

const inputOf = (values: Values): OracleInput => {
  const { issued, explained, whole, 'cut-grace-ms': grace } = values
  if (issued === undefined) throw new Error('--issued is missing')
  if (!/^\d{1,9}$/.test(grace)) throw new Error(`--cut-grace-ms is "${grace}", not milliseconds`)
  return {
    issued,
    log: logOf(values),
    table: tableOf(values),
    explanations:
      explained === undefined
        ? []
        : (JSON.parse(readFileSync(explained, 'utf8')) as readonly Explanation[]),
    ...(whole === undefined ? {} : { whole: spanOf(whole) }),
    cutGraceMs: Number(grace),
    python: values.python ?? installedPython()
  }
}

const spanOf = (text: string): IssueSpan => {
  const [, from, to] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? []
  if (from === undefined || Number(from) > Number(to)) {
    throw new Error(
      `--whole is "${text}", not two times in Unix ms such as 1700000000000-1700000060000`
    )
  }
  return { fromMs: Number(from), toMs: Number(to) }
}

const logOf = ({ log, kafka, topic }: Values): LogSource | undefined => {
  if (log !== undefined && kafka !== undefined) throw new Error('--log and --kafka exclude another')
  if (kafka !== undefined) return { brokers: kafka, topic }
  return log === undefined ? undefined : { folder: log, topic }
}

const tableOf = ({ metadata, catalog, table }: Values): TableSource => {
  if (metadata !== undefined) return { metadata }
  if (catalog === undefined) throw new Error('--metadata or --catalog is missing')
  return { catalog: JSON.parse(catalog) as Record<string, string>, name: table }
}

const installedPython = (): string => {
  const found = pyIceberg()
  if ('missing' in found) throw new Error(`${found.missing}; give one by --python`)
  return found.python
}

const text = ({ ok, issued, logged, landed, explained, classes }: Verdict): string =>
  [
    `issued ${issued}, in the log ${logged}, in the table ${landed}`,
    ...Object.entries(explained).map(([reason, count]) => `  explained  ${count} (${reason})`),
    ...faultClasses.flatMap((name) => {
      const { count, examples } = classes[name]
      const mark = count === 0 ? 'ok   ' : 'FAULT'
      return [`  ${mark}  ${name}: ${count}`, ...examples.map((it) => `           ${it}`)]
    }),
    ok ? 'nothing is wrong' : 'something is wrong'
  ].join('\n')

const main = async (): Promise<number> => {
  try {
    const { values } = parseArgs({ options })
    if (values.help) {
      console.log(usage)
      return 0
    }
    const verdict = await examineDelivery(inputOf(values))
    console.log(values.json ? JSON.stringify(verdict, undefined, 2) : text(verdict))
    return verdict.ok ? 0 : 1
  } catch (error) {
    console.error(`oracle: ${error instanceof Error ? error.message : String(error)}`)
    console.error('oracle: --help explains every flag')
    return 2
  }
}

process.exitCode = await main()
