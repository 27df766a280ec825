/**
 * Finds the recordings that tests of real input read.
 *
 * 1. They lie in `K2_RECORDINGS`, or in `../shared/data` seen from the project's root.
 * 2. Where one is absent its test is skipped with a message; with
 *    `K2_REQUIRE_RECORDINGS=1` it fails.
 */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type TestContext } from 'vitest'

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export const recordingNames = {
  btc2024: 'binance-spot/btcusdt_20240808.recvns.txt.gz',
  eth2024: 'binance-spot/ethusdt_20240808.recvns.txt.gz',
  trades2024: 'binance-spot/trades_btc_eth_20240808.wire.jsonl.gz',
  btc2023: 'binance-spot/btcusdt_20230405.recvus.txt.gz',
  mixed2021: 'binance-spot/mixed_streams_20211012.cryptofeed.txt.gz'
} as const

/** The folder that recordings are looked for in. */
const recordingsFolder = (): string =>
  resolve(projectRoot, process.env['K2_RECORDINGS'] ?? '../shared/data')

/** Absolute path of a recording such as `binance-spot/x.gz`, whether or not it is there. */
const recordingPath = (relativePath: string): string => join(recordingsFolder(), relativePath)

/**
 * A test that reads recordings: its body gets their absolute paths in the order asked for.
 * @param relativePaths as in `recordingNames`.
 */
export const testWithRecordings = <const TPaths extends ReadonlyArray<string>>(
  name: string,
  relativePaths: TPaths,
  body: (
    paths: { readonly [K in keyof TPaths]: string },
    context: TestContext
  ) => void | Promise<void>,
  timeoutMs?: number
): void =>
  test(
    name,
    async (context) => {
      const paths = relativePaths.map(recordingPath)
      const absent = paths.filter((path) => !existsSync(path))
      if (absent.length > 0) {
        const message = `recordings are absent: ${absent.join(', ')} (set K2_RECORDINGS)`
        if (process.env['K2_REQUIRE_RECORDINGS'] === '1') throw new Error(message)
        context.skip(message)
      }
      await body(paths as unknown as { readonly [K in keyof TPaths]: string }, context)
    },
    timeoutMs
  )
