/**
 * Telemetry: log lines and metrics behind one object that is passed around.
 * Who has something to report calls a metric declared in `metrics.ts` or writes a log line;
 * neither ever throws into the caller.
 */
import { type Logger, type LogLevel, makeLogger } from './logger.ts'
import { declareMetrics, type Metrics } from './metrics.ts'

export interface Telemetry extends Logger {
  readonly metrics: Metrics
  /** Prometheus text exposition. */
  readonly exposition: () => Promise<{ readonly contentType: string; readonly body: string }>
}

export const makeTelemetry = (options: {
  readonly level: LogLevel
  readonly nowMs: () => number
  readonly write: (line: string) => void
}): Telemetry => {
  const metrics = declareMetrics()
  return {
    ...makeLogger(options),
    metrics,
    exposition: async () => ({
      contentType: metrics.registry.contentType,
      body: await metrics.registry.metrics()
    })
  }
}
