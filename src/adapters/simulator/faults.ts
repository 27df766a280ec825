/**
 * Faults on command: what may be asked for, by flag or as JSON, and how a seed chooses its victims.
 *
 * 1. A request is valid as a whole or not applied at all; every problem names its field.
 * 2. Which frames suffer depends on the seed and the frame's place in the timeline only.
 */
import { hashOf, seedFor, unitOf } from './hash.ts'

/** What is wrong with the venue until healed. Shares are of all data frames, 0 to 1. */
export interface FaultSettings {
  /** Cut each connection after so many data frames from now, or from its start; 0 = off. */
  readonly dropAfter: number
  /** Stop sending on each connection after so many data frames, but keep the socket; 0 = off. */
  readonly stallAfter: number
  /** Send nothing to anybody, keep the sockets. */
  readonly stall: boolean
  readonly duplicate: number
  readonly skip: number
  /** Share of frames swapped with the next one of their stream. */
  readonly reorder: number
  /** Share of frames truncated or with flipped bits (the text stays ASCII). */
  readonly corrupt: number
  /** Refuse new WebSocket connections, or these and the REST routes. */
  readonly refuse: 'off' | 'websocket' | 'all'
  /** The market is closed: nothing is issued. What was due comes once it opens again. */
  readonly halt: boolean
  /** REST request weight per minute, as announced and enforced; 0 = as at the start. */
  readonly weightLimit: number
  /** Multiplies the generator's rate. */
  readonly floodTier1: number
  readonly floodTier2: number
  readonly floodTier3: number
}

export const noFaults: FaultSettings = {
  dropAfter: 0,
  stallAfter: 0,
  stall: false,
  duplicate: 0,
  skip: 0,
  reorder: 0,
  corrupt: 0,
  refuse: 'off',
  halt: false,
  weightLimit: 0,
  floodTier1: 1,
  floodTier2: 1,
  floodTier3: 1
}

/** A frame to send as it is, to one connection or to all. */
export interface Injection {
  readonly payload: Buffer
  readonly isBinary: boolean
  readonly connection: number | 'all'
}

/** In this order: heal everything, then the settings, then drop, then inject. */
export interface FaultRequest {
  readonly heal: boolean
  readonly settings: Partial<FaultSettings>
  readonly drop: number | 'all' | undefined
  readonly inject: Injection | undefined
}

export type Validated<A> = { readonly value: A } | { readonly problems: ReadonlyArray<string> }

const frameCountMax = 1_000_000_000
const floodMax = 1_000
const weightLimitMax = 1_000_000_000
/** Bytes of the largest frame that can be injected. */
const injectBytesMax = 64 * 1_024 * 1_024

type Check = (value: unknown) => string | undefined

const wholeNumber =
  (min: number, max: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `must be a whole number from ${min} to ${max}`

const share: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1 ? undefined : 'must be a share from 0 to 1'

const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false')

const times: Check = (value) =>
  typeof value === 'number' && value >= 1 && value <= floodMax
    ? undefined
    : `must be a factor from 1 to ${floodMax}`

const oneOf =
  (...allowed: ReadonlyArray<string>): Check =>
  (value) =>
    allowed.includes(value as string) ? undefined : `must be one of ${allowed.join(', ')}`

const checks: { readonly [K in keyof FaultSettings]: Check } = {
  dropAfter: wholeNumber(0, frameCountMax),
  stallAfter: wholeNumber(0, frameCountMax),
  stall: flag,
  duplicate: share,
  skip: share,
  reorder: share,
  corrupt: share,
  refuse: oneOf('off', 'websocket', 'all'),
  halt: flag,
  weightLimit: wholeNumber(0, weightLimitMax),
  floodTier1: times,
  floodTier2: times,
  floodTier3: times
}

const knownNames = [...Object.keys(checks), 'heal', 'drop', 'inject']

/** Checks a decoded JSON body such as `{"duplicate":0.01,"drop":"all"}`. */
export const readFaultRequest = (body: unknown): Validated<FaultRequest> => {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    return { problems: ['the body must be a JSON object of faults'] }
  }
  const problems: Array<string> = []
  const settings: Record<string, unknown> = {}
  let inject: Injection | undefined
  for (const [name, value] of Object.entries(body)) {
    if (Object.hasOwn(checks, name)) {
      const problem = checks[name as keyof FaultSettings](value)
      if (problem === undefined) settings[name] = value
      else problems.push(`${name} ${problem}`)
    } else if (name === 'heal') {
      if (value !== true) problems.push('heal must be true')
    } else if (name === 'drop') {
      if (value !== 'all' && !Number.isSafeInteger(value))
        problems.push('drop must be "all" or a connection id')
    } else if (name === 'inject') {
      const read = readInjection(value)
      if ('problems' in read) problems.push(...read.problems)
      else inject = read.value
    } else {
      problems.push(`${name} is no fault; known are ${knownNames.join(', ')}`)
    }
  }
  if (problems.length > 0) return { problems }
  const { heal, drop } = body as { readonly heal?: true; readonly drop?: number | 'all' }
  return { value: { heal: heal === true, settings, drop, inject } }
}

/**
 * One of `text`, `base64` (sent as binary), `textBytes` and `binaryBytes` (so much filler), and
 * optionally the `connection` to send it to.
 */
const readInjection = (value: unknown): Validated<Injection> => {
  const body = (value ?? {}) as { readonly [name: string]: unknown }
  const connection = body['connection'] ?? 'all'
  if (connection !== 'all' && !Number.isSafeInteger(connection)) {
    return { problems: ['inject.connection must be "all" or a connection id'] }
  }
  const to = connection as number | 'all'
  const { text, base64 } = body as { readonly text?: unknown; readonly base64?: unknown }
  if (typeof text === 'string')
    return { value: { payload: Buffer.from(text), isBinary: false, connection: to } }
  if (typeof base64 === 'string') {
    return { value: { payload: Buffer.from(base64, 'base64'), isBinary: true, connection: to } }
  }
  for (const name of ['textBytes', 'binaryBytes']) {
    if (body[name] === undefined) continue
    const problem = wholeNumber(0, injectBytesMax)(body[name])
    if (problem !== undefined) return { problems: [`inject.${name} ${problem}`] }
    const payload = Buffer.alloc(body[name] as number, 'x')
    return { value: { payload, isBinary: name === 'binaryBytes', connection: to } }
  }
  return { problems: ['inject must have one of text, base64, textBytes, binaryBytes'] }
}

const faultFlagGrammar =
  'drop-after=N | stall-after=N | stall | duplicate=SHARE | skip=SHARE | reorder=SHARE | ' +
  'corrupt=SHARE | refuse[=websocket|all] | halt | flood=TIMES@TIER'

/** Reads `--fault` flags such as `drop-after=1000` or `flood=20@3` into settings. */
export const readFaultFlags = (flags: ReadonlyArray<string>): Validated<Partial<FaultSettings>> => {
  const body: Record<string, unknown> = {}
  for (const text of flags) {
    const [name = '', value] = text.split('=', 2)
    const flood = name === 'flood' ? /^([\d.]+)@([123])$/.exec(value ?? '') : null
    if (flood !== null) body[`floodTier${flood[2]}`] = Number(flood[1])
    else if (name === 'refuse') body['refuse'] = value ?? 'all'
    else if (name === 'stall' || name === 'halt')
      body[name] = value === undefined || value === 'true'
    else if (
      ['drop-after', 'stall-after', 'duplicate', 'skip', 'reorder', 'corrupt'].includes(name)
    ) {
      body[name.replace('-a', 'A')] =
        value === undefined || value === '' ? Number.NaN : Number(value)
    } else return { problems: [`"${text}" is no fault; write ${faultFlagGrammar}`] }
  }
  const read = readFaultRequest(body)
  return 'problems' in read ? read : { value: read.value.settings }
}

/** What befalls one frame on every connection that would get it. */
export interface FrameLuck {
  readonly isSkipped: boolean
  readonly isDuplicated: boolean
  readonly isReordered: boolean
  readonly isCorrupted: boolean
  /** Chance for the details of a corruption. */
  readonly word: number
}

/** Luck of the n-th frame of the timeline; undefined while no fault of frames is set. */
export const makeFrameLuck = (
  seed: number
): ((settings: FaultSettings, ordinal: number) => FrameLuck | undefined) => {
  const [skip, duplicate, reorder, corrupt] = ['skip', 'duplicate', 'reorder', 'corrupt'].map(
    (name) => seedFor(seed, name)
  ) as [number, number, number, number]
  return (settings, ordinal) => {
    if (settings.skip + settings.duplicate + settings.reorder + settings.corrupt === 0)
      return undefined
    return {
      isSkipped: unitOf(skip, ordinal) < settings.skip,
      isDuplicated: unitOf(duplicate, ordinal) < settings.duplicate,
      isReordered: unitOf(reorder, ordinal) < settings.reorder,
      isCorrupted: unitOf(corrupt, ordinal) < settings.corrupt,
      word: hashOf(corrupt, ordinal)
    }
  }
}

/** A damaged copy: cut short, or one bit flipped in up to three bytes; ASCII stays ASCII. */
export const corruptBytes = (bytes: Buffer, word: number): Buffer => {
  if (bytes.length === 0) return bytes
  if (word % 2 === 0) return bytes.subarray(0, (word >>> 1) % bytes.length)
  const damaged = Buffer.from(bytes)
  for (let flip = 0; flip < 1 + ((word >>> 1) % 3); flip += 1) {
    const at = hashOf(word, flip) % damaged.length
    damaged[at] = damaged[at]! ^ (1 << (hashOf(word, flip + 8) % 7))
  }
  return damaged
}
