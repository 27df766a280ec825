import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // xstate's development build warns about events sent to stopped actors; production drops them silently.
  ssr: { resolve: { conditions: ['development'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // Many tests wait, for a broker or a child process: one file at a time leaves a core idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Tests that start K2 start what its users do: the built sources.
    globalSetup: ['test/support/global-setup.ts'],
    server: { deps: { inline: ['xstate'] } },
    // Deadlines name what hangs, they measure nothing: a busy machine may take its time.
    testTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } }
  }
})
