/**
 * `npm run k2 -- level [show | inject | clear]`: the level of degradation of a running K2, and
 * pressure that it is told of (G-23).
 */
import * as Schema from 'effect/Schema'
import { answerFromApi, type ApiAnswer, apiExitCodes, urlFlag } from './ask-api.ts'
import {
  ArgumentsRejected,
  type Command,
  type CommandIo,
  type Flag,
  type Given
} from './command-line.ts'
import { printTable } from './rows-output.ts'

const answerMsMax = 10_000
const expiresDefault = 60

export const reasonFlag: Flag = {
  name: '--reason',
  value: 'TEXT',
  about: 'Why, for the log of that K2.'
}

const exitCodes = { 0: 'done', ...apiExitCodes }

const injectCommand: Command = {
  name: 'level inject',
  aliases: ['pressure inject'],
  about: 'Tell a running K2 that it is under pressure, until that expires.',
  flags: [
    urlFlag,
    {
      name: '--level',
      value: 'LEVEL',
      about: 'Up to this level: soft, graceful, aggressive or circuitBreak.',
      values: ['soft', 'graceful', 'aggressive', 'circuitBreak']
    },
    { name: '--value', value: 'SHARE', about: 'Or a share, 0 to 1, as of the memory in use.' },
    { name: '--expires', value: 'SECONDS', about: `After so long (preset ${expiresDefault}).` },
    reasonFlag
  ],
  examples: ['npm run k2 -- level inject --level graceful --expires 30'],
  exitCodes,
  run: (given, io) => answered(given, io, { method: 'POST', body: requestOf(given) })
}

const clearCommand: Command = {
  name: 'level clear',
  aliases: ['pressure clear'],
  about: 'Take injected pressure away from a running K2.',
  flags: [urlFlag, reasonFlag],
  examples: ['npm run k2 -- level clear'],
  exitCodes,
  run: (given, io) => answered(given, io, { method: 'DELETE' })
}

const showCommand: Command = {
  name: 'level show',
  aliases: ['level'],
  about: 'Show the level of degradation of a running K2, why it is so, and the signals.',
  flags: [urlFlag, { name: '--json', about: 'Print the answer of the API as it is; else tables.' }],
  examples: ['npm run k2 -- level', 'npm run k2 -- level show --json'],
  exitCodes: { 0: 'answered', ...apiExitCodes },
  run: (given, io) =>
    answerFromApi(given, io, {
      path: '/v1/system/degradation',
      msMax: answerMsMax,
      decode: decodeView,
      tell: (answered) => show(given, io, answered)
    })
}

export const levelCommands: readonly Command[] = [showCommand, injectCommand, clearCommand]

const show = ({ values }: Given, io: CommandIo, { text, answer }: ApiAnswer<View>): void => {
  if (values.has('--json')) {
    io.print(text)
    return
  }
  const { level, since, injected, signals, history } = answer.data
  io.print(`the level is ${level ?? 'not known yet'}${since === null ? '' : ` since ${since}`}`)
  if (injected !== null)
    io.print(`pressure ${injected.value} is injected until ${injected.expires}`)
  const cells = signals.map(({ signal, data_type: of, value, limit, unit, state, level: at }) => [
    of === undefined ? signal : `${signal} of ${of}`,
    value === null ? '?' : String(value),
    limit === null ? '' : `of ${limit}`,
    unit,
    state,
    at
  ])
  if (cells.length > 0)
    printTable(io, [['signal', 'value', 'limit', 'unit', 'state', 'level'], ...cells])
  if (history.length > 0) io.print('changes, newest first:')
  for (const { at, from, to, reason, action } of history.slice(0, changesShown))
    io.print(`  ${at}  ${from} to ${to}: ${reason}; ${action}`)
}

const changesShown = 5

/** @throws ArgumentsRejected; what the values may be is the API's to say */
const requestOf = ({ values }: Given): string => {
  const level = values.get('--level')
  const value = values.get('--value')
  if ((level === undefined) === (value === undefined)) {
    throw new ArgumentsRejected('give either --level or --value')
  }
  return JSON.stringify({
    ...(level === undefined ? { value: Number(value) } : { level }),
    expires_seconds: Number(values.get('--expires') ?? expiresDefault)
  })
}

interface Request {
  readonly method: 'POST' | 'DELETE'
  readonly body?: string
}

const answered = (given: Given, io: CommandIo, request: Request): Promise<number> =>
  answerFromApi(given, io, {
    ...request,
    reason: given.values.get(reasonFlag.name),
    path: '/v1/system/pressure',
    msMax: answerMsMax,
    decode: decodeState,
    tell: ({ answer }) => io.print(tell(answer.data))
  })

const tell = ({ level, injected }: State): string => {
  const now = `the level is ${level ?? 'not known yet'}; the next sample may change it`
  return injected === null
    ? `no pressure is injected; ${now}`
    : `pressure ${injected.value} is injected until ${injected.expires}; ${now}`
}

type State = ReturnType<typeof decodeState>['data']

const decodeState = Schema.decodeUnknownSync(
  Schema.Struct({
    data: Schema.Struct({
      level: Schema.NullOr(Schema.String),
      injected: Schema.NullOr(Schema.Struct({ value: Schema.Number, expires: Schema.String }))
    })
  })
)

type View = ReturnType<typeof decodeView>

const decodeView = Schema.decodeUnknownSync(
  Schema.Struct({
    data: Schema.Struct({
      level: Schema.NullOr(Schema.String),
      since: Schema.NullOr(Schema.String),
      injected: Schema.NullOr(Schema.Struct({ value: Schema.Number, expires: Schema.String })),
      signals: Schema.Array(
        Schema.Struct({
          signal: Schema.String,
          data_type: Schema.optional(Schema.String),
          value: Schema.NullOr(Schema.Number),
          limit: Schema.NullOr(Schema.Number),
          unit: Schema.String,
          state: Schema.String,
          level: Schema.String
        })
      ),
      history: Schema.Array(
        Schema.Struct({
          at: Schema.NullOr(Schema.String),
          from: Schema.String,
          to: Schema.String,
          reason: Schema.String,
          action: Schema.String
        })
      )
    })
  })
)
