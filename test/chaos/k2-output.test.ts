import { describe, expect, test } from 'vitest'
import { judgeOutput } from '../../chaos/k2-output.ts'

const line = (event: string, at = '2026-01-01T00:00:10.000Z', fields: object = {}) =>
  JSON.stringify({ at, level: 'warn', event, ...fields })

const member = (name: string, ...lines: string[]) => ({ name, output: lines.join('\n') })

const strikeMs = Date.parse('2026-01-01T00:00:05.000Z')
const brokerKill = {
  fault: 'broker-kill',
  fromMs: strikeMs,
  traces: [{ in: /^ingest$/, event: /^circuit\.open$/ }]
}

describe("what K2's log says beside the data", () => {
  test('a state is no fault, and is counted', () => {
    const lines = [line('actor.waiting'), line('actor.waiting'), 'K2 0.1.0 is running.']
    expect(judgeOutput([member('land-1', ...lines)], [])).toEqual({
      events: { 'actor.waiting': 2 },
      problems: []
    })
  })

  test.each(['actor.restarting', 'actor.quarantined', 'root.failed', 'batches.abandoned'])(
    '%s is one, with its examples',
    (event) => {
      const lines = Array.from({ length: 5 }, (_, index) => line(event, undefined, { index }))
      const { problems } = judgeOutput([member('land-1', ...lines)], [])
      expect(problems[0]).toBe(`land-1: ${event}, 5 times`)
      expect(problems.slice(1).map((problem) => JSON.parse(problem) as unknown)).toMatchObject([
        { index: 0 },
        { index: 1 },
        { index: 2 }
      ])
    }
  )

  test('an error that nobody caught is one', () => {
    const thrown = () => {
      throw new TypeError('x is not a function')
    }
    let stack = ''
    try {
      thrown()
    } catch (error) {
      stack = (error as Error).stack ?? ''
    }
    const { problems } = judgeOutput([member('serve', line('a'), stack, line('b'))], [])
    expect(problems).toEqual([
      'serve: an error that nobody caught, 1 times',
      '  TypeError: x is not a function'
    ])
  })

  test('a line that a kill cut off is passed over', () => {
    const cut = line('actor.quarantined').slice(0, -20)
    const found = judgeOutput([member('land-1', cut, line('lander.started'))], [])
    expect(found).toEqual({ events: { 'lander.started': 1 }, problems: [] })
  })

  test('a strike leaves a trace in the process that it concerns, after it', () => {
    const problem =
      String.raw`broker-kill struck, and K2 did not notice: no ^circuit\.open$ in ^ingest$`
    const judged = (name: string, at: string) =>
      judgeOutput([member(name, line('circuit.open', at))], [brokerKill]).problems
    expect(judged('ingest', '2026-01-01T00:00:05.001Z')).toEqual([])
    expect(judged('ingest', '2026-01-01T00:00:04.999Z')).toEqual([problem])
    expect(judged('serve', '2026-01-01T00:00:05.001Z')).toEqual([problem])
  })
})
