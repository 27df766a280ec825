import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readExchangeFlags } from '../../src/cli/exchange.ts'

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

const run = (...args: ReadonlyArray<string>) => {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', join(projectRoot, 'src', 'cli', 'exchange.ts'), ...args],
    { cwd: projectRoot }
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  let output = ''
  let wake = () => {}
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      wake()
    })
  }
  const said = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(output)
      if (match !== null) return match
      await new Promise<void>((resolve, reject) => {
        wake = resolve
        void exited.then((code) => reject(new Error(`ended with ${code}: ${output}`)))
      })
    }
  }
  return { child, exited, said, output: () => output }
}

describe('flags', () => {
  test('defaults', () => {
    expect(readExchangeFlags([])).toMatchObject({
      recordings: [],
      rate: 100,
      simulator: { port: 9_443, speed: 1, seed: 1, connectionMsMax: 86_400_000, faults: {} }
    })
  })

  test('all of them', () => {
    const args =
      '--port 0 --speed max --seed 7 --rate 500 --symbols btcusdt,ETHBTC ' +
      '--fault stall --fault flood=20@3 --connection-age-ms 60000'
    expect(readExchangeFlags(args.split(' '))).toMatchObject({
      symbols: ['BTCUSDT', 'ETHBTC'],
      rate: 500,
      simulator: {
        port: 0,
        speed: 'max',
        seed: 7,
        connectionMsMax: 60_000,
        faults: { stall: true, floodTier3: 20 }
      }
    })
    expect(readExchangeFlags(['--help', '--port', 'x'])).toBe('help')
    expect(readExchangeFlags(['--tier-rates=10,20,30', '--even'])).toMatchObject({
      tierRates: { 1: 10, 2: 20, 3: 30 },
      isEven: true
    })
  })

  test.each(['1,2', '1,2,x', '1,0,3', '1,2,3,4', ''])('rates of tiers are three: %s', (text) => {
    expect(readExchangeFlags([`--tier-rates=${text}`])).toMatchObject({
      problems: [expect.stringContaining('--tier-rates')]
    })
  })

  test('the rate is of all or by tier', () => {
    expect(readExchangeFlags(['--rate', '5', '--tier-rates', '1,2,3'])).toMatchObject({
      problems: [expect.stringContaining('either')]
    })
  })

  test('every wrong value is told at once, with what is allowed', () => {
    const flags =
      '--port 70000 --speed fast --rate 0 --symbols BTCUSDT,FOO --fault explode --seed=-1'.split(
        ' '
      )
    const read = readExchangeFlags(flags)
    const problems = typeof read === 'object' && 'problems' in read ? read.problems.join('\n') : ''
    for (const name of ['port', 'speed', 'rate', 'symbols', 'fault', 'seed']) {
      expect(problems).toContain(`--${name}`)
    }
  })

  test('what belongs to the generated market is refused for a recording', () => {
    const read = readExchangeFlags(['--recording', 'x', '--rate', '5', '--fault', 'flood=2@1'])
    expect(read).toMatchObject({
      problems: [expect.stringContaining('--rate'), expect.stringContaining('flood')]
    })
  })

  test('an unknown flag is a problem', () => {
    const read = readExchangeFlags(['--no-such-flag', 'stray', '--help=1', '--rate=x', '--port'])
    expect(read).toMatchObject({ problems: { length: 5 } })
  })
})

describe('the process', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'serves, says where, and ends with 0 on %s, however often it comes',
    async (signal) => {
      const exchange = run('--port', '0', '--rate', '50')
      const [, port] = await exchange.said(/listening on ws:\/\/127\.0\.0\.1:(\d+) /)
      const reply = await fetch(`http://127.0.0.1:${port}/api/v3/exchangeInfo?symbol=BTCUSDT`)
      expect(await reply.json()).toMatchObject({ symbols: [{ symbol: 'BTCUSDT' }] })
      const { child } = exchange
      const isAlive = () => child.exitCode === null && child.signalCode === null
      while (isAlive()) {
        child.kill(signal)
        await new Promise(setImmediate)
      }
      expect(await exchange.exited).toBe(0)
      expect(exchange.output()).toMatch(/issued \{/)
    }
  )

  test('ends when it is asked to, also with a channel to who started it', async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(projectRoot, 'src', 'cli', 'exchange.ts'), '--port', '0'],
      { cwd: projectRoot, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] }
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    const exited = once(child, 'exit')
    let output = ''
    child.stdout!.on('data', (bytes: Buffer) => (output += bytes.toString()))
    await expect.poll(() => output).toContain('listening on')
    child.kill('SIGINT')
    expect(await exited).toEqual([0, null])
  })

  test('--help explains every flag', async () => {
    const help = run('--help')
    expect(await help.exited).toBe(0)
    for (const flag of [
      '--port',
      '--recording',
      '--speed',
      '--seed',
      '--rate',
      '--symbols',
      '--fault',
      '--connection-age-ms',
      '--weight-limit',
      '--tier-rates',
      '--even'
    ]) {
      expect(help.output()).toContain(flag)
    }
  })

  test('wrong flags end it with 2, a file that is not there with 1', async () => {
    const wrong = run('--port', 'x')
    expect(await wrong.exited).toBe(2)
    expect(wrong.output()).toContain('--port is "x"')
    const absent = run('--port', '0', '--recording', '/nowhere.jsonl')
    expect(await absent.exited).toBe(1)
    expect(absent.output()).toContain('/nowhere.jsonl')
  })
})
