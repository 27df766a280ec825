/** What `/metrics` of K2 says, read. */

export interface Series {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

export interface Exposition {
  /** By name, of what is exposed, whether or not it has a value yet. */
  readonly types: ReadonlyMap<string, string>
  readonly series: readonly Series[]
}

export const readExposition = (text: string): Exposition => {
  const types = new Map<string, string>()
  const series: Series[] = []
  for (const written of text.split('\n')) {
    const [, typed, type] = /^# TYPE (\S+) (\S+)$/.exec(written) ?? []
    if (typed !== undefined && type !== undefined) types.set(typed, type)
    const [, name, labels = '', value] = /^([a-zA-Z_]\w*)(?:\{(.*)\})? (\S+)$/.exec(written) ?? []
    if (name === undefined) continue
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
    series.push({
      name,
      labels: new Map(pairs.map(([, label = '', of = '']) => [label, of])),
      value: Number(value)
    })
  }
  return { types, series }
}

/** Series of a metric; of a histogram those of its parts. */
export const seriesOf = ({ series, types }: Exposition, metric: string): readonly Series[] =>
  types.get(metric) === 'histogram'
    ? series.filter(({ name }) => name === `${metric}_count`)
    : series.filter(({ name }) => name === metric)

/** Sums of a metric by the values of a label, of the series that have these labels. */
export const sumsBy = (
  exposition: Exposition,
  metric: string,
  label: string,
  having: Readonly<Record<string, string>> = {}
): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>()
  for (const { labels, value } of seriesOf(exposition, metric)) {
    if (Object.entries(having).some(([name, wanted]) => labels.get(name) !== wanted)) continue
    const of = labels.get(label) ?? ''
    sums.set(of, (sums.get(of) ?? 0) + value)
  }
  return sums
}
