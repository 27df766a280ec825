/** Series of the metrics that K2 declares, as Prometheus names them, and their labels. */
import { metricsByComponent, openMetrics } from '../../src/adapters/telemetry/metrics.ts'

export const declaredLabels: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  openMetrics()
    .registry.getMetricsAsArray()
    .flatMap((metric) => {
      const { name, type, labelNames } = metric as unknown as Declared
      const endings = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
      const labels = new Set(type === 'histogram' ? [...labelNames, 'le'] : labelNames)
      return endings.map((ending) => [`${name}${ending}`, labels] as const)
    })
)

interface Declared {
  readonly name: string
  readonly type: string
  readonly labelNames: readonly string[]
}

const declarations = Object.values(metricsByComponent).flatMap((metrics) =>
  Object.values<AnyDeclaration>(metrics)
)

interface AnyDeclaration {
  readonly name: string
  readonly labels: Readonly<Record<string, readonly string[] | { readonly namesMax: number }>>
}

/** All values that a label of a series may have; undefined where they are names. */
export const closedValues = (series: string, label: string): readonly string[] | undefined => {
  const name = series.replace(/_(?:bucket|sum|count)$/, '')
  const values = declarations.find((it) => it.name === series || it.name === name)?.labels[label]
  return values === undefined || 'namesMax' in values ? undefined : values
}
