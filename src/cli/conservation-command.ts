/** `npm run k2 -- conservation`: whether a running K2 accounts for every record. */
import * as Schema from 'effect/Schema'
import { answerFromApi, type ApiAnswer, apiExitCodes, urlFlag } from './ask-api.ts'
import type { Command, CommandIo, Given } from './command-line.ts'

/** Flags that are parameters of the route. */
const filters = [
  { name: '--state', value: 'broken', about: 'all (the preset) or broken.' },
  { name: '--symbol', value: 'BTCUSDT', about: 'Only those of this symbol.' }
] as const

export const conservationCommand: Command = {
  name: 'conservation',
  about: 'Say whether a running K2 accounts for every record.',
  flags: [
    urlFlag,
    ...filters,
    { name: '--json', about: 'Print the answer of the API as it is; else a table.' }
  ],
  examples: ['npm run k2 -- conservation', 'npm run k2 -- conservation --state broken --json'],
  exitCodes: { 0: 'every record is accounted for', 1: 'some are not', ...apiExitCodes },
  run: (given, io) =>
    answerFromApi(given, io, {
      path: '/v1/system/conservation',
      filters,
      decode: decodeAnswer,
      tell: (answered) => tell(given, answered, io),
      exitCodeOf: ({ data }) => (data.holds ? 0 : 1)
    })
}

const tell = (
  { values }: Given,
  { text, answer: { data } }: ApiAnswer<Answer>,
  io: CommandIo
): void => {
  if (values.has('--json')) {
    io.print(text)
    return
  }
  const lines = data.equations.map(cellsOf)
  const widths = [0, 1, 2].map((column) =>
    lines.reduce((widest, line) => Math.max(widest, line[column]!.length), 0)
  )
  for (const line of lines) {
    io.print(line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd())
  }
  io.print(
    data.holds
      ? 'every record is accounted for'
      : `${data.broken} equations fail, the first since ${data.broken_since}`
  )
}

const cellsOf = (equation: Answer['data']['equations'][number]): readonly string[] => {
  const { equation: name, data_type: dataType, symbol, partition, left, right } = equation
  const place = symbol ?? (partition === null ? 'all' : `partition ${partition}`)
  const sign = equation.relation === 'equal' ? '=' : '>='
  const failure = equation.holds ? '' : `, but not: difference ${equation.difference}`
  return [name, dataType, place, `${sideOf(left)} ${sign} ${sideOf(right)}${failure}`]
}

const sideOf = (terms: Readonly<Record<string, number>>): string =>
  Object.entries(terms)
    .map(([term, records]) => `${term} ${records}`)
    .join(' + ')

type Answer = ReturnType<typeof decodeAnswer>

const terms = Schema.Record(Schema.String, Schema.Number)

const decodeAnswer = Schema.decodeUnknownSync(
  Schema.Struct({
    data: Schema.Struct({
      holds: Schema.Boolean,
      broken: Schema.Number,
      broken_since: Schema.NullOr(Schema.String),
      equations: Schema.Array(
        Schema.Struct({
          equation: Schema.String,
          data_type: Schema.String,
          symbol: Schema.NullOr(Schema.String),
          partition: Schema.NullOr(Schema.Number),
          left: terms,
          right: terms,
          relation: Schema.String,
          difference: Schema.Number,
          holds: Schema.Boolean
        })
      )
    })
  })
)
