/** Reads Prometheus' text exposition as far as K2 writes it. Pure. */

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export const parseExposition = (text: string): readonly Sample[] =>
  text.split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (match === null) return []
    const [, name = '', labels = '', value = ''] = match
    return [{ name, labels: parseLabels(labels), value: Number(value) }]
  })

/** Sum of a metric's samples that have these labels; 0 where there are none. */
export const sumOf = (
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {}
): number =>
  samples
    .filter((sample) => sample.name === name && hasLabels(sample, labels))
    .reduce((sum, { value }) => sum + value, 0)

/**
 * Upper bound of the bucket in which a quantile of a histogram lies, of what was observed between
 * two looks; Infinity beyond the last bucket, NaN where nothing was.
 */
export const quantileMax = (
  histogram: string,
  [before, after]: readonly [readonly Sample[], readonly Sample[]],
  quantile: number
): number => {
  const name = `${histogram}_bucket`
  const upTo = (le: string) => sumOf(after, name, { le }) - sumOf(before, name, { le })
  const bounds = after.filter((sample) => sample.name === name).map(({ labels }) => labels['le']!)
  const all = upTo('+Inf')
  if (all === 0) return Number.NaN
  const ascending = [...new Set(bounds)]
    .filter((le) => le !== '+Inf')
    .toSorted((one, other) => Number(one) - Number(other))
  return Number(ascending.find((le) => upTo(le) >= quantile * all) ?? Infinity)
}

const hasLabels = (sample: Sample, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(labels).every(([label, value]) => sample.labels[label] === value)

const parseLabels = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => [label, value])
  )
