/**
 * Which data files are to be merged next, so that a table gets, and keeps, the layout that queries
 * need (R22): the newest hour in files of at most 32,768 rows, each older hour in one group of
 * larger files that do not overlap in time. Pure.
 *
 * 1. Hours count back from the exchange's newest row, or from now where that is earlier: a
 *    recording of years ago is merged too, and a time in the future closes no hour.
 * 2. In a closed hour a file is rewritten if it overlaps another one in time, is not sorted, or
 *    reaches into the next hour; or, when it is less than half full, together with neighbours that
 *    are, too. Nothing else is, so a table that is laid out plans nothing, and a late record costs
 *    one file of its hour.
 * 3. Where no hour is closed, only files that are less than half full are merged with their
 *    neighbours: when they fill a file, or when there are many. A row is rewritten a few times.
 * 4. A group is bounded. One that had to be cut ends at `endUs`: what its files hold beyond goes
 *    into files of their own, which belong to the next group.
 * 5. Files whose times or exchange are unknown are somebody else's, and left alone.
 */

/** A live data file; as the scan planner has it. */
export interface LaidFile {
  readonly location: string
  readonly path: string
  readonly recordCount: number
  readonly fileSizeBytes: number
  /** Bounds of `timestamp`, µs, both inclusive; infinite where unknown. */
  readonly timestampLowerUs: number
  readonly timestampUpperUs: number
  readonly exchange: string | null
  readonly sorted: boolean
}

/** Files of one partition that are to be replaced by others with the same rows. */
export interface CompactionGroup {
  readonly exchange: string
  /** Days since 1970-01-01, UTC. */
  readonly day: number
  /** Oldest first. */
  readonly files: readonly LaidFile[]
  /** Every file that is made lies on one side of it (4); a multiple of `bucketUs`. */
  readonly endUs: number
  /** Hours that end after it are open. */
  readonly closedUs: number
}

export interface LayoutLimits {
  /** Of a file in the newest hour. */
  readonly openRowsMax: number
  /** Of a file in an older hour. */
  readonly closedRowsMax: number
  /** So many small files of the newest hour are merged even if they do not fill a file. */
  readonly openFilesMin: number
  /** Of a group, about. */
  readonly groupRowsMax: number
  readonly groupFilesMax: number
}

export const layoutLimits: LayoutLimits = {
  openRowsMax: 32_768,
  closedRowsMax: 131_072,
  openFilesMin: 16,
  groupRowsMax: 8_388_608,
  groupFilesMax: 1_024
}

export const hourUs = 3_600_000_000
export const dayUs = 24 * hourUs
/** Times are cut between multiples of it: groups here, files where a group is written. */
export const bucketUs = 100_000

/** The next group to merge, closed hours first, oldest first; null: all is laid out. */
export const planCompaction = (
  files: readonly LaidFile[],
  nowUs: number,
  limits: LayoutLimits = layoutLimits
): CompactionGroup | null => {
  const partitions = partitionsOf(files)
  const closedUs = new Map(
    [...groupedBy(partitions, ({ exchange }) => exchange)].map(([exchange, its]) => [
      exchange,
      closedBefore(its, nowUs)
    ])
  )
  const plans = [closedGroup, openGroup]
  for (const plan of plans) {
    for (const partition of partitions) {
      const group = plan(partition, closedUs.get(partition.exchange)!, limits)
      if (group !== null) return group
    }
  }
  return null
}

interface Partition {
  readonly exchange: string
  readonly day: number
  /** Oldest first. */
  readonly files: readonly LaidFile[]
}

/** Oldest day first. */
const partitionsOf = (files: readonly LaidFile[]): readonly Partition[] => {
  const known = files.filter(
    ({ timestampLowerUs, timestampUpperUs }) =>
      Number.isFinite(timestampLowerUs) && Number.isFinite(timestampUpperUs)
  )
  const partitions: Partition[] = []
  for (const [exchange, its] of groupedBy(known, (file) => file.exchange)) {
    if (exchange === null) continue // (5)
    for (const [day, ofDay] of groupedBy(its, (it) => Math.floor(it.timestampLowerUs / dayUs))) {
      partitions.push({ exchange, day, files: ofDay.sort(byTime) })
    }
  }
  return partitions.sort((left, right) => left.day - right.day)
}

/** In the order in which the keys first come. */
export const groupedBy = <A, K>(items: readonly A[], keyOf: (item: A) => K): Map<K, A[]> => {
  const groups = new Map<K, A[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

const byTime = (left: LaidFile, right: LaidFile): number =>
  left.timestampLowerUs - right.timestampLowerUs ||
  left.timestampUpperUs - right.timestampUpperUs ||
  (left.location < right.location ? -1 : 1)

/** (1) */
const closedBefore = (partitions: readonly Partition[], nowUs: number): number => {
  let newestUs = -Infinity
  for (const { files } of partitions) {
    for (const file of files) newestUs = Math.max(newestUs, file.timestampUpperUs)
  }
  return hourOf(Math.min(newestUs, nowUs) - hourUs)
}

/** Beginning of the hour of a time. */
export const hourOf = (timeUs: number): number => Math.floor(timeUs / hourUs) * hourUs

/** Files that follow each other, and whether that alone is a reason to rewrite them. */
interface Run {
  readonly files: LaidFile[]
  rows: number
  upperUs: number
  isDirty: boolean
}

const closedGroup = (
  { exchange, day, files }: Partition,
  closedUs: number,
  limits: LayoutLimits
): CompactionGroup | null => {
  const closed = files.filter(({ timestampLowerUs }) => timestampLowerUs < closedUs)
  for (const ofHour of groupedBy(closed, (it) => hourOf(it.timestampLowerUs)).values()) {
    const run = binsOf(componentsOf(ofHour), limits).find(needsWork)
    if (run === undefined) continue
    const hourEndUs = hourOf(ofHour[0]!.timestampLowerUs) + hourUs
    return { exchange, day, closedUs, ...bounded(run.files, hourEndUs, limits) }
  }
  return null
}

const needsWork = ({ files, isDirty }: Run): boolean => isDirty || files.length > 1

/** Files of one hour, joined where they overlap in time. */
const componentsOf = (files: readonly LaidFile[]): readonly Run[] => {
  const hourEndUs = hourOf(files[0]!.timestampLowerUs) + hourUs
  const components: Run[] = []
  for (const file of files) {
    const last = components.at(-1)
    const isDirty = !file.sorted || file.timestampUpperUs >= hourEndUs
    if (last !== undefined && file.timestampLowerUs <= last.upperUs) {
      append(last, file)
      last.isDirty = true
    } else components.push({ ...runOf(file), isDirty })
  }
  return components
}

const runOf = (file: LaidFile): Run => ({
  files: [file],
  rows: file.recordCount,
  upperUs: file.timestampUpperUs,
  isDirty: false
})

const append = (run: Run, file: LaidFile): void => {
  run.files.push(file)
  run.rows += file.recordCount
  run.upperUs = Math.max(run.upperUs, file.timestampUpperUs)
}

/** Neighbours that fit into one file; what is half full and in order stays by itself (2). */
const binsOf = (components: readonly Run[], limits: LayoutLimits): readonly Run[] => {
  const bins: Run[] = []
  let open: Run | null = null
  for (const component of components) {
    if (!component.isDirty && component.rows * 2 >= limits.closedRowsMax) {
      bins.push(component)
      open = null
    } else if (open !== null && fits(open, component, limits)) {
      for (const file of component.files) append(open, file)
      open.isDirty ||= component.isDirty
    } else bins.push((open = component))
  }
  return bins
}

const fits = (bin: Run, next: Run, { closedRowsMax, groupFilesMax }: LayoutLimits): boolean =>
  bin.rows + next.rows <= closedRowsMax && bin.files.length + next.files.length <= groupFilesMax

/** As many of the files as a group may have, up to where few of them reach beyond (4). */
const bounded = (
  files: readonly LaidFile[],
  hourEndUs: number,
  { groupRowsMax, groupFilesMax }: LayoutLimits
): Pick<CompactionGroup, 'files' | 'endUs'> => {
  const taken: LaidFile[] = []
  let rows = 0
  for (const file of files) {
    if (rows >= groupRowsMax || taken.length >= groupFilesMax) {
      const endUs = Math.floor(file.timestampLowerUs / bucketUs) * bucketUs
      let beyond = 0
      for (const it of taken) if (it.timestampUpperUs >= endUs) beyond += it.recordCount
      if (beyond * 4 <= rows) return { files: taken, endUs }
    }
    taken.push(file)
    rows += file.recordCount
  }
  return { files: taken, endUs: hourEndUs }
}

/** (3) */
const openGroup = (
  { exchange, day, files }: Partition,
  closedUs: number,
  { openRowsMax, openFilesMin, groupFilesMax }: LayoutLimits
): CompactionGroup | null => {
  const group = (members: readonly LaidFile[]): CompactionGroup => ({
    exchange,
    day,
    files: members,
    endUs: (day + 1) * dayUs,
    closedUs
  })
  let run: LaidFile[] = []
  let rows = 0
  for (const file of files) {
    if (file.timestampLowerUs < closedUs) continue
    const isFull = file.recordCount * 2 >= openRowsMax
    const overflows = !isFull && rows + file.recordCount > openRowsMax
    const isDue = run.length >= (overflows ? 2 : openFilesMin)
    if (isDue && (isFull || overflows || run.length >= groupFilesMax)) return group(run)
    if (isFull || overflows) {
      run = []
      rows = 0
    }
    if (isFull) continue
    run.push(file)
    rows += file.recordCount
  }
  return run.length >= openFilesMin ? group(run) : null
}
