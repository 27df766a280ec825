/**
 * Where rows lie in time, as the bounds of files tell it: a replay is read in slices of some rows,
 * and how long each is follows from here. A wrong guess makes a slice longer or shorter, never
 * wrong.
 */
export interface TimedRows {
  readonly recordCount: number
  /** Microseconds, both inclusive; infinite where unknown. */
  readonly timestampLowerUs: number
  readonly timestampUpperUs: number
}

export interface RowsInTime {
  /** Bound of the oldest row; -Infinity where it is not known, Infinity without rows. */
  readonly oldestUs: number
  /** How many rows are older than that, about. */
  readonly before: (us: number) => number
  /**
   * From `sinceUs` on, until when there are about so many; undefined where all are fewer. It ends
   * where a file does if it can: what is read of a file in parts is unpacked again for each.
   */
  readonly until: (sinceUs: number, rows: number) => number | undefined
}

interface Step {
  readonly us: number
  /** Rows before it. */
  readonly rows: number
  /** Rows per microsecond from it on. */
  readonly rate: number
}

/** Of the rows that are wanted: so many are taken where a file begins or ends there. */
const [edgeRowsMin, edgeRowsMax] = [0.5, 1.25]

/** Rows of a file are taken as spread evenly; those of one without bounds, nowhere. */
export const rowsInTime = (parts: readonly TimedRows[]): RowsInTime => {
  const steps = stepsOf(parts)
  const before = (us: number): number => {
    const step = steps[lastIndex(steps, (it) => it.us <= us)]
    if (step === undefined) return 0
    return step.rate === 0 ? step.rows : step.rows + (us - step.us) * step.rate
  }
  return {
    oldestUs: parts.reduce((oldest, it) => Math.min(oldest, it.timestampLowerUs), Infinity),
    before,
    until: (sinceUs, rows) => {
      const sent = before(sinceUs)
      const wanted = sent + rows
      const last = steps.at(-1)
      if (last === undefined || wanted > last.rows) return undefined
      const edge = steps[lastIndex(steps, (it) => it.rows <= sent + rows * edgeRowsMax)]
      if (edge !== undefined && edge.us > sinceUs && edge.rows >= sent + rows * edgeRowsMin)
        return edge.us
      const step = steps[lastIndex(steps, (it) => it.rows < wanted)]
      if (step === undefined || step.rate <= 0) return undefined
      const us = Math.ceil(step.us + (wanted - step.rows) / step.rate)
      return Math.max(us, sinceUs + 1)
    }
  }
}

const stepsOf = (parts: readonly TimedRows[]): readonly Step[] => {
  const changes = new Map<number, { rate: number; open: number }>()
  const change = (us: number, rate: number, open: number) => {
    const known = changes.get(us) ?? { rate: 0, open: 0 }
    changes.set(us, { rate: known.rate + rate, open: known.open + open })
  }
  for (const { recordCount, timestampLowerUs: lowerUs, timestampUpperUs: upperUs } of parts) {
    if (!Number.isFinite(lowerUs) || !Number.isFinite(upperUs) || recordCount <= 0) continue
    const rate = recordCount / (upperUs + 1 - lowerUs)
    change(lowerUs, rate, 1)
    change(upperUs + 1, -rate, -1)
  }
  const steps: Step[] = []
  let [rows, rate, open, us] = [0, 0, 0, 0]
  for (const [nextUs, by] of [...changes].sort(([left], [right]) => left - right)) {
    rows += (nextUs - us) * rate
    us = nextUs
    open += by.open
    // What rounding leaves where no file is must not add up over years.
    rate = open === 0 ? 0 : Math.max(0, rate + by.rate)
    steps.push({ us, rows, rate })
  }
  return steps
}

/** Of the elements, in which the condition holds first and then not any more; -1 for none. */
const lastIndex = <A>(elements: readonly A[], holds: (element: A) => boolean): number => {
  let [low, high] = [0, elements.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(elements[middle]!)) low = middle + 1
    else high = middle
  }
  return low - 1
}
