/** `npm run k2 -- actors`: the live supervision tree of a running K2, or what of it is unwell. */
import * as Schema from 'effect/Schema'
import { answerFromApi, apiExitCodes, urlFlag } from './ask-api.ts'
import type { Command } from './command-line.ts'
import { printTable } from './rows-output.ts'

const unwellFlag = { name: '--unwell', about: 'Only those that are not healthy.' }
const failedFlag = {
  name: '--failed',
  about: 'Only those that have failed since K2 was started, also where they are up again.'
}

export const actorsCommand: Command = {
  name: 'actors',
  about: 'Show the actors of a running K2: state, restarts, waits, and what failed last.',
  flags: [
    urlFlag,
    unwellFlag,
    failedFlag,
    { name: '--json', about: 'Print the answer of the API as it is.' }
  ],
  examples: ['npm run k2 -- actors --failed', 'npm run k2 -- actors --unwell'],
  exitCodes: { 0: 'all are healthy', 1: 'some are not', ...apiExitCodes },
  run: (given, io) =>
    answerFromApi(given, io, {
      path: '/v1/system/actors',
      decode: decodeAnswer,
      tell: ({ text, answer: { data } }) => {
        if (given.values.has('--json')) {
          io.print(text)
          return
        }
        const { values } = given
        const shown = actorsOf(data.root).filter(
          (actor) =>
            (!values.has(unwellFlag.name) || isUnwell(actor)) &&
            (!values.has(failedFlag.name) || actor.lastError !== null)
        )
        const isOfFailed = values.has(failedFlag.name)
        if (shown.length === 0)
          io.print(isOfFailed ? 'no such actor has failed' : 'every actor is healthy')
        else printTable(io, [columns, ...shown.map(cellsOf)])
      },
      exitCodeOf: ({ data }) => (actorsOf(data.root).some(isUnwell) ? 1 : 0)
    })
}

const columns = ['actor', 'state', 'health', 'restarts', 'waits', 'since', 'last failure']

interface Actor {
  readonly path: string
  readonly state: string
  readonly tags: readonly string[]
  readonly restarts: number
  readonly since: number | null
  readonly lastError: { readonly message: string } | null
  readonly counters?: Readonly<Record<string, number>> | undefined
  readonly children: readonly Actor[]
}

const actorsOf = (actor: Actor): readonly Actor[] => [actor, ...actor.children.flatMap(actorsOf)]

/** What has no tags is part of an actor that has. */
const isUnwell = ({ tags }: Actor): boolean => tags.length > 0 && !tags.includes('healthy')

const cellsOf = (actor: Actor): readonly string[] => [
  actor.path,
  actor.state,
  actor.tags.join(),
  String(actor.restarts),
  String(actor.counters?.['waits'] ?? ''),
  actor.since === null ? '' : new Date(actor.since).toISOString(),
  actor.lastError?.message.split('\n')[0] ?? ''
]

const actorSchema: Schema.Codec<Actor> = Schema.Struct({
  path: Schema.String,
  state: Schema.String,
  tags: Schema.Array(Schema.String),
  restarts: Schema.Number,
  since: Schema.NullOr(Schema.Number),
  lastError: Schema.NullOr(Schema.Struct({ message: Schema.String })),
  counters: Schema.optional(Schema.Record(Schema.String, Schema.Number)),
  children: Schema.Array(Schema.suspend((): Schema.Codec<Actor> => actorSchema))
})

const decodeAnswer = Schema.decodeUnknownSync(
  Schema.Struct({ data: Schema.Struct({ root: actorSchema }) })
)
