/** Whether the K2 that is asked exposes each metric that this version declares. */
import { metricsByComponent } from '../../adapters/telemetry/metrics.ts'
import { type CheckContext, jsonOf } from './check-context.ts'
import { type CheckLine, line } from './check-report.ts'
import { type Exposition, readExposition, seriesOf } from './exposition.ts'

export const metricChecks = async ({ ask }: CheckContext): Promise<readonly CheckLine[]> => {
  const answer = await ask('/metrics')
  if (answer.status !== 200) jsonOf('/metrics', answer)
  return metricLines(readExposition(answer.text))
}

export const metricLines = (exposition: Exposition): readonly CheckLine[] =>
  Object.entries(metricsByComponent).flatMap(([part, metrics]) =>
    Object.values<{ readonly name: string }>(metrics).map(({ name }) => {
      if (!exposition.types.has(name))
        return line('metrics', name, {
          part,
          figure: 'not exposed: that K2 is of another version',
          remedy: 'npm start   (after it was ended: npm run k2 -- drain)',
          isFailure: true
        })
      const count = seriesOf(exposition, name).length
      return line('metrics', name, {
        part,
        figure: count > 0 ? `with values: ${count} series` : 'appear after their first event',
        values: { series: count }
      })
    })
  )
