import { Effect, Exit, Fiber, Scope } from 'effect'
import { afterEach, describe, expect, test } from 'vitest'
import {
  BinanceSocket,
  binanceSocketDefaults,
  type BinanceSocketOptions,
  type ExchangeSession,
  type SocketEvent
} from '../../../src/adapters/exchange/binance-socket.ts'
import type { RawFrame } from '../../../src/adapters/exchange/frame-result.ts'
import { hasOpenssl, selfSigned } from '../../support/certificates.ts'
import { type FakeVenue, type FakeVenueOptions, openFakeVenue } from '../../support/fake-venue.ts'

const opened: FakeVenue[] = []
const scopes: Scope.Closeable[] = []
afterEach(async () => {
  for (const scope of scopes.splice(0)) await Effect.runPromise(Scope.close(scope, Exit.void))
  for (const venue of opened.splice(0)) await venue.close()
})

const venueWith = async (options: FakeVenueOptions = {}) => {
  const venue = await openFakeVenue(options)
  opened.push(venue)
  return venue
}

const events: SocketEvent[] = []
const connectTo = async (
  url: string,
  streams: ReadonlyArray<string> = ['btcusdt@trade'],
  options: Partial<BinanceSocketOptions> = {}
): Promise<ExchangeSession> => {
  events.length = 0
  const scope = Effect.runSync(Scope.make())
  scopes.push(scope)
  const layer = BinanceSocket.layer({
    ...binanceSocketDefaults,
    nowUs: () => 1_700_000_000_000_000,
    observe: (event) => events.push(event),
    ...options
  })
  const program = Effect.flatMap(BinanceSocket, (socket) => socket.connect(url, streams))
  return await Effect.runPromise(program.pipe(Effect.provide(layer), Scope.provide(scope)))
}

const failureOf = <E>(effect: Effect.Effect<unknown, E>) => Effect.runPromise(Effect.flip(effect))
const connectFailure = async (url: string, options: Partial<BinanceSocketOptions> = {}) => {
  try {
    await connectTo(url, ['btcusdt@trade'], options)
  } catch (error) {
    return error
  }
  throw new Error('the connection came about')
}

/** Takes frames until there are `count`. */
const takeMany = async (session: ExchangeSession, count: number): Promise<RawFrame[]> => {
  const frames: RawFrame[] = []
  while (frames.length < count) frames.push(...(await Effect.runPromise(session.takeFrames)))
  return frames
}
const textsOf = (frames: ReadonlyArray<RawFrame>) =>
  frames.map(({ bytes }) => bytes.toString('utf8'))

describe('connecting', () => {
  test('names the streams in the address and keeps what comes with the handshake', async () => {
    const venue = await venueWith({ onConnected: (socket) => socket.send('first') })
    const session = await connectTo(venue.url, ['btcusdt@trade', 'ethusdt@trade', 'btcusdt@trade'])
    expect(textsOf(await takeMany(session, 1))).toEqual(['first'])
    expect(venue.paths).toEqual(['/stream?streams=btcusdt@trade/ethusdt@trade'])
    expect(session.streams()).toEqual(['btcusdt@trade', 'ethusdt@trade'])
  })

  test('subscribes what does not fit the address', async () => {
    const venue = await venueWith()
    const streams = Array.from({ length: 350 }, (_, index) => `s${index}@trade`)
    const session = await connectTo(venue.url, streams)
    expect(venue.requests.map(({ method, params }) => [method, params.length])).toEqual([
      ['SUBSCRIBE', 200],
      ['SUBSCRIBE', 50]
    ])
    expect(session.streams()).toEqual(streams)
  })

  test('more than 1,024 streams are a matter of configuration', async () => {
    const venue = await venueWith()
    const streams = Array.from({ length: 1025 }, (_, index) => `s${index}@trade`)
    await expect(connectTo(venue.url, streams)).rejects.toMatchObject({
      _tag: 'TooManyStreams',
      streamCount: 1025
    })
    expect(venue.connectionCount()).toBe(0)
  })

  test('nobody listens', async () => {
    const venue = await openFakeVenue()
    await venue.close()
    expect(await connectFailure(venue.url)).toMatchObject({
      _tag: 'ConnectRefused',
      isDependency: true
    })
  })

  test('an HTTP status instead of a WebSocket', async () => {
    const venue = await venueWith({ refuseUpgrade: 451 })
    expect(await connectFailure(venue.url)).toMatchObject({
      _tag: 'HandshakeFailed',
      status: 451,
      isDependency: true
    })
  })

  test('a handshake that never ends', async () => {
    const venue = await venueWith({ ignoreUpgrade: true })
    expect(await connectFailure(venue.url, { handshakeMsMax: 50 })).toMatchObject({
      _tag: 'HandshakeFailed',
      status: null
    })
  })

  test('an address that is none', async () => {
    expect(await connectFailure('http//x')).toMatchObject({ _tag: 'ConnectRefused' })
  })

  test('interruption during the handshake leaves no connection', async () => {
    const venue = await venueWith({ ignoreUpgrade: true })
    const layer = BinanceSocket.layer({
      ...binanceSocketDefaults,
      nowUs: () => 0,
      observe: () => undefined
    })
    const program = Effect.scoped(
      Effect.flatMap(BinanceSocket, (socket) => socket.connect(venue.url, []))
    )
    const fiber = Effect.runFork(Effect.provide(program, layer))
    await expect.poll(() => venue.ignoredCount()).toBe(1)
    await Effect.runPromise(Fiber.interrupt(fiber))
    await expect.poll(() => venue.ignoredCount()).toBe(0)
    expect(Exit.hasInterrupts(await Effect.runPromise(Fiber.await(fiber)))).toBe(true)
  })
})

describe.skipIf(!hasOpenssl)('certificates (needs openssl)', () => {
  test('an unknown one is refused, a trusted one is not', async () => {
    const tls = selfSigned()
    const venue = await venueWith({ tls, onConnected: (socket) => socket.send('x') })
    expect(await connectFailure(venue.url)).toMatchObject({
      _tag: 'HandshakeFailed',
      reason: expect.stringContaining('SELF_SIGNED')
    })
    const session = await connectTo(venue.url, [], { trustedCertificates: [tls.cert] })
    expect(textsOf(await takeMany(session, 1))).toEqual(['x'])
  })
})

describe('frames', () => {
  test('arrive in order, binary ones marked, with their receive time', async () => {
    const venue = await venueWith({
      onConnected: (socket) => {
        for (let index = 0; index < 2_500; index++) socket.send(`frame ${index}`)
        socket.send(Buffer.from([1, 2, 3]), { binary: true })
      }
    })
    const session = await connectTo(venue.url)
    const frames = await takeMany(session, 2_501)
    expect(textsOf(frames.slice(0, -1))).toEqual(
      Array.from({ length: 2_500 }, (_, index) => `frame ${index}`)
    )
    expect(frames.at(-1)).toMatchObject({
      isBinary: true,
      frameBytes: 3,
      receivedUs: 1_700_000_000_000_000
    })
    expect(frames.filter(({ isBinary }) => isBinary)).toHaveLength(1)
    expect(session.queuedBytes()).toBe(0)
  })

  test('a batch is bounded', async () => {
    const venue = await venueWith({
      onConnected: (socket) => {
        for (let index = 0; index < 500; index++) socket.send('x')
      }
    })
    const session = await connectTo(venue.url, [], { batchFramesMax: 7 })
    let taken = 0
    while (taken < 500) {
      const batch = await Effect.runPromise(session.takeFrames)
      expect(batch.length).toBeLessThanOrEqual(7)
      taken += batch.length
    }
  })

  test('an oversized one costs itself only, text that is not UTF-8 too', async () => {
    const venue = await venueWith({
      onConnected: (socket) => {
        socket.send('a'.repeat(2 * 1024 * 1024))
        socket.send(Buffer.from([0xff, 0xfe]), { binary: false })
        socket.send('after')
      }
    })
    const session = await connectTo(venue.url)
    const [large, broken, next] = await takeMany(session, 3)
    expect(large).toMatchObject({ frameBytes: 2 * 1024 * 1024, isBinary: false })
    expect(large?.bytes.length).toBe(64 * 1024)
    expect(broken?.bytes).toEqual(Buffer.from([0xff, 0xfe]))
    expect(next?.bytes.toString()).toBe('after')
  })

  test('one beyond the hard limit costs the connection, explained', async () => {
    const venue = await venueWith({
      onConnected: (socket) => {
        socket.send('before')
        socket.send('a'.repeat(200_000))
      }
    })
    const session = await connectTo(venue.url, [], { payloadBytesMax: 100_000 })
    await takeMany(session, 1)
    expect(await failureOf(session.takeFrames)).toMatchObject({
      _tag: 'SocketClosed',
      code: 1009,
      closedBy: 'venue',
      reason: 'a frame exceeds 100000 bytes',
      isDependency: true
    })
  })

  test('a slow reader stops the socket: what is held stays bounded, nothing is lost', async () => {
    const frameBytes = 10_000
    const frameCount = 3_000
    const venue = await venueWith()
    const bound = 500_000
    const session = await connectTo(venue.url, [], { queueBytesMax: bound, batchFramesMax: 10 })
    const socket = venue.socket()
    for (let index = 0; index < frameCount; index++) socket.send(String(index).padEnd(frameBytes))
    const seen: string[] = []
    let heldMax = 0
    while (seen.length < frameCount) {
      for (const text of textsOf(await Effect.runPromise(session.takeFrames))) {
        seen.push(text.trimEnd())
      }
      // A turn of the event loop: the socket is read if it may be.
      await new Promise((resolve) => setImmediate(resolve))
      heldMax = Math.max(heldMax, session.queuedBytes())
    }
    expect(seen).toEqual(Array.from({ length: frameCount }, (_, index) => String(index)))
    // One read of the socket (64 KiB, and what the receiver had of the one before) and one frame.
    expect(heldMax).toBeLessThanOrEqual(bound + 2 * 65_536 + frameBytes)
    const changes = events.flatMap((event) =>
      event.type === 'socket.reading_changed' ? [event.isReading] : []
    )
    expect(changes[0]).toBe(false)
    expect(changes.at(-1)).toBe(true)
  })
})

describe('the end', () => {
  test('by the venue: what had come is given first, then the code', async () => {
    const venue = await venueWith({
      onConnected: (socket) => {
        socket.send('last')
        socket.close(1001, 'maintenance')
      }
    })
    const session = await connectTo(venue.url)
    expect(textsOf(await takeMany(session, 1))).toEqual(['last'])
    const failure = { _tag: 'SocketClosed', code: 1001, reason: 'maintenance', closedBy: 'venue' }
    expect(await failureOf(session.takeFrames)).toMatchObject(failure)
    expect(await failureOf(session.takeFrames)).toMatchObject(failure)
  })

  test('without a close frame', async () => {
    const venue = await venueWith()
    const session = await connectTo(venue.url)
    const waiting = failureOf(session.takeFrames)
    venue.socket().terminate()
    expect(await waiting).toMatchObject({ _tag: 'SocketClosed', code: 1006, closedBy: 'venue' })
  })

  test('on our wish: what had come can be taken, the rest is not waited for', async () => {
    const venue = await venueWith({ onConnected: (socket) => socket.send('one') })
    const session = await connectTo(venue.url)
    const [frame] = await takeMany(session, 1)
    expect(frame?.bytes.toString()).toBe('one')
    await Effect.runPromise(session.close)
    expect(await failureOf(session.takeFrames)).toMatchObject({
      _tag: 'SocketClosed',
      closedBy: 'k2',
      code: 1000
    })
  })

  test('of the scope: the venue sees a normal close', async () => {
    const venue = await venueWith()
    await connectTo(venue.url)
    const closed = new Promise<number>((resolve) => venue.socket().once('close', resolve))
    for (const scope of scopes.splice(0)) await Effect.runPromise(Scope.close(scope, Exit.void))
    expect(await closed).toBe(1000)
    expect(events.at(-1)).toMatchObject({ type: 'socket.closed', closedBy: 'k2' })
  })

  test('of the scope, with a venue that does not answer the close', async () => {
    const venue = await venueWith()
    await connectTo(venue.url, [], { closeMsMax: 50 })
    venue.socket().pause()
    for (const scope of scopes.splice(0)) await Effect.runPromise(Scope.close(scope, Exit.void))
    expect(events.at(-1)).toMatchObject({ type: 'socket.closed', closedBy: 'k2' })
  })

  test('by silence', async () => {
    const venue = await venueWith()
    const session = await connectTo(venue.url, [], { staleMs: 80 })
    expect(await failureOf(session.takeFrames)).toMatchObject({
      _tag: 'StaleConnection',
      silentMs: 80,
      isDependency: true
    })
    expect(events.map(({ type }) => type)).toContain('socket.stalled')
  })

  test('pings are answered, and are no silence', async () => {
    const venue = await venueWith()
    const session = await connectTo(venue.url, [], { staleMs: 120 })
    const socket = venue.socket()
    // Twenty pings, each sent when the one before was answered and 20 ms have gone: 400 ms in all.
    for (let ping = 0; ping < 20; ping++) {
      const answered = new Promise<string>((resolve) =>
        socket.once('pong', (data) => resolve(data.toString()))
      )
      socket.ping(`p${ping}`)
      expect(await answered).toBe(`p${ping}`)
      await Effect.runPromise(Effect.sleep(20))
    }
    socket.send('alive')
    expect(textsOf(await takeMany(session, 1))).toEqual(['alive'])
    expect(events.filter(({ type }) => type === 'socket.pinged')).toHaveLength(20)
  })

  test('not by silence of our own making', async () => {
    const venue = await venueWith()
    const session = await connectTo(venue.url, [], { staleMs: 40, queueBytesMax: 10 })
    venue.socket().send('more than ten bytes')
    await Effect.runPromise(Effect.sleep(200))
    expect(textsOf(await takeMany(session, 1))).toEqual(['more than ten bytes'])
    expect(events.map(({ type }) => type)).not.toContain('socket.stalled')
  })
})

describe('subscriptions', () => {
  test('are acknowledged by id, and only the difference is asked for', async () => {
    const venue = await venueWith()
    const session = await connectTo(venue.url, ['btcusdt@trade'])
    await Effect.runPromise(session.subscribe(['btcusdt@trade', 'ethusdt@trade']))
    await Effect.runPromise(session.unsubscribe(['btcusdt@trade', 'xrpusdt@trade']))
    await Effect.runPromise(session.subscribe(['ethusdt@trade']))
    expect(venue.requests).toMatchObject([
      { method: 'SUBSCRIBE', params: ['ethusdt@trade'], id: 1 },
      { method: 'UNSUBSCRIBE', params: ['btcusdt@trade'], id: 2 }
    ])
    expect(session.streams()).toEqual(['ethusdt@trade'])
    expect(events.filter(({ type }) => type === 'request.answered')).toHaveLength(2)
  })

  for (const [name, answer] of [
    ['with an id', (id: number) => ({ error: { code: 2, msg: 'Invalid request' }, id })],
    ['without one', () => ({ code: 2, msg: 'Invalid request' })]
  ] as const) {
    test(`refused ${name}`, async () => {
      const venue = await venueWith({ answer: ({ id }) => answer(id) })
      const session = await connectTo(venue.url, [])
      expect(await failureOf(session.subscribe(['x@trade']))).toMatchObject({
        _tag: 'SubscribeRejected',
        method: 'SUBSCRIBE',
        code: 2,
        reason: 'Invalid request',
        isDependency: true
      })
      expect(session.streams()).toEqual([])
    })
  }

  test('unanswered', async () => {
    const venue = await venueWith({ answer: () => null })
    const session = await connectTo(venue.url, [], { answerMsMax: 40 })
    expect(await failureOf(session.subscribe(['x@trade']))).toMatchObject({
      _tag: 'SubscribeRejected', code: null, reason: 'no answer within 40 ms'
    })
  })

  test('end with the socket', async () => {
    const venue: FakeVenue = await venueWith({
      answer: () => {
        venue.socket().terminate()
        return null
      }
    })
    const session = await connectTo(venue.url, [])
    expect(await failureOf(session.subscribe(['x@trade']))).toMatchObject({ _tag: 'SocketClosed' })
    expect(await failureOf(session.subscribe(['y@trade']))).toMatchObject({ _tag: 'SocketClosed' })
  })

  test('leave at most four in a second', async () => {
    const venue = await venueWith()
    const session = await connectTo(venue.url, [])
    const names = Array.from({ length: 7 }, (_, index) => `s${index}@trade`)
    await Effect.runPromise(
      Effect.all(
        names.map((name) => session.subscribe([name])),
        { concurrency: 'unbounded' }
      )
    )
    const times = venue.requests.map(({ atMs }) => atMs)
    expect(times).toHaveLength(7)
    for (const [index, atMs] of times.entries()) {
      expect((times[index + 4] ?? Infinity) - atMs).toBeGreaterThan(1_000)
    }
  })

  test('wait while we do not read: the deadline stands still', async () => {
    const venue: FakeVenue = await venueWith({
      answer: ({ id }) => {
        for (let index = 0; index < 200; index++) venue.socket().send('x'.repeat(10_000))
        return { result: null, id }
      }
    })
    const session = await connectTo(venue.url, [], { answerMsMax: 40, queueBytesMax: 20_000 })
    const subscribed = Effect.runPromise(session.subscribe(['x@trade']))
    await Effect.runPromise(Effect.sleep(150))
    await takeMany(session, 200)
    await subscribed
    expect(session.streams()).toEqual(['x@trade'])
  })

  test('a frame that only looks like an answer is a frame', async () => {
    const venue = await venueWith({
      onConnected: (socket) => socket.send('{"result":null,"id":99}')
    })
    const session = await connectTo(venue.url, [])
    expect(textsOf(await takeMany(session, 1))).toEqual(['{"result":null,"id":99}'])
    expect(events.at(-1)).toMatchObject({ type: 'request.answered', isExpected: false })
  })
})

describe('how far the reader has come', () => {
  /** Answers any request behind `count` frames, with whatever follows them. */
  const behindFrames = async (count: number, then: (venue: FakeVenue, id: number) => unknown) => {
    const venue: FakeVenue = await venueWith({
      answer: ({ id }) => {
        for (let index = 0; index < count; index++) venue.socket().send(`frame ${index}`)
        return then(venue, id)
      }
    })
    return connectTo(venue.url, [], { answerMsMax: 200 })
  }
  const hasEnded = (fiber: Fiber.Fiber<unknown>) => fiber.pollUnsafe() !== undefined
  const seen = (type: SocketEvent['type']) =>
    expect.poll(() => events.map((event) => event.type)).toContain(type)

  test('is told once all that came before the answer is handled', async () => {
    const session = await behindFrames(3, (_venue, id) => ({ result: true, id }))
    const caughtUp = Effect.runFork(session.caughtUp)
    await seen('request.answered')
    expect(hasEnded(caughtUp)).toBe(false)
    expect(await takeMany(session, 3)).toHaveLength(3)
    expect(hasEnded(caughtUp)).toBe(false)
    const asking = Effect.runFork(session.takeFrames)
    expect(await Effect.runPromise(Fiber.join(caughtUp))).toBe(true)
    await Effect.runPromise(Fiber.interrupt(asking))
  })

  test('of a lost connection, once its last frames are handled', async () => {
    const session = await behindFrames(2, (venue) => {
      venue.socket().close()
      return null
    })
    const caughtUp = Effect.runFork(session.caughtUp)
    await seen('socket.closed')
    expect(hasEnded(caughtUp)).toBe(false)
    await takeMany(session, 2)
    await failureOf(session.takeFrames)
    expect(await Effect.runPromise(Fiber.join(caughtUp))).toBe(true)
  })

  test('is unknown where the venue does not answer', async () => {
    const session = await behindFrames(0, () => null)
    expect(await Effect.runPromise(session.caughtUp)).toBe(false)
  })

  test('is no question any more once the connection is let go', async () => {
    const session = await behindFrames(1, (_venue, id) => ({ result: true, id }))
    const caughtUp = Effect.runFork(session.caughtUp)
    await seen('request.answered')
    await Effect.runPromise(Scope.close(scopes.pop()!, Exit.void))
    expect(await Effect.runPromise(Fiber.join(caughtUp))).toBe(true)
  })
})
