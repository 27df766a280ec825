/**
 * What a K2 of a given rate costs a month: arithmetic over what a trade was measured to take and
 * over prices. Pure.
 *
 * 1. Every part is a quantity times a price; the total is the sum of the parts.
 * 2. Quantities grow in proportion to the rate, but for those that have a floor: processors of
 *    processes that must be there, commits that are made by age.
 * 3. A month has 730 hours, a GB 10^9 bytes.
 */

/** Prices, in one currency. */
export const priceKeys = [
  'vcpuHour',
  'blockGbMonth',
  'objectGbMonth',
  'putPer1000',
  'getPer1000',
  'zoneGb'
] as const
export type PriceKey = (typeof priceKeys)[number]
export type Prices = Readonly<Record<PriceKey, number>>

/** What one trade takes. */
export interface TradeCosts {
  /** Trades per second that one core of K2 carries, from socket to table through Kafka. */
  readonly ratePerCore: number
  /** The same of one broker, for its share of the copies. */
  readonly brokerRatePerCore: number
  /** In the log, compressed. */
  readonly logBytes: number
  /** In the table, laid out by maintenance. */
  readonly tableBytes: number
  /** Rows that maintenance writes again for each row that lands. */
  readonly rowsRewritten: number
}

export interface Workload {
  /** Trades per second, sustained. */
  readonly rate: number
  readonly retentionDays: number
  readonly logRetentionDays: number
  readonly replication: number
  /** Share of the processors that is busy at this rate, 0 to 1. */
  readonly utilisation: number
}

export interface CostPart {
  readonly id: string
  readonly title: string
  readonly quantity: number
  readonly unit: string
  /** Which price, and how much of it a unit costs in a month. */
  readonly price: PriceKey
  readonly unitPrice: number
  readonly monthly: number
  /** How the quantity comes about. */
  readonly from: string
}

export interface Cost {
  readonly parts: readonly CostPart[]
  readonly monthly: number
  readonly messagesPerMonth: number
  readonly perMillion: number
}

const hoursPerMonth = 730
const secondsPerMonth = hoursPerMonth * 3_600
const secondsPerDay = 86_400
const bytesPerGb = 1e9

/** One process of K2, and one broker per copy: each machine has at least so many. */
const vcpuMin = 2
/** Of a broker's disk, so that it is not full. */
export const diskShare = 0.7
export const zonesMax = 3
/** The lander and the tail read the log once each. */
const readersOfLog = 2
/** As the lander cuts data files, and as maintenance merges them. */
const rowsPerFile = 32_768
const rowsPerMergedFile = 131_072
/** Unless told, by age and by rows: `K2_COMMIT_AGE`, `K2_COMMIT_ROWS`. */
export const commitSeconds = 5
export const commitRows = 131_072
/** Beside its data files: manifest, list, metadata, pointer and the states of four partitions. */
const objectsPerCommit = 8

export const costOf = (load: Workload, trade: TradeCosts, prices: Prices): Cost => {
  const parts = [
    ...processorParts(load, trade, prices),
    ...storageParts(load, trade, prices),
    ...requestParts(load, trade, prices),
    networkPart(load, trade, prices)
  ]
  const monthly = parts.reduce((sum, part) => sum + part.monthly, 0) // (1)
  const messagesPerMonth = load.rate * secondsPerMonth
  return { parts, monthly, messagesPerMonth, perMillion: perMillion(monthly, messagesPerMonth) }
}

export const perMillion = (monthly: number, messages: number): number =>
  monthly / (messages / 1e6)

/**
 * How often a byte of the log goes from one zone to another: from the producer to the leader, from
 * there to the copies, to who reads it. Copies and clients are spread evenly over the zones.
 */
export const zoneCrossings = (replication: number): number => {
  const zones = Math.min(replication, zonesMax)
  return ((1 + replication + readersOfLog) * (zones - 1)) / zones
}

const part = (
  of: Omit<CostPart, 'monthly' | 'unitPrice'>,
  unitPrice: number
): CostPart => ({ ...of, unitPrice, monthly: of.quantity * unitPrice })

const processorParts = (
  { rate, replication, utilisation }: Workload,
  { ratePerCore, brokerRatePerCore }: TradeCosts,
  { vcpuHour }: Prices
): readonly CostPart[] => {
  const common = { unit: 'vCPU', price: 'vcpuHour' } as const
  const monthly = vcpuHour * hoursPerMonth
  const k2 = Math.max(vcpuMin, rate / ratePerCore / utilisation) // (2)
  const brokers = replication * Math.max(vcpuMin, rate / brokerRatePerCore / utilisation)
  return [
    part(
      {
        ...common,
        id: 'k2',
        title: 'K2: processors',
        quantity: k2,
        from: `rate / rate per core / utilisation, at least ${vcpuMin}`
      },
      monthly
    ),
    part(
      {
        ...common,
        id: 'brokers',
        title: 'Kafka: processors',
        quantity: brokers,
        from: `copies x rate / a broker's rate per core / utilisation, at least ${vcpuMin} each`
      },
      monthly
    )
  ]
}

const storageParts = (
  { rate, retentionDays, logRetentionDays, replication }: Workload,
  { logBytes, tableBytes }: TradeCosts,
  { blockGbMonth, objectGbMonth }: Prices
): readonly CostPart[] => {
  const gbPerDay = (bytes: number) => (rate * bytes * secondsPerDay) / bytesPerGb
  return [
    part(
      {
        id: 'log',
        title: 'Kafka: disks',
        unit: 'GB',
        price: 'blockGbMonth',
        quantity: (gbPerDay(logBytes) * logRetentionDays * replication) / diskShare,
        from: `rate x bytes in the log x its days x copies / ${diskShare} of the disk`
      },
      blockGbMonth
    ),
    part(
      {
        id: 'table',
        title: 'Iceberg: object storage',
        unit: 'GB',
        price: 'objectGbMonth',
        quantity: gbPerDay(tableBytes) * retentionDays,
        from: 'rate x bytes in the table x days kept'
      },
      objectGbMonth
    )
  ]
}

const requestParts = (
  { rate }: Workload,
  { rowsRewritten }: TradeCosts,
  { putPer1000, getPer1000 }: Prices
): readonly CostPart[] => {
  const commits = Math.max(1 / commitSeconds, rate / commitRows) // (2)
  const written = Math.max(commits, rate / rowsPerFile)
  const merged = (rate * rowsRewritten) / rowsPerMergedFile
  const puts = written + merged + commits * objectsPerCommit
  const gets = written + merged
  const common = { unit: 'thousand requests' } as const
  return [
    part(
      {
        ...common,
        id: 'puts',
        title: 'Iceberg: writing requests',
        price: 'putPer1000',
        quantity: (puts * secondsPerMonth) / 1_000,
        from: `data files, files merged, ${objectsPerCommit} objects beside them per commit`
      },
      putPer1000
    ),
    part(
      {
        ...common,
        id: 'gets',
        title: 'Iceberg: reading requests',
        price: 'getPer1000',
        quantity: (gets * secondsPerMonth) / 1_000,
        from: 'each data file once, by maintenance; queries are not counted'
      },
      getPer1000
    )
  ]
}

const networkPart = (
  { rate, replication }: Workload,
  { logBytes }: TradeCosts,
  { zoneGb }: Prices
): CostPart =>
  part(
    {
      id: 'network',
      title: 'Network between zones',
      unit: 'GB',
      price: 'zoneGb',
      quantity: (rate * logBytes * secondsPerMonth * zoneCrossings(replication)) / bytesPerGb,
      from: 'bytes in the log x crossings: producer, copies, lander and tail'
    },
    zoneGb
  )
