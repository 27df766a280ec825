/**
 * The verdict: what was issued, what the log holds and what the table holds, held against each
 * other.
 *
 * - `lost`: the log has it, the table does not.
 * - `duplicate`: the table has it more than once.
 * - `unexplained-hole`: it was issued, neither log nor table has it, and nothing explains that.
 * - `wrong-value`: the table has it with other values, or what nobody issued, or at a place of the
 *   log that holds something else.
 * - `wrong-partition`: it lies in a data file of another exchange or day, or came through a log
 *   partition that is not its symbol's.
 *
 * 1. A hole is explained by the exchange's own record (it reached no connection, or one that ended
 *    soon after and no other) or by what the caller says; within the time that the caller says
 *    must be whole by nothing. Nothing explains the other classes, but a record in the log that
 *    the caller says was rejected (`dead_lettered`).
 */
import type { Evidence } from './evidence.ts'

export const faultClasses = [
  'lost',
  'duplicate',
  'unexplained-hole',
  'wrong-value',
  'wrong-partition'
] as const

type FaultClass = (typeof faultClasses)[number]

export interface Verdict {
  readonly ok: boolean
  /** Distinct trades. */
  readonly issued: number
  /** Records of the log. */
  readonly logged: number
  /** Rows of the table. */
  readonly landed: number
  /** Explained holes, by reason. */
  readonly explained: Readonly<Record<string, number>>
  readonly classes: Readonly<Record<FaultClass, Found>>
}

interface Found {
  readonly count: number
  readonly examples: readonly string[]
}

const examplesMax = 10

/** @param logIdentity names the log in the rows; undefined: places in the log are not compared */
export const judge = async (
  evidence: Evidence,
  logIdentity: string | undefined
): Promise<Verdict> => {
  await evidence.rows(holesSql)
  const found: [FaultClass, Found][] = []
  for (const name of faultClasses)
    found.push([name, await findingsOf(evidence, faultsSql[name](logIdentity))])
  const classes = Object.fromEntries(found) as Record<FaultClass, Found>
  const explained = await evidence.rows(
    `SELECT reason, count(*) FROM holes WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason`
  )
  return {
    ok: found.every(([, { count }]) => count === 0),
    issued: await countOf(evidence, 'issued'),
    logged: await countOf(evidence, 'logged'),
    landed: await countOf(evidence, 'landed'),
    explained: Object.fromEntries(explained.map(([reason, count]) => [reason, Number(count)])),
    classes
  }
}

const countOf = async ({ rows }: Evidence, table: string): Promise<number> =>
  Number((await rows(`SELECT count(*) FROM ${table}`))[0]?.[0])

/** Each query gives one column, `fault`; one at a time, since each join takes memory of its own. */
const findingsOf = async ({ rows }: Evidence, queries: readonly string[]): Promise<Found> => {
  const examples: string[] = []
  let count = 0
  for (const sql of queries) {
    const [total = []] = await rows(`SELECT count(*) FROM (${sql})`)
    const found = Number(total[0])
    count += found
    if (found === 0 || examples.length >= examplesMax) continue
    const limit = examplesMax - examples.length
    const texts = await rows(`SELECT fault FROM (${sql}) ORDER BY fault LIMIT ${limit}`)
    examples.push(...texts.map(([text = '']) => text))
  }
  return { count, examples }
}

/** What was issued and is nowhere, with the first reason that explains it. */
const holesSql = `
  CREATE TABLE holes AS
  WITH missing AS (
    SELECT symbol, id, issued_ms, deliveries FROM issued
    ANTI JOIN landed USING (symbol, id)
    ANTI JOIN logged USING (symbol, id)),
  told AS (
    SELECT m.symbol, m.id, any_value(e.reason) AS reason
    FROM missing m JOIN by_id e
      ON e.symbol IN ('*', m.symbol) AND m.id BETWEEN e.low AND e.high
    GROUP BY ALL
    UNION ALL
    SELECT m.symbol, m.id, any_value(e.reason)
    FROM missing m JOIN by_time e
      ON e.symbol IN ('*', m.symbol) AND m.issued_ms BETWEEN e.low AND e.high
    GROUP BY ALL
    UNION ALL
    SELECT m.symbol, m.id, any_value(c.reason)
    FROM missing m JOIN cuts c ON m.deliveries = 1 AND m.issued_ms BETWEEN c.low AND c.high
    GROUP BY ALL)
  SELECT symbol, id, issued_ms, deliveries,
    CASE WHEN EXISTS (SELECT 1 FROM whole w WHERE m.issued_ms BETWEEN w.low AND w.high) THEN NULL
      WHEN deliveries = 0 AND id < coalesce((SELECT min(i.id) FROM issued i
        WHERE i.symbol = m.symbol AND i.deliveries > 0), id) THEN 'before_first_delivery'
      WHEN deliveries = 0 THEN 'not_delivered'
      ELSE (SELECT min(t.reason) FROM told t WHERE t.symbol = m.symbol AND t.id = m.id)
    END AS reason
  FROM missing m`

const named = "concat(symbol, ' ', id)"

const lostSql = `
  SELECT concat(${named}, ' at offset ', min(log_offset), ' of partition ',
    min(kafka_partition)) AS fault
  FROM logged ANTI JOIN landed USING (symbol, id)
  WHERE NOT EXISTS (
    SELECT 1 FROM by_id e WHERE e.reason = 'dead_lettered'
      AND e.symbol IN ('*', logged.symbol) AND logged.id BETWEEN e.low AND e.high)
  GROUP BY symbol, id`

/** Keys first: the texts of all rows would not fit into memory. */
const duplicateSql = `
  WITH repeated AS (
    SELECT symbol, id FROM landed GROUP BY symbol, id HAVING count(*) > 1)
  SELECT concat(${named}, ': ', count(*), ' times, as ',
    string_agg(DISTINCT label, ', '), ' at offsets ',
    string_agg(DISTINCT log_offset::VARCHAR, ', ')) AS fault
  FROM landed JOIN repeated USING (symbol, id) GROUP BY symbol, id`

const holeSql = `
  SELECT concat(${named}, ', issued at ', issued_ms, ' to ', deliveries, ' connections') AS fault
  FROM holes WHERE reason IS NULL`

const valuesSql = (logIdentity: string | undefined): readonly string[] => {
  const parts = [
    `SELECT concat(l.symbol, ' ', l.id, ': nobody issued it') AS fault
     FROM landed l ANTI JOIN issued USING (symbol, id)`,
    `SELECT concat(l.symbol, ' ', l.id, ': ', l.price, ' × ', l.quantity, ' at ', l.time_us,
       ' µs, issued ', i.price, ' × ', i.quantity, ' at ', i.time_us, ' µs') AS fault
     FROM landed l JOIN issued i USING (symbol, id)
     WHERE l.price <> i.price OR l.quantity <> i.quantity OR l.time_us <> i.time_us`,
    `SELECT concat(symbol, ' ', id, ': its key is ', message_id) AS fault FROM landed
     WHERE message_id <> concat(exchange, ':', symbol, ':', id)
       AND NOT regexp_full_match(message_id, concat(exchange, ':', symbol, ':[0-9]+\\.', id))`
  ]
  if (logIdentity !== undefined) {
    parts.push(
      `SELECT concat(l.symbol, ' ', l.id, ': the log has ', g.symbol, ' ', g.id, ' at ', l.label,
         ' offset ', l.log_offset) AS fault
       FROM landed l JOIN logged g USING (kafka_partition, log_offset)
       WHERE l.log = '${logIdentity}' AND (l.symbol <> g.symbol OR l.id <> g.id)`
    )
  }
  return parts
}

const dayUs = 86_400_000_000

const partitionSql: readonly string[] = [
  `SELECT concat(${named}, ': in a file of ', file_exchange, ', day ', file_day) AS fault
  FROM landed
  WHERE file_exchange <> exchange OR file_day <> floor(time_us / ${dayUs})`,
  `SELECT concat(l.symbol, ' ', l.id, ': from ', l.label, ', its partition is ',
    h.kafka_partition) AS fault
  FROM landed l JOIN homes h USING (topic, symbol)
  WHERE l.kafka_partition <> h.kafka_partition`,
  `SELECT DISTINCT concat(g.symbol, ': in log partition ', g.kafka_partition,
    ', its own is ', h.kafka_partition) AS fault
  FROM logged g JOIN homes h USING (symbol)
  WHERE g.kafka_partition <> h.kafka_partition`
]

const faultsSql: Readonly<
  Record<FaultClass, (logIdentity: string | undefined) => readonly string[]>
> = {
  lost: () => [lostSql],
  duplicate: () => [duplicateSql],
  'unexplained-hole': () => [holeSql],
  'wrong-value': valuesSql,
  'wrong-partition': () => partitionSql
}
