/** How a metric is declared: name, help, label names; all of a process in one registry. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export type Declare = ReturnType<typeof declarersOf>

export const declarersOf = (registry: Registry) => ({
  counter: <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers: [registry] }),
  gauge: <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] }),
  histogram: <L extends string = never>(
    name: string,
    help: string,
    [buckets, ...labelNames]: [number[], ...L[]]
  ) => new Histogram({ name, help, buckets, labelNames, registers: [registry] })
})
