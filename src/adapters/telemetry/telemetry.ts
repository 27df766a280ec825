/**
 * Telemetry: log lines and metrics behind one object that is passed around.
 * Who has something to report records a metric that `metrics.ts` declares or writes a log line;
 * neither ever throws into the caller.
 */
import { type Logger, type LoggerOptions, makeLogger } from './logger.ts'
import { type Metrics, openMetrics } from './metrics.ts'

export interface Telemetry extends Logger {
  readonly metrics: Metrics
  /** Prometheus text exposition. */
  readonly exposition: () => Promise<{ readonly contentType: string; readonly body: string }>
}

export const makeTelemetry = (options: LoggerOptions): Telemetry => {
  const { metrics, registry } = openMetrics()
  return {
    ...makeLogger(options),
    metrics,
    exposition: async () => ({
      contentType: registry.contentType,
      body: await registry.metrics()
    })
  }
}
