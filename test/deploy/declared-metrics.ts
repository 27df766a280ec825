/** Series of the metrics that K2 declares, as Prometheus names them, and their labels. */
import { openMetrics } from '../../src/adapters/telemetry/metrics.ts'

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
