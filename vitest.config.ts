import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const counting = ['duckdb/memory-meter', 'telemetry/heap-monitor'].map(
  (name) => `test/adapters/${name}.test.ts`
)

export default defineConfig({
  // xstate's development build warns about events sent to stopped actors; production drops them silently.
  ssr: { resolve: { conditions: ['development'] } },
  test: {
    projects: [
      // Each file has a worker of its own: these hold a whole K2, or processes of it, or count what
      // their process holds.
      {
        extends: true,
        test: { name: 'alone', include: ['test/{actors,chaos,demo,e2e}/**/*.test.ts', ...counting] }
      },
      // Nothing is left by a file to the next one here, and what they share is loaded once.
      {
        extends: true,
        test: {
          name: 'shared',
          // An `exclude` here would take the place of the command line's.
          include: [
            'test/*.test.ts',
            'test/!(actors|chaos|demo|e2e)/**/*.test.ts',
            ...counting.map((file) => `!${file}`)
          ],
          isolate: false
        }
      }
    ],
    // Many tests wait, for a broker or a child process: one file at a time leaves a core idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Tests that start K2 start what its users do: the built sources.
    globalSetup: ['test/support/global-setup.ts'],
    server: { deps: { inline: ['xstate'] } },
    // Deadlines name what hangs, they measure nothing: a busy machine may take its time.
    testTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } }
  }
})
